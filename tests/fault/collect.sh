#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A ring that is written full many times while somebody collects it: each connection that was made is on the map, none twice; what was
# overwritten because nobody collected is counted.
. "$(dirname "$0")/paced.sh"

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

# ---- Nobody collects, somebody follows: what he did not get is told as it comes.
fresh
start "$sockatlas" events --json -f trace >followed 2>err
follower=$!
for ((i = 1; i <= 2; i++)); do # a log each time, which is written full many times
    kill -STOP $follower
    paced 2000 1e9
    kill -CONT $follower
    gap_told() { [ "$(grep -c '"what":"overwritten"' followed)" -ge "$i" ]; }
    case_ok "events -f: a gap is told when it has come, $i" wait_true gap_told
done
followed() { # beginnings of connections that came, and those that were told to be overwritten
    jq -s '[.[] | if .event == "connect" or .event == "accept" then 1
        elif .what == "overwritten" then (.detail | capture("records, (?<n>[0-9]+) of").n | tonumber) else 0 end] | add' followed
}
all_told() { [ "$(followed)" -ge 8000 ]; }
wait_true all_told
case_is "... what does not come is told of, all of it" 8000 "$(followed)"
case_is "... once" 2 "$(grep -c '"what":"overwritten"' followed)"
kill -TERM $follower
wait $follower
"$sockatlas" events -f trace >text 2>err &
follower=$!
started+=($follower)
told() { grep -cE 'coverage\(overwritten, "before [0-9-]+ [0-9:]+: [0-9]+ records, [0-9]+ of them beginnings of connections"\)' text; }
two_told() { [ "$(told)" -ge 2 ]; }
case_ok "... in its text, too" wait_true two_told
case_is "... and once" 2 "$(told)"

# ---- Workers in a sandbox, and who shares the log with them, use a part of the ring in turns: it is collected as often as that is full.
fresh
rm -f ledger
collect trace
(exec env LD_PRELOAD="$shim" SOCKATLAS_DIR="$PWD/trace" "$targets/busy_server" ledger processes 3 6000 4000 seccomp) >out 2>&1 </dev/null
status=$?
wait_true is_collected
end_collector "a part of the ring"
adds_up "a part of the ring: it is all there or counted" $status
case_ok "a part of the ring: the cursor is beyond its end" [ "$(od -An -t u8 -j 512 -N 8 trace/*.atlas)" -gt 4194304 ]

# ---- A record that is published after its section was collected: fork()'s has its place before its handlers run. These wait for the
# collector to give it up, and, LAPS=1, for the ring to be written full once more. No faster than it is collected: nothing is overwritten.
cat >late.py <<'EOP'
import ctypes, glob, os, socket, struct, sys, time
SECTION, SECTIONS = 128, 8
made = 0

def word(at):
    log = os.open(glob.glob("trace/*.atlas")[0], os.O_RDONLY)
    value = struct.unpack("Q", os.pread(log, 8, at))[0]
    os.close(log)
    return value

def go_on(allowed):
    global made
    if allowed:
        socket.socket().close()
        made += 1
    else:
        time.sleep(0.002)

def wait_for_collection():
    section = word(512) // SECTION
    while word(704) // SECTION <= section:
        go_on(word(512) < (section + 2) * SECTION)
    while word(512) < (section + 2 + int(sys.argv[1]) * SECTIONS) * SECTION:
        go_on(word(512) - word(704) < 3 * SECTION)

go_on(True)
prepare = ctypes.CFUNCTYPE(None)(wait_for_collection)
ctypes.CDLL(None).__register_atfork(prepare, None, None, None)
if os.fork() == 0:
    os._exit(0)
os.wait()
print(2 * made + 1, flush=True)
sys.stdin.readline()
EOP
late() { # what it did of that, as the trace has it; forks; and what is counted as overwritten
    "$sockatlas" events --json trace | jq -rs --argjson lost "$("$sockatlas" map --format json trace | jq '[.coverage[] | select(.what == "overwritten") |
        .detail | capture(": (?<n>[0-9]+) records").n | tonumber] | add // 0')" '
        "\([.[] | select(.event == "fork" or .event == "socket" or (.event == "close" and .call == "close"))] | length) \([.[] | select(.event == "fork")] | length) \($lost)"'
}
for laps in 0 1; do
    what="published late, $laps laps later"
    fresh
    rm -f due
    collect trace
    LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace SOCKATLAS_LIMIT=65536 python3 late.py $laps <&7 >due &
    writer=$!
    started+=("$writer")
    wait_true test -s due
    case_is "$what: it is in the trace while its section is in the ring" "$(cat due) 1 0" "$(late)"
    echo >&7
    wait $writer
    case_is "$what: the program ends" 0 $?
    wait_true is_collected
    end_collector "$what"
    case_is "$what: it is counted when that is cut" "$(($(cat due) - 1)) 0 1" "$(late)"
    case_is "$what: the end of its process is there" 1 "$("$sockatlas" events --json trace | jq -s '[.[] | select(.event == "exit" and .call == "exit")] | length')"
done
finish
