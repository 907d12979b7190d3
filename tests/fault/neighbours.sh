#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Others that stand between a program and its libc: allocators, sanitizers, a library that binds deeply, a clock that lies. The
# program's calls do what they do, and are in the trace or a blind spot says so.
. "$(dirname "$0")/lib.sh"
cc=${CC:-gcc}

library() { # NAME: its path
    ldconfig -p | awk -v name="$1" '$1 == name { print $NF; exit }'
}

for allocator in libjemalloc.so.2 libtcmalloc_minimal.so.4; do
    path=$(library $allocator)
    if [ -n "$path" ]; then
        environment=("LD_PRELOAD=$path:$shim")
        busy "$allocator before the shim" busy 1 8 50 kill
        environment=("LD_PRELOAD=$shim:$path")
        busy "$allocator after the shim" busy 1 8 50 kill
        busy "$allocator, processes" busy 6 2 20 kill
    else
        case_skip "$allocator" "not installed here"
    fi
done
environment=()

# sanitized NAME OPTION...: the target built with a sanitizer, or skipped.
sanitized() {
    local name=$1
    shift
    "$@" -g -D_GNU_SOURCE -I"$top" -o "$name" "$top/tests/targets/busy.c" 2>err && "./$name" probe 1 1 1 >out 2>&1
}

# Where the sanitizer's runtime is a library it demands to be the first one, and says so itself.
if sanitized asan "$cc" -fsanitize=address; then
    runtime=$(ldd ./asan | awk '/libasan/ { print $3 }')
    faulty ./asan ledger 1 2 20 kill
    case_is "AddressSanitizer, shim alone: it refuses to start" 1 $?
    case_has "AddressSanitizer, shim alone: it says why" "ASan runtime does not come first" "$(cat out)"
    environment=("LD_PRELOAD=$runtime:$shim")
    faulty ./asan ledger 1 4 50 kill
    adds_up "AddressSanitizer before the shim" $?
    environment=(ASAN_OPTIONS=verify_asan_link_order=0)
    faulty ./asan ledger 1 4 50 kill
    adds_up "AddressSanitizer told not to mind the order" $?
    environment=()
    rm -f ledger
    { (exec "$sockatlas" run -d trace ./asan ledger 1 4 50 kill) >out 2>&1; } 2>/dev/null
    adds_up "AddressSanitizer, by sockatlas run" $?
    cat >stale.c <<'C'
#include <stdlib.h>
#include <sys/socket.h>
int main(void)
{
    int fds[2];
    char *freed = malloc(16);
    free(freed);
    return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) + (send(fds[0], "x", 1, 0) != 1) + (recv(fds[1], freed, 1, 0) != 1);
}
C
    "$cc" -fsanitize=address -w -o stale stale.c
    case_has "AddressSanitizer still finds what it is for" "heap-use-after-free" "$("$sockatlas" run -d trace ./stale 2>&1)"
    # An IPv4 address before a longer IPv6 one, each in a block of its own size.
    cat >resolves.c <<'C'
#include <netdb.h>
#include <stdio.h>
int main(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int error = getaddrinfo(NULL, "80", &hints, &found);
    for (struct addrinfo *a = found; a; a = a->ai_next)
        printf("family %d\n", a->ai_family);
    if (found)
        freeaddrinfo(found);
    return error;
}
C
    "$cc" -fsanitize=address -w -o resolves resolves.c
    case_is "AddressSanitizer finds nothing in the resolver's wrapper" "$(./resolves 2>&1)" \
        "$(env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$shim" SOCKATLAS_DIR="$PWD/trace" ./resolves 2>&1)"
else
    case_skip "AddressSanitizer" "$(head -1 err)"
fi
if sanitized asan_inside clang -fsanitize=address; then
    faulty ./asan_inside ledger 1 4 50 kill
    adds_up "AddressSanitizer inside the program (clang)" $?
else
    case_skip "AddressSanitizer inside the program (clang)" "no clang with its runtime here"
fi
if sanitized tsan "$cc" -fsanitize=thread; then
    faulty ./tsan ledger 1 4 50 kill
    adds_up "ThreadSanitizer" $?
    case_is "ThreadSanitizer has nothing to say" "" "$(cat out)"
