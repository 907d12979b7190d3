#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Statically linked programs where something goes wrong on the way: a jump that cannot be written, and more
# threads than are told apart. And programs that libc executes by itself.
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

# ---- what it takes is not there ----

# A kernel that does not let programs read their thread pointer tells them so where they begin.
gcc -shared -fPIC -D_GNU_SOURCE -x c -o before_5_9.so - <<'END'
#include <dlfcn.h>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/user.h>
long ptrace(enum __ptrace_request request, ...)
{
    static int told;
    long (*next)(enum __ptrace_request, int, unsigned long, unsigned long) = (__typeof__(next))dlsym(RTLD_NEXT, "ptrace");
    __builtin_va_list list;
    __builtin_va_start(list, request);
    int pid = (int)__builtin_va_arg(list, long);
    unsigned long a = __builtin_va_arg(list, unsigned long), b = __builtin_va_arg(list, unsigned long);
    long result = next(request, pid, a, b);
    if (request != PTRACE_GETREGS || told++)
        return result;
    unsigned long at = ((struct user_regs_struct *)b)->rsp;
    for (int ends = 0; ends < 2; at += 8) /* how many arguments, these, a NULL, the environment, a NULL */
        ends += next(PTRACE_PEEKDATA, pid, at, 0) == 0;
    for (; next(PTRACE_PEEKDATA, pid, at, 0) != AT_HWCAP2; at += 16)
        continue;
    next(PTRACE_POKEDATA, pid, at + 8, 0);
    return result;
}
END
printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "$work/before_5_9.so" "$top/build/sockatlas-patch" >patcher
by_hand "$work/patcher" ./connects
case_is "no FSGSBASE: the program runs as it is" "7 0" "$? $("$sockatlas" list --json trace | jq -s '[.[] | select(.comm == "connects")] | length')"
case_has "no FSGSBASE: the map says why" "neither processor nor kernel tells its threads apart" "$("$sockatlas" map trace)"
by_hand 1 prlimit --as=7000000 ./connects
case_is "no memory: the program runs as it is" "7 0" "$? $("$sockatlas" list --json trace | jq -s '[.[] | select(.comm == "connects")] | length')"
case_has "no memory: the map says why" "there is no memory to follow its threads in" "$("$sockatlas" map trace)"

# ---- sockatlas-patch is killed ----

# At the Nth step that it takes with ptrace(2) or in the process's memory.
gcc -shared -fPIC -D_GNU_SOURCE -x c -o dies.so - <<'END'
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>
static void step(void)
{
    static int count;
    if (++count == atoi(getenv("DIE")))
        kill(getpid(), SIGKILL);
}
long ptrace(enum __ptrace_request request, ...)
{
    long (*next)(enum __ptrace_request, long, long, long) = (__typeof__(next))dlsym(RTLD_NEXT, "ptrace");
    __builtin_va_list list;
    __builtin_va_start(list, request);
    long pid = __builtin_va_arg(list, long), a = __builtin_va_arg(list, long), b = __builtin_va_arg(list, long);
    step();
    return next(request, (int)pid, a, b);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at)
{
    ssize_t (*next)(int, const void *, size_t, off_t) = (__typeof__(next))dlsym(RTLD_NEXT, "pwrite");
    step();
    return next(fd, from, size, at);
}
END
ended=
for ((step = 1; step <= 400; step++)); do
    printf '#!/bin/sh\nDIE=%s LD_PRELOAD=%s exec %s "$@"\n' $step "$work/dies.so" "$top/build/sockatlas-patch" >patcher
    chmod +x patcher
    by_hand "$work/patcher" ./connects 2>/dev/null
    ended="$ended $?"
    [ "$("$sockatlas" list --json trace 2>/dev/null | jq -s 'any(.comm == "connects")')" = false ] || break
done
case_is "killed at any step of $step, the program runs as it is or is killed with it" "7 137" \
    "$(tr ' ' '\n' <<<"$ended" | sed '/^$/d' | sort -u -n | paste -sd' ')"
case_is "the steps end with a program that is followed" 7 "${ended##* }"

# ---- executed by libc itself ----

