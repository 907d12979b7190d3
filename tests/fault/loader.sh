#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How programs come by libc's functions and by the shim's: by a second name, by dlopen() at some later time, from a library that is
# taken out again. Each call does what it does without the shim.
. "$(dirname "$0")/lib.sh"
cc=${CC:-gcc}

# Names of libc's that have the address of a wrapped function but no wrapper: `nm` prints ADDRESS TYPE NAME[@[@]VERSION].
unwrapped() { # LIBC
    nm -D --defined-only "$shim" | awk '{ print $3 }' >hooks
    nm -D --defined-only "$1" | awk '
        { sub(/@.*/, "", $3) }
        NR == FNR { hook[$1] = 1; next }
        { address[NR] = $1; name[NR] = $3; if ($3 in hook) of[$1] = $3 }
        END { for (i in name) if ((address[i] in of) && !(name[i] in hook)) print name[i] " is " of[address[i]] }' hooks - | sort -u
}
glibc=$(ldd "$targets/late" | awk '$1 == "libc.so.6" { print $3 }')
case_has "glibc's names are read" ' T? ?[Wi]? ?connect(@|$)' "$(nm -D --defined-only "$glibc")"
case_is "every name of glibc's for a wrapped function has the wrapper too" "" "$(unwrapped "$glibc")"
musl=$(ls /lib/ld-musl-"$(uname -m)".so.1 2>/dev/null)
if [ -n "$musl" ]; then
    case_is "every name of musl's for a wrapped function has the wrapper too" "" "$(unwrapped "$musl")"
else
    case_skip "every name of musl's for a wrapped function has the wrapper too" "no musl here"
fi

cat >second.c <<'C'
#include <arpa/inet.h>
#include <sys/socket.h>
extern int __socket(int, int, int), __connect(int, const struct sockaddr *, socklen_t), __close(int);
extern long __write(int, const void *, unsigned long), __read(int, void *, unsigned long);
int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    char byte;
    int server = __socket(AF_INET, SOCK_STREAM, 0), client = __socket(AF_INET, SOCK_STREAM, 0);
    if (listen(server, 1) || getsockname(server, (struct sockaddr *)&address, &size) || __connect(client, (struct sockaddr *)&address, size))
        return 1;
    int accepted = accept(server, 0, 0);
    return !(__write(client, "x", 1) == 1 && __read(accepted, &byte, 1) == 1 && !__close(client) && !__close(accepted) && !__close(server));
}
C
if [ -n "$glibc" ] && "$cc" -w -o second second.c 2>err; then
    faulty ./second
    case_is "a program that calls __socket and the like: its own result" 0 $?
    case_is "... and each of them is recorded" "connect 1, socket 2, close 3" \
        "$("$sockatlas" events --json trace | jq -rs 'map(.event) | [("connect", "socket", "close") as $e | "\($e) \(map(select(. == $e)) | length)"] | join(", ")')"
else
    fail "a program that calls __socket and the like" "$(head -3 err)"
fi

# The shim by dlopen(), three times over, and called after it was given back.
cat >later.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int (*make)(int, int, int), (*end)(int), (*leave)(void *) = 0;
    pid_t (*child)(void);
    int flags[] = {RTLD_NOW, RTLD_NOW | RTLD_GLOBAL, RTLD_LAZY};
    for (int i = 0; i < 3; i++) {
        void *shim = dlopen(argv[1], flags[i]);
        if (!shim)
            return fprintf(stderr, "%s\n", dlerror()), 1;
        make = (int (*)(int, int, int))dlsym(shim, "socket");
        end = (int (*)(int))dlsym(shim, "close");
        child = (pid_t(*)(void))dlsym(shim, "fork");
        if (dlclose(shim))
            return 2;
        int fd = make(AF_INET, SOCK_STREAM, 0), status;
        if (fd < 0)
            return 3;
        if (child() == 0)
            _exit(end(fd));
        if (wait(&status) < 0 || status || end(fd))
            return 4;
    }
    return 0;
}
C
if "$cc" -w -o later later.c -ldl 2>err; then
    rm -rf trace
    case_ok "the shim by dlopen(), taken out and called all the same" env SOCKATLAS_DIR="$PWD/trace" ./later "$shim"
    case_is "... what went through it is recorded" 3 "$("$sockatlas" events --json trace | jq -s 'map(select(.event == "socket")) | length')"
    # Preloaded and asked for again: one and the same.
    faulty ./later "$shim"
    case_is "the shim preloaded, by dlopen() again, and dlclose()" 0 $?
else
    fail "a program that loads the shim late" "$(head -3 err)"
fi
# musl gives a library's static thread variables space at the start only.
if musl-gcc -w -o later_musl later.c 2>err; then
    case_has "the shim by musl's dlopen() is refused, with a message" "initial-exec TLS" "$(env SOCKATLAS_DIR="$PWD/trace" ./later_musl "$shim" 2>&1)"
else
    case_skip "the shim by musl's dlopen() is refused, with a message" "no musl-gcc here"
fi
finish
