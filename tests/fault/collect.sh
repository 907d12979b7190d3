#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A ring that is written full many times while somebody collects it: each connection that was made is on the map, none twice; what was
# overwritten because nobody collected is counted.
. "$(dirname "$0")/lib.sh"

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

# ---- Collected
fresh
collect trace
paced 3000 collected
wait_true is_collected
case_is "collected: all are on the map, none is overwritten" "3000 0" "$(seen trace)"
case_is "... without a complaint" "" "$(cat err)"
case_is "... how many were accepted is known" 3000 "$(jq '[.listeners[].accepted] | add' map.json)"
case_is "... each event once" "3000 3000" "$("$sockatlas" events --json trace | jq -sr '[([.[] | select(.event == "accept")] | length),
    ([.[] | select(.event == "connect")] | length)] | join(" ")')"
case_is "one collector a folder" "1 sockatlas collect: trace: another \`sockatlas collect\` or \`run\` collects it already" \
    "$(said=$("$sockatlas" collect trace 2>&1); echo $? "$said")"
end_collector "collected"
mkdir alone
cp trace/*.atlas.zst alone
case_is "a folder of segments alone" "3000 0" "$(seen alone)"
case_is "segments named alone" "3000 0" "$(seen alone/*)"
case_is "a log and its segments named: nothing twice" "3000 0" "$(seen trace/*)"
case_is "a log named: its segments come with it" "3000 0" "$(seen trace/*.atlas)"
"$sockatlas" export -f jsonl -o all.jsonl trace
case_is "exported" "3000 0" "$(seen all.jsonl)"
zst=$(find alone -name '*.zst')
size=$(stat -c %s "$zst")
if command -v zstd >/dev/null; then case_ok "a segment is a valid file of Zstandard" zstd -tq "$zst"; fi
truncate -s $((size / 2)) "$zst"
"$sockatlas" map alone >out 2>err
case_is "cut short: status" 1 $?
case_is "... one line says so" 1 "$(grep -c 'cut short' err)"
case_has "... the rest is used" 'python3' "$(cat out)"
cp trace/*.zst alone/
printf 'xxxxxxxx' | dd of="$zst" bs=1 seek=$((size / 2)) conv=notrunc status=none
"$sockatlas" map alone >out 2>err
case_is "damaged: one line, status 1" "1 1" "$? $(grep -c 'damaged' err)"
rm trace/*.zst
"$sockatlas" map trace >out 2>err
case_has "segments that are gone are missed" 'what was collected of it .* is not beside it' "$(cat err)"

# ---- While it is written and collected
fresh
collect trace
mkfifo go
exec 7<>go
paced 2500 collected wait <&7 &
writer=$!
started+=("$writer")
most=0 worse=
for ((i = 0; i < 12; i++)); do
    now=$(seen trace)
    [ -n "$now" ] || now="0 0"
    [ "${now% *}" -ge "$most" ] && [ "${now#* }" -eq 0 ] || worse="$worse $now after $most;"
    most=${now% *}
    sleep 0.2
done
case_is "read meanwhile: never less, nothing overwritten" "" "$worse"
all_there() { [ "$(seen trace)" = "2500 0" ]; }
case_ok "live, ring and segments: all are on the map" wait_true all_there
echo >&7
wait $writer
end_collector "live"

# ---- Followed
fresh
collect trace
paced 2000 collected &
writer=$!
wait_true test -n "$(echo trace/*.atlas)"
start "$sockatlas" events --json -f trace >followed 2>err
follower=$!
wait $writer
accepts() { [ "$(grep -c '"event":"accept"' followed)" -eq 2000 ]; }
case_ok "events -f follows across laps" wait_true accepts
kill -TERM $follower
wait $follower
case_is "... each once" 2000 "$(grep -c '"event":"connect"' followed)"
end_collector "followed"

# ---- Killed and started again
fresh
collect trace
paced 4000 collected &
writer=$!
seed=${SEED:-$RANDOM}
RANDOM=$seed
for ((i = 0; i < 12; i++)); do
    sleep 0.$((RANDOM % 20 + 10))
    kill -KILL "$collector"
    wait "$collector" 2>/dev/null
    collect trace
done
wait $writer
wait_true is_collected
case_is "killed at random: all are there, none twice, none overwritten (SEED=$seed)" "4000 0" "$(seen trace)"
end_collector "killed"

# ---- Nobody collects
fresh
paced 2000 4000
read -r there lost <<<"$(seen trace)"
half=$("$sockatlas" events --json trace | jq -s '[.[] | select(.event == "connect" or .event == "accept")] | length')
case_is "without a collector: all there or counted" 4000 $((half + lost))
finish