else
    case_skip "ThreadSanitizer" "$(head -1 err)"
fi

# A library that is loaded with RTLD_DEEPBIND finds libc before the shim: its slots are redirected before the program has it.
cat >deep.c <<'C'
#include <sys/socket.h>
int make(void) { return socket(AF_INET, SOCK_STREAM, 0); }
C
cat >loads.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
    void *library = dlopen("./deep.so", RTLD_NOW | RTLD_DEEPBIND);
    int (*make)(void) = library ? (int (*)(void))dlsym(library, "make") : NULL;
    int fd = make ? make() : -1;
    return fd >= 0 && listen(fd, 1) == 0 && close(fd) == 0 ? 0 : 1;
}
C
if "$cc" -shared -fPIC -o deep.so deep.c && "$cc" -D_GNU_SOURCE -o loads loads.c; then
    faulty ./loads
    case_is "RTLD_DEEPBIND: the program's own result" 0 $?
    "$sockatlas" events --json trace >events
    case_is "RTLD_DEEPBIND: no blind spot" 0 "$(jq -s '[.[] | select(.event == "coverage")] | length' events)"
    case_is "RTLD_DEEPBIND: the socket is seen when it is made" '"socket"' "$(jq -s '[.[] | select(.fd == 3)][0].event' events)"
fi

# A ring connects, sends and receives without libc: recorded as a blind spot, and no number is made up for what it did.
cat >rings.c <<'C'
#include <arpa/inet.h>
#include <liburing.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static int done(struct io_uring *ring)
{
    struct io_uring_cqe *completion;
    if (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_wait_cqe(ring, &completion) < 0)
        return -1;
    int result = completion->res;
    io_uring_cqe_seen(ring, completion);
    return result;
}
int main(int argc, char **argv)
{
    struct io_uring ring;
    struct io_uring_params parameters = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    if (argc > 1 ? io_uring_queue_init_params(8, &ring, &parameters) : io_uring_queue_init(8, &ring, 0))
        return 1;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&address, size) || listen(server, 1) || getsockname(server, (struct sockaddr *)&address, &size))
        return 1;
    io_uring_prep_connect(io_uring_get_sqe(&ring), client, (struct sockaddr *)&address, size);
    if (done(&ring) != 0)
        return 1;
    int accepted = accept(server, NULL, NULL);
    io_uring_prep_send(io_uring_get_sqe(&ring), client, "hello", 5, 0);
    if (accepted < 0 || done(&ring) != 5)
        return 1;
    io_uring_queue_exit(&ring);
    return close(client) + close(accepted) + close(server);
}
C
if "$cc" -D_GNU_SOURCE -o rings rings.c -luring 2>err; then
    for how in "" params; do
        faulty ./rings $how
        status=$?
        if [ $status -eq 1 ] && ! ./rings $how; then
            case_skip "io_uring" "refused to everybody here"
            continue
        fi
        case_is "io_uring${how:+ with $how}: the program's own result" 0 $status
        "$sockatlas" map --format json trace >map
        case_is "io_uring${how:+ with $how}: recorded as a blind spot of that program, once" "rings set up through liburing" \
            "$(jq -r '(.nodes | map({key: (.id | tostring), value: .comm}) | from_entries) as $comm
                | .coverage[] | select(.what == "io_uring") | "\($comm[.node | tostring]) \(.detail)"' map)"
        case_is "io_uring${how:+ with $how}: what the ring sent is unknown or right, never wrong" "null or 5, 5" \
            "$("$sockatlas" list --json trace | jq -rs '
                (map(select(.role != "server" and .role != "listener")) | map(.bytes_sent)) as $client
                | (if all($client[]; . == null or . == 5) then "null or 5" else ($client | tostring) end)
                  + ", " + (map(select(.role == "server"))[0].bytes_received | tostring)')"
    done
else
    fail "a program of liburing's is built" "$(head -3 err)"
fi

