#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a collector drops when it is told how much to keep, what it does with the logs of the dead, moved and removed ones, with segments that
# are gone or were not written whole, and whose folders and logs it takes. Nothing is counted twice by any of it.
. "$(dirname "$0")/paced.sh"

# halves [TRACE]: ends of connections that the trace has or counts as overwritten.
halves() {
    "$sockatlas" events --json "${1:-trace}" 2>>err | jq -s '[.[] | select((.event == "connect" or .event == "accept") and .error == null)] | length' >there
    read -r _ lost <<<"$(seen "${1:-trace}")"
    echo $(($(cat there) + lost))
}
segments_size() { # KiB
    cat trace/*.zst 2>/dev/null | wc -c | awk '{print int($1 / 1024)}'
}
number() { # OFFSET: of the log's header, 8 bytes
    od -An -t u8 -j "$1" -N 8 trace/*.atlas | tr -d ' '
}
CURSOR=512 COLLECTED=704
# begin_paced CONNECTIONS [PACE]: waits at its end, until end_paced; its pid in `writer`.
begin_paced() {
    exec 7<>go
    paced "$1" "${2:-collected}" wait <&7 >out 2>&1 &
    writer=$!
    started+=("$writer")
}
end_paced() {
    echo >&7
    wait "$writer"
}
has_log() { compgen -G 'trace/*.atlas' >/dev/null; }
is_idle() { # all of its connections were made
    local now=$(number $CURSOR)
    sleep 0.3
    [ "$now" -gt 1000 ] && [ "$(number $CURSOR)" = "$now" ]
}
mkfifo go

# ---- How much is kept

fresh
collect --keep 200K trace
paced 8000 collected
wait_true is_collected
bounded() { [ "$(segments_size)" -le 264 ]; } # one segment more may be begun
case_ok "--keep SIZE: no more than that is kept" wait_true bounded
case_ok "... and no less than half of it" [ "$(segments_size)" -ge 100 ]
end_collector "--keep SIZE" # which drops segments until then
case_is "... what was dropped is counted as overwritten" 16000 "$(halves)"
case_ok "... the newest is kept" [ "$(cat there)" -gt 1000 ]
mkdir alone && cp trace/*.zst alone
case_is "... by segments alone, too" 16000 "$(halves alone)"

fresh
collect --keep 2s trace
paced 1500 collected
nothing() { [ -z "$(ls trace)" ]; }
case_ok "--keep AGE: an ended program's log and segments are dropped when they are older" wait_true nothing
begin_paced 3000 1000
wait_true has_log
sleep 4
oldest=$(($(date +%s) - $(stat -c %Y trace/*.zst | sort -n | head -1)))
case_ok "... a running one's, too: its oldest segment is $oldest s old" [ "$oldest" -le 4 ]
case_is "... its log is not" 1 "$(find trace -name '*.atlas' | wc -l)"
end_paced
end_collector "--keep AGE"
case_is "... what was dropped is counted" 6000 "$(halves)"

# ---- Logs of the dead

fresh
collect trace
(LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace SOCKATLAS_LIMIT=1048576 "$targets/busy" ledger 1 1 1000 kill) 2>/dev/null
(LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/trace "$targets/busy" ledger.small 1 1 2 kill) 2>/dev/null
two_cut() { [ "$(find trace -name '*.atlas' -size -24k | wc -l)" -eq 2 ]; }
case_ok "killed programs' logs are cut" wait_true two_cut
case_is "... what was in a large one is in a segment" "1 1" "$(find trace -name '*.atlas' -size 4096c | wc -l) $(find trace -name '*.zst' | wc -l)"
case_ok "... and adds up" "$account" ledger trace/*.zst
case_is "... a small one keeps what it has" "" "$("$account" ledger.small "$(find trace -name '*.atlas' -size +4096c)" >out || cat out)"
end_collector "logs of the dead"

# ---- Moved and removed logs

fresh
collect trace 2>said
begin_paced 1200
wait_true is_idle
log=$(echo trace/*.atlas)
mv "$log" away
gone_said() { grep -qx "$log: moved or removed; what was not collected of it cannot be" said; }
case_ok "a log that is moved away: one line" wait_true gone_said
mv away "$log"
end_paced
wait_true is_collected
case_is "... put back, it goes on where it was" "1200 0" "$(seen trace)"
case_is "... one line in all" 1 "$(wc -l <said)"
end_collector "moved"
fresh
collect trace 2>said
begin_paced 1200
wait_true is_idle
log=$(echo trace/*.atlas)
rm "$log"
case_ok "a log that is removed: one line" wait_true gone_said
end_paced
case_is "... the program ends as without" 0 $?
end_collector "removed"

# ---- Killed between any two steps

fresh
collect trace
begin_paced 1500
wait_true is_idle
kill -KILL "$collector"
wait "$collector" 2>/dev/null
told=$(number $COLLECTED)
untell() {
    printf '\1\0\0\0\0\0\0\0' | dd of="$(echo trace/*.atlas)" bs=1 seek=$COLLECTED conv=notrunc status=none
}
untell
case_is "killed before it told what it has: readers find it all the same" "1500 0" "$(seen trace)"
collect trace
told_again() { [ "$(number $COLLECTED)" = "$told" ]; }
case_ok "... started again, it tells" wait_true told_again
kill -KILL "$collector"
wait "$collector" 2>/dev/null
segment=$(echo trace/*.zst)
size=$(stat -c %s "$segment")
truncate -s -10 "$segment"
untell
case_is "killed in the middle of a frame: readers take the section from the log" "1500 0" "$(seen trace)"
case_is "... without a word" "" "$(cat err)"
collect trace
wait_true told_again
kill -TERM "$collector"
wait "$collector"
case_ok "... started again, it writes it anew" [ "$(stat -c %s "$segment")" -ge "$size" ]
case_is "... all is there, once" "1500 0" "$(seen trace)"
mkdir aside
mv "$segment" aside
collect trace
end_paced
wait_true is_collected
case_is "segments that are gone: what was in them is counted" 3000 "$(halves)"
mv aside/* trace/
case_is "... they are back: all is there, once" "1500 0" "$(seen trace)"
end_collector "killed between"

# ---- Whose folders and logs

if [ "$(id -u)" -eq 0 ] && as=(setpriv --reuid=65534 --regid=65534 --clear-groups) && "${as[@]}" true 2>/dev/null; then
    chmod 755 "$work"
    cp "$sockatlas" "$shim" "$targets/busy" .
    as_user() { "${as[@]}" env LD_PRELOAD="$work/libsockatlas.so" SOCKATLAS_DIR="$work/trace" SOCKATLAS_LIMIT=65536 "$@"; }
    busy_user() { # LEDGER: 400 connections of the user's to itself; it is not paced, so what is lost is counted
        : >"$1" && chmod 666 "$1"
        (as_user ./busy "$1" 1 1 400 kill) 2>/dev/null
    }
    sockatlas_built=$sockatlas
    sockatlas=$work/sockatlas

    fresh && chown 65534:65534 trace
    collect_as() { start "${as[@]}" "$sockatlas" collect -q trace && collector=$!; }
    collect_as
    busy_user one
    case_ok "as an ordinary user, his own folder" wait_true is_collected
    case_ok "... it adds up" "$account" one trace
    end_collector "as an ordinary user"

    fresh && chown 65534:65534 trace
    collect trace 2>said
    busy_user two
    case_ok "as root, another user's folder" wait_true is_collected
    case_ok "... it adds up" "$account" two trace
    case_is "... what is made there is the user's" 65534 "$(stat -c %u trace/* | sort -u)"
    cp trace/*.atlas foreign && chown 1 foreign
    size=$(stat -c %s foreign)
    mv foreign trace/foreign.atlas
    left() { grep -qx "trace/foreign.atlas: put there by user 1, not by the folder's owner; left out" said; }
    case_ok "... a log of a third user's is left out in a line" wait_true left
    case_is "... as it was" "1 $size" "$(stat -c '%u %s' trace/foreign.atlas)"
    end_collector "as root"

    fresh && chmod 755 trace
    case_is "as an ordinary user, root's folder: refused" \
        "1 sockatlas collect: trace: belongs to another user; its owner or root can collect it" \
        "$(said=$("${as[@]}" "$sockatlas" collect trace 2>&1); echo $? "$said")"
    chmod 777 trace
    case_is "a folder that all may write to: refused" "1 sockatlas collect: trace: others may write to it; a trace is private" \
        "$(said=$("$sockatlas" collect trace 2>&1); echo $? "$said")"
    sockatlas=$sockatlas_built
else
    case_skip "whose folders and logs" "needs root and setpriv"
fi
# Basic blocks (tests/fault/count.c) of a collector that is ended when it has begun; 0 it did not tell. How often it looks again until
# then, every two seconds, is not always the same.
work_for() { # LOGS
    local collector
    mkdir -m 700 "many$1"
    (cd "many$1" && seq -f 'p.%g.1.atlas' "$1" | xargs touch)
    COUNT_FILE=$work/count "$top/build/counted/sockatlas" collect "many$1" >out 2>&1 &
    collector=$!
    wait_true grep -q collects out
    kill -TERM $collector
    wait $collector
    rm -rf "many$1"
    cat "$work/count" || echo 0
}
few=$(work_for 2000) many=$(work_for 20000)
case_is "ten times the logs, ten times the work: $few, $many" 1 $((few > 0 && many > few && many < 40 * few))

finish
