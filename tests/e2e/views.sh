#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tuned, show and diff, as text, of traces of the target programs.
. "$(dirname "$0")/lib.sh"

status_of() { # COMMAND...: prints the exit status; its output is in out and err
    "$@" >out 2>err </dev/null
    echo $?
}
trace set "$targets/options"
trace talk "$targets/tcp_both_ends"
trace again "$targets/tcp_both_ends"
trace refused "$targets/connect_refused"

# ---- tuned
case_is "tuned: status" 0 "$(status_of "$sockatlas" tuned set)"
tuned=$(cat out)
case_has "tuned: whose" '^options \([0-9]+\): tcp unused$' "$tuned"
case_has "tuned: as asked" '^  TCP_NODELAY +on$' "$tuned"
case_has "tuned: doubled" '^  SO_SNDBUF +8192 +-> +16384 +doubled' "$tuned"
case_has "tuned: clamped, to what" '^  SO_RCVBUF +1073741823 +-> +[0-9]+ +CLAMPED to [0-9]+$' "$tuned"
case_has "tuned: refused, why" 'REFUSED ENOPROTOOPT$' "$tuned"
case_is "tuned: the buffers in force at the end" "16384 16384" \
    "$("$sockatlas" tuned --json set | jq -r 'select(.name == "SO_SNDBUF") | "\(.end_least) \(.end_most)"')"
case_is "tuned: nothing set" "no parameter was set on any socket" "$("$sockatlas" tuned talk)"
case_is "tuned: no line is longer than 80 columns" "" "$(awk 'length > 80' <<<"$tuned")"

# ---- show
id=$("$sockatlas" list --json talk | jq -r 'select(.role == "client") | .socket')
peer=$("$sockatlas" list --json talk | jq -r 'select(.role == "server") | .socket')
cookie=$("$sockatlas" list --json talk | jq -r 'select(.role == "client") | .cookie')
place=$("$sockatlas" list --json talk | jq -r 'select(.role == "listener") | "\(.pid):\(.fd)"')
case_is "show: status" 0 "$(status_of "$sockatlas" show "$id" talk)"
show=$(cat out)
case_has "show: what it is" "^socket $id +tcp client, closed, cookie $cookie\$" "$show"
case_has "show: its peer" "^peer +127\.0\.0\.1:[0-9]+; .*, socket $peer \(exact\)\$" "$show"
case_has "show: an event" '^ +[0-9.]+  (.*: )?connect\([0-9]+, peer=127\.0\.0\.1:.*\) = 0 <[0-9.]+ [mun]?s>' "$show"
case_has "show: an event of its peer's" '^ +[0-9.]+    \| (.*: )?accept4?\(' "$show"
case_is "show: the cookie finds the same" "$show" "$("$sockatlas" show "sk:$cookie" talk)"
case_has "show: a process's descriptor" '^socket [0-9]+ +tcp listener' "$("$sockatlas" show "$place" talk)"
case_is "show --json: the socket and its peer, as list has them" "$("$sockatlas" list --json talk | jq -s -c --argjson id "$id" --argjson peer "$peer" '[(.[] | select(.socket == $id)), (.[] | select(.socket == $peer))]')" \
    "$("$sockatlas" show --json "$id" talk | jq -c '[.socket, .peer]')"
case_is "show --json: their events, as events has them" "$("$sockatlas" events --json talk | jq -c --arg cookie "$cookie" 'select(.cookie == $cookie)')" \
    "$("$sockatlas" show --json "$id" talk | jq -c --arg cookie "$cookie" '.events[] | select(.cookie == $cookie)')"
case_is "show --json: no peer is null" null "$("$sockatlas" show --json 1 refused | jq .peer)"
"$sockatlas" export --format jsonl talk >talk.jsonl
case_is "show: a trace from a pipe tells the same" "$show" "$(cat talk.jsonl | "$sockatlas" show "$id" -)" # shellcheck disable=SC2002
case_is "show: from standard input too" "$show" "$("$sockatlas" show "$id" - <talk.jsonl)"
case_is "show: from a pipe with a name too" "$show" "$("$sockatlas" show "$id" <(cat talk.jsonl))"
case_is "show: --json of it" "$("$sockatlas" show --json "$id" talk.jsonl)" "$("$sockatlas" show --json "$id" <(cat talk.jsonl))"
case_is "show: one input given twice is one" "$show" "$("$sockatlas" show "$id" - - <talk.jsonl)"
case_is "show: what is damaged in a pipe: status" 1 "$(status_of "$sockatlas" show "$id" <(cat talk.jsonl; echo nonsense))"
case_has "show: what is damaged in a pipe: line" '^/dev/fd/[0-9]+: not JSON, at line [0-9]+$' "$(cat err)"
case_is "show: no space for what comes through a pipe: status" 1 "$(cat talk.jsonl | (ulimit -f 0; trap '' XFSZ; "$sockatlas" show "$id" - 2>/dev/null; echo $?))"
case_has "show: no space for it: line" '^stdin: File too large' "$(cat talk.jsonl | (ulimit -f 0; trap '' XFSZ; "$sockatlas" show "$id" - 2>&1))"
case_is "show: no such socket: status" 1 "$(status_of "$sockatlas" show 999 talk)"
case_has "show: no such socket: line" '^sockatlas show: 999: no such socket' "$(cat err)"
case_is "show: no such trace: status" 1 "$(status_of "$sockatlas" show 1 nosuch)"
case_is "show: no such trace: one line" "nosuch: No such file or directory" "$(cat err)"
case_is "show: what is no socket: status" 2 "$(status_of "$sockatlas" show nonsense talk)"
case_is "show: none given: status" 2 "$(status_of "$sockatlas" show)"

# ---- diff
case_is "diff: two runs of one program are the same: status" 0 "$(status_of "$sockatlas" diff talk again)"
case_is "diff: two runs of one program are the same: nothing said" "" "$(cat out)"
case_is "diff: two programs differ: status" 1 "$(status_of "$sockatlas" diff talk refused)"
case_has "diff: an edge is gone" '^- edge +tcp_both_ends to tcp_both_ends, tcp 127\.0\.0\.1:\*$' "$(cat out)"
case_has "diff: a listener is gone" '^- listener +tcp_both_ends tcp 127\.0\.0\.1:\*$' "$(cat out)"
case_has "diff: a failure is new" '^\+ failure +connect_refused connect to tcp 127\.0\.0\.1:.*: ECONNREFUSED$' "$(cat out)"
case_is "diff: the other way round" "$(grep -c '^+' out)" "$("$sockatlas" diff refused talk | grep -c '^-')"
trace small "$top/build/doctor/late_buffer" nearly
trace late "$top/build/doctor/late_buffer"
case_is "diff: when a setting is made is no difference: status" 0 "$(status_of "$sockatlas" diff small late)"
trace few "$top/build/doctor/small_backlog"
trace many "$top/build/doctor/small_backlog" nearly
case_is "diff: another backlog is a changed setting: status" 1 "$(status_of "$sockatlas" diff few many)"
case_has "diff: another backlog is a changed setting" '^~ setting +small_backlog listener tcp .*, backlog: [0-9]+ -> [0-9]+$' "$(cat out)"
case_is "diff: it is all that changed" 1 "$(wc -l <out)"
case_is "diff: trouble: status" 2 "$(status_of "$sockatlas" diff talk nosuch)"
case_is "diff: one trace: status" 2 "$(status_of "$sockatlas" diff talk)"
finish
