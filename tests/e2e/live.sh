#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Following a trace that is being written: `events -f` and `run --live` print all that the finished trace holds, as it happens.
. "$(dirname "$0")/lib.sh"

# await PATTERN: reads lines from descriptor 9 until one matches; fails after 20 seconds of silence.
await() {
    local line
    while read -r -t 20 -u 9 line; do
        echo "$line" >>followed
        [[ $line =~ $1 ]] && return 0
    done
    return 1
}
# Without the times since the first event, and in an order of their own: logs are printed as they come.
plain() {
    sed -E 's/^ *-?[0-9.]+ +//' | sort
}

mkfifo hold lines
cat >slow <<SH
exec 3<>hold
'$targets/tcp_both_ends'
read -r _ <&3
'$targets/connect_refused'
read -r _ <&3
'$targets/unix_stream'
SH
exec 4<>hold 9<>lines
mkdir -m 700 sockatlas.data
start "$sockatlas" events -f >lines 2>follow.err
follower=$!
start env SOCKATLAS_DIR="$work/sockatlas.data" LD_PRELOAD="$shim" bash slow
traced=$!
case_ok "what happens is printed while the program runs" await 'connect\([0-9]+, peer=127'
echo go >&4
case_ok "a log that appears later is taken in" await 'connect_refused.* = -1 ECONNREFUSED'
echo go >&4
case_ok "and another one" await 'unix_stream .*exit\(status=0\)'
wait_gone "$traced"
kill "$follower"
wait "$follower"
case_is "it ends by the signal" 143 $?
echo "the end" >&9
await "the end"
sed -i '$d' followed
case_is "nothing was missed, nothing came twice" "$("$sockatlas" events | plain)" "$(plain <followed)"
case_is "nothing was complained about" "" "$(cat follow.err)"
case_has "there was something to miss" '^[23][0-9]$' "$(wc -l <followed)"
exec 9<&-

# A reader that goes away ends it, also while nothing happens.
"$sockatlas" events -f 2>/dev/null | head -1 >/dev/null &
adopt $!
case_ok "it ends with its reader" wait_gone $!
case_is "no such folder: status" 1 "$("$sockatlas" events -f nowhere 2>err; echo $?)"
case_is "no such folder: line" "nowhere: No such file or directory" "$(cat err)"
"$sockatlas" export --format jsonl -o all.jsonl
case_is "a .jsonl has an end" "$("$sockatlas" events | wc -l)" "$("$sockatlas" events -f all.jsonl | wc -l)"
case_is "--json follows too" '"socket"' "$("$sockatlas" events -f --json all.jsonl | jq .event | head -1)"

"$sockatlas" run --live -d live sh -c 'echo out; for i in 1 2 3 4 5 6 7 8 9 10; do "$0"; done' "$targets/tcp_both_ends" >out 2>err
case_is "run --live: standard output is the command's" "out" "$(cat out)"
case_is "run --live: all events are printed" "$("$sockatlas" events live | grep -v ' gone(' | plain)" "$(grep -v '^sockatlas: ' err | plain)"
case_has "run --live: the report comes last" "^sockatlas: next: " "$(tail -1 err)"
case_is "run --live: the exit status is the command's" 7 "$("$sockatlas" run --live -d live sh -c 'exit 7' >out 2>&1; echo $?)"
case_is "run --live: a signal is the command's" 143 "$("$sockatlas" run --live -d live sh -c 'kill $$' >out 2>&1; echo $?)"

finish
