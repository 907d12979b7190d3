#!/bin/bash
# SPDX-License-Identifier: MIT
#
# collected.sh [SECONDS [RATE [RING]]]: an nginx that is preloaded with a ring of RING (256M), with `sockatlas collect` beside it, asked RATE
# times a second (1000) over one connection each, for SECONDS (120), from a changing address, for files of changing size. Prints what is on
# the disk then, and what it took.
. "$(dirname "$0")/../e2e/lib.sh"
seconds=${1:-120} rate=${2:-1000} ring=${3:-256M}

cat >load.py <<'EOP'
import random, socket, sys, time
port, rate, seconds = map(int, sys.argv[1:])
began, done = time.monotonic(), 0
number = random.Random(1).randint
while time.monotonic() - began < seconds:
    while done < int((time.monotonic() - began) * rate):
        source = "127.%d.%d.%d" % (number(1, 60), number(0, 255), number(1, 254))
        with socket.create_connection(("127.0.0.1", port), source_address=(source, 0)) as connection:
            connection.sendall(b"GET /%d HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (number(0, 199), b"a" * number(0, 600)))
            while connection.recv(65536):
                pass
        done += 1
    time.sleep(0.001)
print(done)
EOP
port=$(free_port)
mkdir -m 755 files
mkdir -m 700 trace
chmod 755 "$work"
for ((i = 0; i < 200; i++)); do head -c $((RANDOM * RANDOM % 30000 + 100)) /dev/zero >"files/$i"; done
cat >nginx.conf <<EOC
daemon off; worker_processes 2; pid $work/pid; error_log $work/error;
events { worker_connections 1024; }
http { access_log off; keepalive_timeout 0; server { listen 127.0.0.1:$port; root $work/files; } }
EOC

start "$sockatlas" collect -q trace
collector=$!
start env LD_PRELOAD="$shim" SOCKATLAS_DIR="$work/trace" SOCKATLAS_LIMIT="$ring" nginx -p "$work" -c nginx.conf -e "$work/error"
server=$!
wait_port "$port"
made=$(python3 load.py "$port" "$rate" "$seconds")
echo "$made connections in $seconds s; the log has $(du -k trace/*.atlas | cut -f1) KiB on the disk and" \
    "$(fincore -n -b -o RES trace/*.atlas | awk '{print int($1 / 1024)}') KiB in memory; the collector" \
    "$(awk '/VmHWM/ {print $2}' "/proc/$collector/status") KiB, $(awk '{print $14 + $15}' "/proc/$collector/stat") ticks"
kill -QUIT "$server"
wait "$server"
cut_down() { [ "$(stat -c %s trace/*.atlas)" -eq 4096 ]; }
wait_true cut_down || echo "the log was not brought in as a whole"
bytes=$(cat trace/*.zst | wc -c)
echo "$("$sockatlas" map --format json trace | jq '[.edges[] | select(.protocol == "tcp" or .transport == "tcp") | .connections] | add') connections on the map;" \
    "$bytes bytes of segments: $(awk "BEGIN {printf \"%.1f a connection, %.0f MiB a day\", $bytes / $made, $bytes / $seconds * 86400 / 1048576}")"
