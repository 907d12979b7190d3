#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A long reading tells how far it is, on a terminal that nothing else is written to, and only there.
. "$(dirname "$0")/lib.sh"

"$sockatlas" run "$targets/tcp_both_ends" >/dev/null 2>&1
"$sockatlas" export --format jsonl -o all.jsonl
grep '"event":"image"' all.jsonl >images
grep -v '"event":"image"' all.jsonl >events
# A trace without an end: however fast the machine is, the reading takes longer than a second. No two events of it are the same.
cat >endless <<'SH'
cat images
exec awk 'BEGIN {
    while ((getline line <"events") > 0) events[n++] = line
    for (;; slot++) {
        line = events[slot % n]
        sub(/"slot":[0-9]+/, "\"slot\":" slot, line)
        print line
    }
}'
SH
mkfifo terminal trace

watch() { # ARGUMENT...: runs sockatlas on a terminal, reading the endless trace, until it tells how far it is
    local seen=1
    exec 8<>terminal
    bash endless >trace 2>/dev/null &
    local writer=$!
    script -qec "exec '$sockatlas' $* trace" /dev/null >terminal 2>&1 </dev/null &
    local reader=$!
    adopt "$writer" "$reader"
    while read -r -t 20 -d ' ' -u 8 word; do
        [ "$word" = MB ] && seen=0 && break
    done
    kill "$reader" "$writer" 2>/dev/null
    wait_gone "$reader"
    exec 8<&-
    return $seen
}
case_ok "export to a file tells how far it is" watch export --format jsonl -o /dev/null
case_ok "map does" watch map

script -qec "exec '$sockatlas' export --format jsonl -o /dev/null" /dev/null >quick </dev/null
case_is "what takes no second tells nothing" "" "$(cat quick)"
case_is "no terminal is told nothing" "" "$({ cat images; cat events; } | "$sockatlas" map - 2>&1 >/dev/null)"

finish
