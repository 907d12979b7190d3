#!/bin/bash
# SPDX-License-Identifier: MIT
#
# One log that comes in several files: a copy beside it, its own export, an export that was appended to itself, a copy from before its ring
# was overwritten. Each record counts once, whatever is read, and the user hears that a log came twice.
. "$(dirname "$0")/lib.sh"

# What is given, in one line: connections by their match, what the listeners accepted, sockets, and which coverage there is.
seen() {
    "$sockatlas" map --format json "$@" 2>err | jq -c '[[.edges[] | [.connections, .match]], [.listeners[].accepted], [.coverage[].what]]'
    echo "status ${PIPESTATUS[0]}, $("$sockatlas" list --json "$@" 2>/dev/null | wc -l) sockets"
}
said() { # how many lines on stderr, each of a log that came twice
    echo "$(grep -c 'each record is counted once' err) of $(wc -l <err)"
}

"$sockatlas" run -d trace "$targets/fork_listener" >/dev/null 2>&1
alone=$(seen trace)
twice=$(sed '1s/\[\]\]$/["repeated_log"]]/' <<<"$alone")
case_has "a trace alone has connections" '^\[\[\[[0-9]+,"exact"\]' "$alone"
case_is "... and nothing to say" "0 of 0" "$(said)"
log=$(echo trace/fork_listener*.atlas)

for name in backup.atlas zzz.atlas; do
    cp -r trace "with-$name" && cp "$log" "with-$name/$name"
    case_is "a copy in the folder, $name" "$twice" "$(seen "with-$name")"
    case_is "... and it is said" "1 of 1" "$(said)"
done
"$sockatlas" export --format jsonl trace >trace.jsonl
case_is "the folder and its export" "$twice" "$(seen trace trace.jsonl)"
case_is "... and it is said, once a file" "2 of 2" "$(said)"
case_is "the export before the folder" "$twice" "$(seen trace.jsonl trace)"
cp -r trace other
case_is "the folder, a copy of it and its export" "$twice" "$(seen other trace.jsonl trace)"
cat trace.jsonl trace.jsonl trace.jsonl >appended.jsonl
case_is "an export that was appended to itself" "$twice" "$(seen appended.jsonl)"
case_is "... and it is said once" "1 of 1" "$(said)"
case_is "its export, and that of the folder with it" "" \
    "$("$sockatlas" export --format jsonl appended.jsonl trace 2>/dev/null | diff - trace.jsonl | sed -n '/"event":"image"/d; /^[<>]/p')"
case_is "events: each once" "$("$sockatlas" events trace)" "$("$sockatlas" events trace trace.jsonl other 2>/dev/null)"

# Another trace behind it is refused, since its images have the same numbers.
"$sockatlas" run -d second "$targets/tcp_both_ends" >/dev/null 2>&1
"$sockatlas" export --format jsonl second | cat trace.jsonl - >mixed.jsonl
case_is "another trace behind the first is left out" "$(sed 's/^status 0/status 1/' <<<"$alone")" "$(seen mixed.jsonl)"
case_has "... and it is said" "mixed.jsonl: another trace begins here.*at line $(($(wc -l <trace.jsonl) + 1))" "$(cat err)"

# A copy from before the ring was overwritten has what the log has no more.
cat >ring.py <<'EOP'
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
for count in map(int, sys.argv[1:]):
    for i in range(count):
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        client.close()
        server.close()
    print(flush=True)
    sys.stdin.readline()
EOP
mkfifo go
SOCKATLAS_LIMIT=64K SOCKATLAS_DIR=$work/ring LD_PRELOAD=$shim python3 ring.py 20 2000 <go >stages &
ring=$!
exec 3>go
wait_true eval '[ "$(wc -l <stages)" -ge 1 ]'
mkdir early && cp ring/*.atlas early
echo >&3
wait_true eval '[ "$(wc -l <stages)" -ge 2 ]'
echo >&3
exec 3>&-
wait "$ring"
connections() {
    "$sockatlas" map --format json "$@" 2>/dev/null | jq '[.edges[].connections] | add'
}
case_is "the early copy has the first ones" 20 "$(connections early)"
late=$(connections ring)
case_ok "the ring has the last ones only" test "$late" -gt 20 -a "$late" -lt 2000
case_is "both together have both" $((20 + late)) "$(connections early ring)"
case_is "... in the other order, too" $((20 + late)) "$(connections ring early)"

finish
