#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Clocks that really differ: processes in time namespaces days apart (time_namespaces(7): CLOCK_BOOTTIME and CLOCK_MONOTONIC have offsets
# there) talk to each other in one trace. Their sockets are matched, and their events stand in the order in which they happened.
. "$(dirname "$0")/lib.sh"

cat >serve.py <<'END'
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as server:
    with open("port.new", "w") as port:
        print(server.getsockname()[1], file=port)
    import os
    os.rename("port.new", "port")
    for i in range(int(sys.argv[1])):
        connection, _ = server.accept()
        connection.sendall(connection.recv(100))
        connection.close()
END
cat >call.py <<'END'
import socket, sys
with socket.create_connection(("127.0.0.1", int(open("port").read()))) as connection:
    connection.sendall(b"x" * int(sys.argv[1]))
    connection.recv(100)
END
cat >forks.py <<'END'
# Enters a time namespace the way it is done: for the children. They go on in this process's log.
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
listener = socket.create_server(("127.0.0.1", 0))
if libc.unshare(0x80) != 0:
    sys.exit(3)
with open("/proc/self/timens_offsets", "w") as offsets:
    offsets.write("boottime 864000 0\n")
child = os.fork()
if child == 0:
    connection, _ = listener.accept()
    connection.sendall(b"y")
    os._exit(0)
with socket.create_connection(listener.getsockname()) as connection:
    connection.recv(1)
os.waitpid(child, 0)
END
python=/usr/bin/python3

apart() { # DAYS COMMAND...: so many days from here
    local days=$1
    shift
    if [ "$days" -eq 0 ]; then "$@"; else unshare ${user[@]+"${user[@]}"} -T --boottime $((days * 86400)) --monotonic $((days * 86400)) --fork "$@"; fi
}
user=()
[ "$(id -u)" -eq 0 ] || user=(-r)
if ! apart 1 true 2>/dev/null; then
    case_skip "processes in time namespaces" "none to be had here"
    finish
fi

ordered() { # CASE: each socket's life, and each connection's two ends
    "$sockatlas" list --json trace >sockets
    "$sockatlas" events --json trace >events
    case_is "$1: every life goes forward" true "$(jq -s 'all(.[]; .opened_us <= (.connected_us // .opened_us) and
        (.connected_us // .opened_us) <= (.closed_us // 9e18) and (.closed_us // 0) - .opened_us < 6e7)' sockets)"
    now=$(date +%s)
    case_is "$1: the times are the wall clock's" true \
        "$(jq -s --argjson now "$now" 'length > 10 and all(.[]; .time_us / 1e6 - $now | fabs < 600)' events)"
}

# The caller's days before the server's, the same, behind it, and the reader's own.
for days in "3 0 1" "0 2 5" "4 4 4"; do
    read -r server first second <<<"$days"
    rm -rf trace port
    LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace apart "$server" "$python" serve.py 2 </dev/null &
    serving=$!
    until [ -e port ] || ! kill -0 $serving 2>/dev/null; do :; done
    for each in $first $second; do
        LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace apart "$each" "$python" call.py $((each + 1)) </dev/null
    done
    wait $serving
    case_is "days $server, $first, $second: the programs' own results" 0 $?
    case_is "days $server, $first, $second: both connections are matched" "2 exact" "$("$sockatlas" map --format json trace |
        jq -r '[.edges[] | select(.transport == "tcp")] | "\(map(.connections) | add) \(map(.match) | unique | join(" "))"')"
    ordered "days $server, $first, $second"
    case_is "days $server, $first, $second: an accept comes within seconds of its connect" true "$(jq -s '
        [.[] | select(.transport == "tcp" and .peer_socket != null)] | (map({key: (.socket | tostring), value: .opened_us}) | from_entries) as $opened
        | length == 4 and all(.[]; .opened_us - $opened[.peer_socket | tostring] | fabs < 5e6)' sockets)"
done

rm -rf trace
LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace unshare ${user[@]+"${user[@]}"} "$python" forks.py
case_is "children of one log in another time: the program's own result" 0 $?
ordered "children of one log in another time"

rm -rf trace port
(apart 7 "$sockatlas" run -d trace sh -c "$python serve.py 1 & until [ -e port ]; do :; done; $python call.py 1; wait") >out 2>&1 </dev/null
case_is "run itself in another time: the command's result" 0 $?
ordered "run itself in another time"
finish
