# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the suites of the collector share, on top of tests/fault/lib.sh: a program that is no faster than it is collected, a collector in the
# background, what the trace has then. All in the folder `trace`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# paced.py CONNECTIONS PACE: makes connections from a child to itself. PACE is "collected": no faster than they are collected; or how many
# in a second. With a third argument it waits at its end for a line.
cat >paced.py <<'EOP'
import glob, os, socket, struct, sys, time
count, pace = int(sys.argv[1]), sys.argv[2]
listener = socket.create_server(("127.0.0.1", 0), backlog=512)

def slots_left():
    log = os.open(glob.glob("trace/*.atlas")[0], os.O_RDONLY)
    cursor, collected = struct.unpack("Q", os.pread(log, 8, 512))[0], struct.unpack("Q", os.pread(log, 8, 704))[0]
    os.close(log)
    return cursor - collected

if os.fork() == 0:
    address = listener.getsockname()
    listener.close()
    began = time.monotonic()
    for i in range(count):
        client = socket.create_connection(address)
        client.sendall(b"x")
        client.recv(1)
        client.close()
        while pace == "collected" and slots_left() > 400:
            time.sleep(0.002)
        if pace != "collected":
            time.sleep(max(0, began + (i + 1) / float(pace) - time.monotonic()))
    os._exit(0)
for i in range(count):
    connection, _ = listener.accept()
    connection.recv(1)
    connection.sendall(b"y")
    connection.close()
os.wait()
if len(sys.argv) > 3:
    sys.stdin.readline()
EOP

paced() { # CONNECTIONS PACE [wait]: into the folder trace
    LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace SOCKATLAS_LIMIT=65536 python3 paced.py "$@"
}

fresh() {
    rm -rf trace
    mkdir -m 700 trace
}

# seen [TRACE...]: connections on the map, and beginnings of connections overwritten.
seen() {
    "$sockatlas" map --format json "$@" 2>err >map.json
    jq -r '"\([.edges[].connections] | add // 0) \([.coverage[] | select(.what == "overwritten") | .detail |
        capture("records, (?<n>[0-9]+) of").n | tonumber] | add // 0)"' map.json
}

is_collected() { # all of it, and the log is cut
    [ -n "$(find trace -name '*.atlas.zst' -print -quit)" ] &&
        [ -z "$(find trace -name '*.atlas' -size +4096c -print -quit)" ]
}

collect() { # ARGUMENT...: in the background; `collector` is its pid
    start "$sockatlas" collect -q "$@"
    collector=$!
}

end_collector() {
    kill -TERM "$collector"
    wait "$collector"
    case_is "$1: ends on SIGTERM" 0 $?
}