gcc -std=gnu11 -O2 -D_GNU_SOURCE -x c -o starts - <<'END'
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
int main(int argc, char **argv)
{
    int status = -1;
    pid_t child;
    if (argc != 3)
        return 1;
    if (strcmp(argv[1], "system") == 0)
        status = system(argv[2]);
    else if (strcmp(argv[1], "popen") == 0)
        status = pclose(popen(argv[2], "r"));
    else if (posix_spawn(&child, argv[2], NULL, NULL, (char *[]){argv[2], NULL}, (char *[]){NULL}) == 0)
        waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
END
for how in posix_spawn system popen; do
    by_hand 1 ./starts $how "$work/connects"
    case_is "$how(): it runs" 7 $?
    map=$("$sockatlas" map --format json trace)
    case_is "$how(): it is followed, by whoever executes it" "patch []" "$(jq -r '"\(.nodes[] | select(.comm == "connects") | .via) \(.coverage)"' <<<"$map")"
done

# What is spawned is the program: its name, arguments, environment, descriptors, group, signals and errors are its own.
cat >spawn.py <<'END'
import os, signal, sys
actions = [(os.POSIX_SPAWN_OPEN, 5, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_CLOSE, 0)]
def spawn(path, argv, search=False, **more):
    try:
        pid = (os.posix_spawnp if search else os.posix_spawn)(path, argv, {"A": "b", "PATH": "/nowhere"}, **more)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
own = os.getcwd()
spawn(own + "/shell", ["sh", "-c", "echo $0 $A; ls /proc/$$/fd; grep -E 'SigBlk|SigIgn|TracerPid' /proc/$$/status; readlink /proc/$$/exe; exit 3"],
      file_actions=actions, setpgroup=0, setsigmask=[signal.SIGUSR1])
spawn("shell", ["sh", "-c", "kill -9 $$"])
os.environ["PATH"] = own
spawn("shell", ["sh", "-c", "echo found"], search=True)
spawn("shell", ["sh", "-c", "echo $#"] + ["many"] * 70000)
spawn(own + "/shell", ["sh"] + ["x" * 200000])
spawn("shell", ["sh", "-c", "exec ./connects"])
spawn("connects", ["connects"])
spawn(own + "/nothing", ["nothing"])
spawn(own + "/plain", ["plain"])
spawn(own + "/folder", ["folder"])
END
if readelf -lW /bin/busybox 2>/dev/null | grep -q INTERP || [ ! -e /bin/busybox ]; then
    case_skip "what is spawned is the program" "/bin/busybox is not static"
    case_skip "the connection of each is seen" "/bin/busybox is not static"
    case_skip "and is followed" "/bin/busybox is not static"
else
    cp /bin/busybox shell && cp connects plain && chmod -x plain && mkdir folder
    python3 spawn.py >alone 2>&1
    by_hand 1 python3 spawn.py >traced 2>&1
    case_is "what is spawned is the program" "$(cat alone)" "$(cat traced)"
    case_is "the connection of each is seen" '["patch","patch"]' "$("$sockatlas" map --format json trace | jq -c '[.nodes[] | select(.comm == "connects") | .via]')"
    case_is "and is followed" "[]" "$("$sockatlas" map --format json trace | jq -c '[.coverage[].detail]')"
fi

by_hand 1 python3 -c 'import os; os.waitpid(os.posix_spawn("./connects", ["connects"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 5, "/dev/null", 0, 0)]), 0)'
case_is "one that may be spawned in another folder is not followed, and the map says so" "null connects: statically linked" \
    "$("$sockatlas" map --format json trace | jq -r '"\(.nodes[] | select(.comm == "connects") | .via) \(.coverage[] | select(.what == "untraced_child") | .detail | sub(".*/"; ""))"')"

# ---- more threads than are told apart ----

# One thread with N thread pointers, one after the other; a socket is made and closed by each.
static pointers <<'END'
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
static char blocks[4000][64];
static long as(void *pointer, long number, long a, long b, long c)
{
    unsigned long own;
    __asm__ volatile("rdfsbase %[own]\n wrfsbase %[pointer]\n syscall\n wrfsbase %[own]"
                     : "+a"(number), [own] "=&b"(own) : [pointer] "r"(pointer), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return number;
}
int main(int argc, char **argv)
{
    close(socket(AF_UNIX, SOCK_STREAM, 0));
    for (int i = 0; i < atoi(argv[1]); i++)
        if (as(blocks[i], SYS_close, as(blocks[i], SYS_socket, AF_UNIX, SOCK_STREAM, 0), 0, 0) != 0)
            return 1;
    if (argc > 2)
        kill(getpid(), 9);
    return 7;
}
END
if by_hand 1 ./pointers 1; [ $? -ne 7 ]; then
    case_skip "calls that are not seen are counted" "this machine does not let programs set their thread pointer"
    finish
fi
lost() {
    "$sockatlas" map --format json trace | jq -r '[.coverage[] | select(.what == "lost") | .detail] | join(", ")'
}
by_hand 1 ./pointers 2000
case_is "as many threads as are told apart: nothing is lost" "7 " "$? $(lost)"
# The main thread's is one of the 2048.
by_hand 1 ./pointers 2500
case_is "more: what they did is counted" "7 906 records lost: by threads, or inside signal handlers, that cannot be followed" "$? $(lost)"
by_hand 1 ./pointers 2500 killed 2>/dev/null
case_is "also where it is killed" "137 906 records lost: by threads, or inside signal handlers, that cannot be followed" "$? $(lost)"
finish
