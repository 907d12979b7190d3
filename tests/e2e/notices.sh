#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The kernel's notices of ended sockets: `run --kernel`, `collect --kernel`, and `run` by itself where something of it is not traced. In a
# network namespace of its own, so that no other program's sockets end in it.
if [ -z "${KERNEL_NETWORK:-}" ]; then
    for how in -n -rn; do
        ! unshare "$how" true 2>/dev/null || KERNEL_NETWORK=own exec unshare "$how" "$0" "$@"
    done
fi
. "$(dirname "$0")/lib.sh"
if [ -z "${KERNEL_NETWORK:-}" ] || ! ip link set lo up 2>/dev/null; then
    case_skip "the kernel's notices of ended sockets" "no network namespace can be made here"
    finish
    exit
fi
program=$top/tests/e2e/notices.py
network=$(stat -Lc %i /proc/self/ns/net)

# run_kernel FOLDER [OPTION...] -- COMMAND...: what it says on stderr goes to `said`.
run_kernel() {
    local folder=$1
    shift
    "$sockatlas" run -d "$folder" "$@" >out 2>said </dev/null
}

# of_client FILTER FOLDER: of the one traced client.
of_client() {
    "$sockatlas" list --json "$2" | jq -rs "map(select(.role == \"client\")) | if length == 1 then .[0] | $1 else \"\(length) clients\" end"
}

# edges FOLDER: FROM KIND -> TO KIND CONNECTIONS, with addresses for who is not known.
edges() {
    "$sockatlas" map --format json "$1" | jq -r '(.nodes | map({key: (.id | tostring), value: "\(if .kind == "external" then .address else .comm end)/\(.kind)"}) | from_entries) as $node
        | .edges[] | "\($node[.from | tostring]) -> \($node[.to | tostring]) \(.connections) \(.bytes_sent) \(.bytes_received)"' | sort
}

coverage() { # WHAT FOLDER
    "$sockatlas" map --format json "$2" | jq -r ".coverage[] | select(.what == \"$1\") | .detail"
}

# ---- Killed processes ----

run_kernel flight -- python3 "$program" killed flight
case_is "killed with data in flight: unknown without the notices" "null null" "$(of_client '"\(.bytes_sent) \(.bytes_received)"' flight)"
case_is "nothing of the kernel's is recorded unasked" 0 "$(find flight -name 'kernel-*' | wc -l)"
rm -rf flight

run_kernel flight --kernel -- python3 "$program" killed flight
case_is "killed with data in flight: all of it arrives" 300000 "$(cat out)"
case_is "killed with data in flight: its bytes are known" "300000 500 closed" "$(of_client '"\(.bytes_sent) \(.bytes_received) \(.end)"' flight)"
case_is "killed with data in flight: and TCP's figures" true "$(of_client '.tcp.rtt_us > 0 and .tcp.snd_cwnd > 0' flight)"
case_is "killed with data in flight: both ends agree" "python3/process -> python3/process 1 300000 500" "$(edges flight)"
case_is "killed with data in flight: an export says the same" "$(edges flight)" \
    "$("$sockatlas" export --format jsonl -o flight.jsonl flight && edges flight.jsonl)"
case_has "run says what the kernel told" "the kernel told of [0-9]+ ended sockets in network $network; 0 TCP sockets belong to no log" "$(cat said)"
case_has "run says what is no blind spot" "1 connection, 0 failed, no blind spots" "$(cat said)"

run_kernel eof --kernel -- python3 "$program" killed eof
case_is "killed after it read the end: the peer's FIN is no byte" "300000 500 closed" "$(of_client '"\(.bytes_sent) \(.bytes_received) \(.end)"' eof)"

run_kernel unread --kernel -- python3 "$program" killed unread
case_is "killed with unread data: the kernel reset it" "reset local" "$(of_client '"\(.end) \(.reset_by)"' unread)"

run_kernel linger --kernel -- python3 "$program" killed linger
case_is "killed while SO_LINGER resets: the kernel tells no counts" "null null" "$(of_client '"\(.bytes_sent) \(.bytes_received)"' linger)"

# ---- What no log has ----

port=$(free_port)
start python3 "$program" server "$port"
wait_port "$port"
run_kernel beside --kernel --no-patch -- sh -c "python3 '$program' client $port 700 && '$targets/static_client' $port 700 && '$targets/static_client' $port 0"
case_is "untraced ends of traced connections are drawn once; untraced programs are named where they were seen in time" \
    "127.0.0.1/external -> 127.0.0.1/external 1 5 3|python3/process -> python3/untraced 1 5 3|static_client/untraced -> 127.0.0.1/external 1 5 3" \
    "$(edges beside | sed 's#-> python3/untraced#-> SERVER#; s#-> 127.0.0.1/external 1#-> SERVER 1#' | sed 's#python3/process -> SERVER#python3/process -> python3/untraced#; s#-> SERVER#-> 127.0.0.1/external#' | sort | paste -sd'|')"
case_has "how many sockets are in no log, and whose" "5 TCP sockets in network $network belong to no log:.* static_client 1" "$(coverage unlogged beside)"
case_has "run says so" "; 5 TCP sockets belong to no log" "$(cat said)"

