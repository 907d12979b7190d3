#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Statically linked programs where something goes wrong on the way: a jump that cannot be written.
. "$(dirname "$0")/lib.sh"

if [ ! -x "$top/build/sockatlas-patch" ]; then
    case_skip "static programs are followed" "not written for this processor"
    finish
fi

by_hand() { # PATCHER PROGRAM...: traced by a preload in the shell that executes it; the trace is in $work/trace
    local patcher=$1
    shift
    rm -rf trace
    SOCKATLAS_PATCH=$patcher SOCKATLAS_DIR=$work/trace LD_PRELOAD=$preload bash -c '"$@"; exit $?' bash "$@"
}
static() { # NAME [FLAG...]: from standard input
    gcc -std=gnu11 -O2 -D_GNU_SOURCE -static -x c -o "$@" -
}

# ---- a jump that cannot be written ----

static connects <<'END'
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    if (listen(listener, 5) || getsockname(listener, (struct sockaddr *)&address, &size) || connect(fd, (struct sockaddr *)&address, size))
        return 1;
    close(accept(listener, 0, 0));
    close(fd);
    return 7;
}
END
# Of the writes to a process's memory that have a jump's size the Nth fails, once.
gcc -shared -fPIC -D_GNU_SOURCE -x c -o refuses.so - <<'END'
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
ssize_t pwrite(int fd, const void *from, size_t size, off_t at)
{
    static int count;
    ssize_t (*next)(int, const void *, size_t, off_t) = (__typeof__(next))dlsym(RTLD_NEXT, "pwrite");
    if (size < 5 || size > 16 || ++count != atoi(getenv("REFUSE")))
        return next(fd, from, size, at);
    errno = EIO;
    return -1;
}
END
for refused in 1 2 20; do
    printf '#!/bin/sh\nREFUSE=%s LD_PRELOAD=%s exec %s "$@"\n' $refused "$work/refuses.so" "$top/build/sockatlas-patch" >patcher
    chmod +x patcher
    by_hand "$work/patcher" ./connects
    case_is "jump $refused cannot be written: the program runs as it is" 7 $?
    case_is "jump $refused: nothing of it is recorded" 0 \
        "$("$sockatlas" list --json trace 2>/dev/null | jq -s '[.[] | select(.comm == "connects")] | length')"
done
case_has "and the map says why" "its system calls could not be redirected" "$("$sockatlas" map trace)"
by_hand 1 ./connects
case_is "all can be written: it is recorded" "7 true" \
    "$? $("$sockatlas" list --json trace 2>/dev/null | jq -s '[.[] | select(.comm == "connects")] | length > 0')"
finish
