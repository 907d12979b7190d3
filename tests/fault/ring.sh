#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A log so small that its ring is written full many times: each connection that was made is in the trace or counted as overwritten,
# whatever becomes of its writers; and what is left can be understood.
. "$(dirname "$0")/lib.sh"

environment=(SOCKATLAS_LIMIT=65536)
busy "one thread" busy 1 1 3000 kill
busy "threads" busy 1 4 1000 kill
busy "processes of threads" busy 3 3 400 kill
environment=(SOCKATLAS_LIMIT=1048576)
busy "a ring of a mebibyte" busy 2 2 3000 kill
environment=(SOCKATLAS_LIMIT=65536)
busy "in a sandbox" busy_confined later 3000 seccomp
if [ "$(id -u)" -eq 0 ]; then
    busy "after chroot, setuid and in a sandbox" busy_confined later 3000 chroot setuid seccomp
else
    case_skip "after chroot, setuid and in a sandbox" "needs root"
fi
# Workers that were in a sandbox before the others had come far can open up no more of the ring: nobody leads them beyond what they have.
nothing_lost() {
    case_has "$1: nothing is lost" ' 0 lost' "$("$account" ledger trace | tail -1)"
}
for size in 1M 256M; do
    environment=(SOCKATLAS_LIMIT=$size)
    busy "prefork workers in a sandbox, a ring of $size" busy_server processes 3 4000 0 seccomp
    nothing_lost "prefork workers in a sandbox, a ring of $size"
    case_is "... whose peers are not known: nothing is said to be not accepted" 0 "$("$sockatlas" map trace | grep -c 'not accepted')"
done
environment=()

seed=${SEED:-$RANDOM$RANDOM}
kills() { # CASE ARGUMENT...
    local what=$1 said status
    shift
    said=$("$top/build/fault/kills" "$shim" "$targets/busy" "$@" 2>&1)
    status=$?
    if [ $status -eq 0 ]; then pass "$what: $(tr '\n' ' ' <<<"$said")(SEED=$seed)"; else fail "$what (SEED=$seed)" "$(tail -20 <<<"$said")"; fi
}
kills "killed at random moments" "${N:-100}" "$seed" 65536
kills "one of several stopped for a lap" "${N:-25}" "$seed" 65536 stop

# A log whose folder was given another name is trimmed all the same.
LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/before python3 -c '
import os, socket
listener = socket.create_server(("127.0.0.1", 0))
os.rename("before", "after")'
case_is "a folder with another name: the log is trimmed" 1 "$(find after -name '*.atlas' -size -8k | wc -l)"