run_kernel alone --no-patch -- sh -c "'$targets/static_client' $port 1500; :"
case_is "run by itself has the connections of its own untraced programs" "static_client/untraced -> 127.0.0.1/external 1 5 3" "$(edges alone)"
case_is "and says nothing of who else is there" "1 TCP socket in network $network belongs to no log: static_client 1" "$(coverage unlogged alone)"

# ---- io_uring ----

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
/* What a descriptor is made and closed by: libc, or the ring as all else. */
int main(int argc, char **argv)
{
    struct io_uring ring;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(atoi(argv[1]))};
    char answer[3];
    if (io_uring_queue_init(8, &ring, 0))
        return 77;
    int fd = -1;
    if (argc == 3)
        fd = socket(AF_INET, SOCK_STREAM, 0);
    else {
        io_uring_prep_socket(io_uring_get_sqe(&ring), AF_INET, SOCK_STREAM, 0, 0);
        fd = done(&ring);
    }
    io_uring_prep_connect(io_uring_get_sqe(&ring), fd, (struct sockaddr *)&address, sizeof address);
    if (fd < 0 || done(&ring) != 0)
        return 1;
    io_uring_prep_send(io_uring_get_sqe(&ring), fd, "hello", 5, 0);
    if (done(&ring) != 5)
        return 1;
    io_uring_prep_recv(io_uring_get_sqe(&ring), fd, answer, sizeof answer, MSG_WAITALL);
    if (done(&ring) != 3)
        return 1;
    usleep(700000);
    if (argc == 3)
        return close(fd);
    io_uring_prep_close(io_uring_get_sqe(&ring), fd);
    return done(&ring) != 0;
}
C
if "${CC:-cc}" -include stdlib.h -D_GNU_SOURCE -o rings rings.c -luring 2>err; then
    for how in libc ring; do
        run_kernel "rings-$how" --kernel -- ./rings "$port" $([ $how = libc ] && echo libc || echo a ring)
        status=$?
        if [ $status -eq 77 ]; then
            case_skip "a connection by io_uring" "refused to everybody here"
            continue
        fi
        case_is "a connection by io_uring (socket and close by $how) is the program's" "0 rings/process 1 5 3" \
            "$status $(edges "rings-$how" | sed 's/ -> [^ ]*//')"
    done
else
    fail "a program of liburing's is built" "$(head -3 err)"
fi

# What a ring connects is on the map alone: when the notice comes, the list has had the socket.
forged rings-libc rings-ring

# ---- Losses ----

run_kernel burst --kernel=4K -- python3 "$program" burst 1500
lost=$(sed -n 's/.*; \([0-9]*\) notices were lost.*/\1/p' said)
recorded=$("$sockatlas" events --json burst | grep -c '"event":"ended"')
case_ok "a buffer that is too small loses notices, and run says how many" test "${lost:-0}" -gt 0
case_is "each is recorded or counted as lost" 3001 "$((${lost:-0} + recorded))"
case_has "the map says so" "^${lost:-none} of the kernel's notices of ended sockets were lost" "$(coverage ended_lost burst)"
case_is "what the shim tells is whole" "python3/process -> python3/process 1500 0 0" "$(edges burst)"

run_kernel burst --kernel -- python3 "$program" burst 1500
case_is "the usual buffer holds them" "3001 0" "$("$sockatlas" events --json burst | grep -c '"event":"ended"') $(grep -c lost said)"
case_is "each is some log's" "" "$(coverage unlogged burst)"

# What is still to come when `run` can make no mark to wait for is not known.
run_kernel late --kernel -- python3 -c 'import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (3, 3))'
case_has "run says that more may be lost" "; 0 or more notices were lost: it had not sent all when the reading ended" "$(cat said)"
case_has "the map says that more may be lost" "^0 or more of the kernel's notices .* had not sent all" "$(coverage ended_lost late)"

# ---- Networks ----

if unshare -n true 2>/dev/null; then
    run_kernel nets --kernel -- unshare -n sh -c "ip link set lo up; python3 '$program' burst 3"
    case_has "a network whose notices were not read is named" "not read in network [0-9]+" "$(coverage unwatched nets)"
else
    case_skip "a network whose notices were not read is named" "no network namespace can be made here"
fi

# ---- collect ----

mkdir -m 700 folder
start "$sockatlas" collect -q --kernel folder
collect=$!
wait_true sh -c 'test -n "$(find folder -name "kernel-*")"'
SOCKATLAS_DIR=$PWD/folder LD_PRELOAD=$shim python3 "$program" killed flight >out
wait_true sh -c "'$sockatlas' events --json folder | grep -q '\"event\":\"ended\".*\"bytes_sent\":300000'"
kill "$collect"
wait_gone "$collect"
case_is "collect --kernel: a killed process's bytes are known" "300000 500" "$(of_client '"\(.bytes_sent) \(.bytes_received)"' folder)"

# ---- Usage ----

for bad in 0 x 9G 5KK -1; do
    "$sockatlas" run --kernel="$bad" -- true >out 2>&1
    case_is "--kernel=$bad is refused" "2 1" "$? $(grep -c 'want a size' out)"
done
finish