# A library that steps the wall clock, as faketime does: an hour back at every tenth question.
cat >step.c <<'C'
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time)
{
    static unsigned asked;
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME)
        time->tv_sec -= 3600 * (asked++ / 10 + 1);
    return result;
}
C
if "$cc" -shared -fPIC -D_GNU_SOURCE -o step.so step.c; then
    environment=("LD_PRELOAD=$PWD/step.so:$shim")
    busy "a wall clock that is stepped" busy 3 2 30 kill
    environment=()
    "$sockatlas" events --json trace >events
    case_is "a wall clock that is stepped: each thread's events are in order" true \
        "$(jq -s 'group_by([.pid, .tid]) | all(map(.time_us) | . == sort)' events)"
fi

# Clocks that are a fiction, CLOCK_BOOTTIME as well: a program's own clock_gettime(), and faketime in both orders. The trace's times
# and its matching are true.
cat >fiction.c <<'C'
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef OWN_CLOCK
int clock_gettime(clockid_t clock, struct timespec *time)
{
    static long steps;
    (void)clock;
    time->tv_sec = 1600000000 - 1000 * getpid() % 100000 - steps++;
    time->tv_nsec = 0;
    return 0;
}
#endif
int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct timespec now;
    char text[9];
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (listen(server, 1) || getsockname(server, (struct sockaddr *)&address, &size))
        return 1;
    if (fork() == 0) {
        int accepted = accept(server, NULL, NULL);
        return !(read(accepted, text, 9) == 5 && write(accepted, "ok", 2) == 2 && !close(accepted));
    }
    int client = socket(AF_INET, SOCK_STREAM, 0), status;
    if (connect(client, (struct sockaddr *)&address, size) || write(client, "hello", 5) != 5 || read(client, text, 9) != 2)
        return 1;
    clock_gettime(CLOCK_REALTIME, &now);
    return close(client) || wait(&status) < 0 || status || now.tv_sec > 1700000000;
}
C
fiction() { # CASE COMMAND...
    local what=$1 before after status
    shift
    rm -rf trace
    before=$(date +%s)
    "$@"
    status=$?
    after=$(date +%s)
    case_is "$what: the program's own result" 0 $status
    "$sockatlas" events --json trace >events
    case_is "$what: each event's time lies between before and after" true \
        "$(jq -s --argjson a "$before" --argjson b "$after" 'length > 5 and all(.[]; .time_us / 1e6 >= $a - 1 and .time_us / 1e6 <= $b + 2)' events)"
    case_is "$what: the two ends are found" "exact 1 5 2" \
        "$("$sockatlas" map --format json trace | jq -r '.edges[] | "\(.match) \(.connections) \(.bytes_sent) \(.bytes_received)"')"
}
"$cc" -D_GNU_SOURCE -DOWN_CLOCK -w -rdynamic -o fiction_own fiction.c && "$cc" -D_GNU_SOURCE -w -o fiction fiction.c
fiction "a program's own clock" env LD_PRELOAD="$shim" SOCKATLAS_DIR="$PWD/trace" ./fiction_own
faketime=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -1)
if [ -n "$faketime" ]; then
    for order in "$shim:$faketime" "$faketime:$shim"; do
        fiction "faketime, ${order%%:*} first" \
            env LD_PRELOAD="$order" FAKETIME="2020-09-13 12:26:40" SOCKATLAS_DIR="$PWD/trace" ./fiction
    done
else
    case_skip "faketime" "not installed here"
fi

if unshare -T --boottime 86400 true 2>/dev/null; then
    rm -rf trace ledger
    (exec unshare -T --boottime 86400 --fork env LD_PRELOAD="$shim" SOCKATLAS_DIR="$PWD/trace" "$targets/busy" ledger 1 2 20 exit) >out 2>&1
    case_is "a time namespace: the program's own result" 0 $?
    said=$("$account" ledger trace 2>&1)
    case_is "a time namespace: nothing missing" "0" $?
    "$sockatlas" events --json trace >events
    now=$(date +%s)
    case_is "a time namespace: wall-clock times are right" true \
        "$(jq -s --argjson now "$now" 'all(.[]; .time_us / 1e6 - $now | fabs < 600)' events)"
else
    case_skip "a time namespace" "none to be had here"
fi
finish