# Pages that are used again cost no fault: a ring of a mebibyte, which has 256, written full twice and then ten times. On a disk the kernel
# may write some of them back meanwhile, after which the next write is a fault; so the trace is in memory.
if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] && memory=$(mktemp -d "/dev/shm/sockatlas-steady.XXXXXX"); then
    at_end+=("command rm -rf '$memory'")
    faults=$(LD_PRELOAD=$shim SOCKATLAS_DIR=$memory/trace SOCKATLAS_LIMIT=1048576 "$targets/steady" 17000 82000)
    case_ok "ten laps of a ring: $faults page faults" [ "$faults" -le 8 ]
    laps=$(($(od -An -t u8 -j 512 -N 8 "$memory"/trace/*.atlas) / 16384))
    case_ok "... laps: $laps" [ "$laps" -ge 11 ]
else
    case_skip "pages that are used again cost no fault" "no tmpfs at /dev/shm"
fi

# What is left tells who it is about.
cat >pairs.py <<'EOF'
import ctypes, os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
if os.fork() == 0:
    ctypes.CDLL(None).prctl(15, b"worker", 0, 0, 0)
    while True:
        connection, _ = listener.accept()
        if connection.recv(9) == b"end":
            os._exit(0)
        connection.close()
for i in range(1500):
    client = socket.create_connection(listener.getsockname())
    client.sendall(b"end" if i == 1499 else b"x")
    client.close()
os.wait()
EOF
rm -rf trace
port=$(LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace SOCKATLAS_LIMIT=65536 python3 pairs.py)
"$sockatlas" map --format json trace >map.json 2>err
case_is "one log" 1 "$(ls trace | wc -l)"
case_is "nothing is complained about" "" "$(cat err)"
case_is "what both ends are left of is matched" "python3 worker $port exact" "$(jq -r '
    . as $map | [.nodes[] | {(.id | tostring): .comm}] | add as $name |
    $map.edges[] | select(.match != null) | "\($name[.from | tostring]) \($name[.to | tostring]) \(.server_port) \(.match)"' map.json)"
case_is "how many were accepted is not known" null "$(jq -c '[.listeners[].accepted] | unique | .[]' map.json)"
case_is "what was overwritten is said" 1 "$(jq '[.coverage[] | select(.what == "overwritten")] | length' map.json)"
case_has "... and until when" "overwritten +before [0-9-]+ [0-9:]+: [0-9]+ records, [0-9]+ of them beginnings of connections" "$("$sockatlas" map trace)"
lost=$(jq -r '.coverage[] | select(.what == "overwritten") | .detail' map.json | sed 's/.*records, \([0-9]*\) of.*/\1/')
left=$("$sockatlas" events --json trace | jq -s '[.[] | select((.event == "connect" or .event == "accept") and .error == null)] | length')
case_is "all are there or counted" 3000 $((lost + left))
case_is "nothing is said to be not accepted" 0 "$("$sockatlas" map trace | grep -c 'not accepted')"

# What is told again of sockets that live longer than a lap: what was set, where they come from.
cat >long.py <<'EOF'
import socket, struct
listener = socket.create_server(("127.0.0.1", 0))
client = socket.socket()
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10000)
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
client.connect(listener.getsockname())
server, _ = listener.accept()
server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
one, other = socket.socketpair()
for i in range(4000):
    socket.socket().close()
for each in (listener, client, server, one, other):
    each.setblocking(False)
for each in (client, server, one, other):
    each.close()
print(listener.getsockname()[1])
EOF
rm -rf trace
port=$(LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace SOCKATLAS_LIMIT=65536 python3 long.py)
"$sockatlas" list --json trace | jq -c 'select(.opened_us == null and .role != "unused")' >list.json
long() { jq -r "select(.role == \"$1\") | $2" list.json; }
pairs() { jq -rs "[.[] | select(.family == \"AF_UNIX\")] | $1" list.json; }
settings='[.options[] | "\(.name) \(.requested) \(.effective)"] | sort | join(", ")'
case_is "sockets of long ago: all five, known in part" "5 false" "$(jq -rs '"\(length) \([.[].complete] | unique | .[])"' list.json)"
case_is "... what was set on the listener" "SO_REUSEADDR 1 1" "$(long listener "$settings")"
case_is "... on the client; what is not kept is not known" \
    "SO_RCVTIMEO null 5 s, SO_SNDBUF 10000 20000, TCP_NODELAY 1 1" "$(long client "$settings")"
case_is "... on the server's end, last" "SO_KEEPALIVE 0 0" "$(long server "$settings")"
case_is "... the two ends of the connection" "exact 127.0.0.1:$port" "$(long client '"\(.match) \(.peer_address):\(.peer_port)"')"
case_is "... the two ends of the pair" "pair pair" "$(pairs 'map(.role) | join(" ")')"
case_is "... which are each other's" "true true" "$(pairs '"\(.[0].socket == .[1].peer_socket) \(.[1].socket == .[0].peer_socket)"')"
case_has "... what the listener accepted" "$port +>=1 +>=1" "$("$sockatlas" map trace)"
case_has "... in what tuned says" "SO_RCVTIMEO +[?]  +-> +5 s" "$("$sockatlas" tuned trace)"
case_has "... in the events" "option\([0-9]+, .*TCP_NODELAY, on\)$" "$("$sockatlas" events trace)"
finish
