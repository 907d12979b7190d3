#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Logs that are renamed or removed while they are in use: their processes go on in new ones, and say so. All that was recorded is in the one or
# the other; nothing changes for the program.
. "$(dirname "$0")/lib.sh"

gone() { # how many processes of the trace say that their log was gone
    "$sockatlas" map --format json "$@" 2>err >map.json
    jq '[.coverage[] | select(.what == "log_gone")] | length' map.json
}
has_logs() {
    compgen -G 'trace/*.atlas' >/dev/null
}

# rotated CASE processes|threads: a server and its client, whose logs are moved away again and again.
rotated() {
    local moves=0 status
    rm -rf ledger trace moved
    mkdir -m 700 trace moved
    (exec env "LD_PRELOAD=$shim" "SOCKATLAS_DIR=$PWD/trace" "$targets/busy_server" ledger "$2" 3 6000 3000) >out 2>&1 </dev/null &
    while kill -0 $! 2>/dev/null; do
        has_logs && mv trace/*.atlas moved/ && moves=$((moves + 1))
        sleep 0.3
    done
    wait $!
    status=$?
    mv moved/*.atlas trace/
    adds_up "$1" $status
    case_ok "$1: they were moved more than once ($moves times)" [ "$moves" -gt 1 ]
    case_is "$1: with all logs there, nothing is missing" 0 "$(gone trace)"
    case_is "$1: the map has each connection" 6000 "$(jq '[.edges[].connections] | add' map.json)"
    case_is "$1: with both of its ends" true "$(jq '[.edges[].match] | unique == ["exact"]' map.json)"
} 2>/dev/null
rotated "threads, renamed" threads
rotated "processes, renamed" processes

# server.py: serves one connection a line of its input, and says what it did.
cat >server.py <<'EOP'
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
old = socket.create_connection(listener.getsockname())
kept = listener.accept()[0]
print(listener.getsockname()[1], flush=True)
for line in sys.stdin:
    if line.startswith("chroot"):
        os.chroot(line.split()[1])
    client = socket.create_connection(listener.getsockname())
    peer = listener.accept()[0]
    old.sendall(b"x")
    client.close()
    peer.close()
    print("served", flush=True)
EOP
# serving [VARIABLE=VALUE...]: it, with its input on descriptor 7 and its output on 8.
serving() {
    rm -rf trace
    rm -f to from
    mkfifo to from
    (exec env "LD_PRELOAD=$shim" "SOCKATLAS_DIR=$PWD/trace" "$@" python3 server.py) <to >from 2>said &
    server=$!
    exec 7>to 8<from
    read -r port <&8
}
serve() { # [WORDS...]
    echo "$@" >&7
    read -r _ <&8
}
# At most twenty seconds, in which it goes on serving.
serve_until() { # COMMAND...
    local tries=400
    until "$@"; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        serve
        sleep 0.05
    done
}
served() {
    exec 7>&- 8<&-
    wait "$server"
    case_is "$1: the program ends as ever, and says nothing" "0 " "$? $(cat said)"
}

serving
serve
rm -f trace/*.atlas
serve_until has_logs
case_ok "removed: it goes on in a new log" has_logs
serve
served "removed"
case_is "removed: that is said" 1 "$(gone trace)"
case_is "removed: nobody complains" "" "$(cat err)"
list() { "$sockatlas" list --json trace 2>&1 | jq -c "select(.local_port == $port or .peer_port == $port) | $1"; }
case_is "removed: the listener is known again" "listener null false" "$(list 'select(.role == "listener") | "\(.role) \(.opened_us) \(.complete)"' | tr -d '"')"
case_ok "removed: so is a connection of before, once it is used" [ "$(list 'select(.role == "client" and .opened_us == null) | .role' | wc -l)" -eq 1 ]
case_ok "removed: those made since are whole" [ "$(list 'select(.role == "client" and .opened_us != null and .complete) | .role' | wc -l)" -ge 1 ]

# A folder that is never still.
serving
serve
rm -f trace/*.atlas
touch -d '+1 hour' trace
serve_until has_logs
case_ok "removed from a folder where much happens: it goes on in a new log all the same" has_logs
served "removed from a folder where much happens"

# serve_thrice: each time long enough after the one before for the log to be looked for.
serve_thrice() {
    for _ in 1 2 3; do
        sleep 0.3
        serve
    done
}
serving
serve
command rm -rf trace
serve_thrice
served "removed with its folder"
case_ok "removed with its folder: that stays removed" [ ! -e trace ]

# The folder goes a moment later than the log, and its process looks for the log in between.
serving
serve
sleep 0.3
rm -f trace/*.atlas
touch -d '+1 hour' trace # the moment may be long here
serve
case_ok "removed, and then its folder: nothing is in its way" rmdir trace
serve_thrice
served "removed, and then its folder"
case_ok "removed, and then its folder: that stays removed" [ ! -e trace ]

# Somebody makes the folder again: that is wanted.
serving
serve
command rm -rf trace
serve
mkdir -m 700 trace
serve_until has_logs
case_ok "removed with its folder, which is made again: it goes on in a new log there" has_logs
served "removed with its folder, which is made again"
case_is "removed with its folder, which is made again: that is said" 1 "$(gone trace)"

serving
serve
rm -f trace/*.atlas
sleep 0.3
served "removed before its end"
case_is "removed before its end: that is said" 1 "$(gone trace)"

# The folder is not still, but has others' logs: it is not on its way out.
serving
serve
sleep 0.1
rm -f trace/*.atlas
: >trace/other
touch -d '+1 hour' trace
served "removed just before its end"
case_is "removed just before its end: that is said" 1 "$(gone trace)"
rm -f trace/other

serving
serve
log=$(echo trace/*.atlas)
mv "$log" "$log.1"
serve_until has_logs
is_small() { [ "$(stat -c %s "$log.1")" -lt 65536 ]; }
serve_until is_small
case_ok "renamed in its folder: the old log is trimmed" is_small
served "renamed in its folder"
case_is "renamed in its folder: the new one is" 1 "$(find trace -name '*.atlas' -size -64k | wc -l)"
mv "$log.1" "$log"
case_is "renamed in its folder: all is there" "$("$sockatlas" events --json trace | jq -s '[.[] | select(.event == "accept" and .error == null)] | length')" \
    "$("$sockatlas" map --format json trace | jq '[.edges[].connections] | add')"

serving
serve
mv trace elsewhere
for _ in 1 2 3 4 5 6; do
    serve
    sleep 0.1
done
served "its folder renamed"
case_is "its folder renamed: it goes on there, in one log" "1 0" "$(find elsewhere -name '*.atlas' | wc -l) $(gone elsewhere)"
case_ok "its folder renamed: no other is made" [ ! -e trace ]
rm -rf elsewhere

if [ "$(id -u)" -eq 0 ]; then
    mkdir -p root
    serving
    serve "chroot $PWD/root"
    for _ in 1 2 3 4 5 6; do
        serve
        sleep 0.1
    done
    served "after chroot"
    case_is "after chroot: it goes on in its log" "1 0" "$(find trace -name '*.atlas' | wc -l) $(gone trace)"
    case_is "after chroot: nothing is made there" "" "$(ls root)"
else
    case_skip "after chroot" "needs root"
fi

# Under `run`.
rm -rf trace
rm -f to from
mkfifo to from
("$sockatlas" run -d trace -- python3 server.py) <to >from 2>said &
server=$!
exec 7>to 8<from
read -r port <&8
serve
has_log() { compgen -G 'trace/python3*.atlas' >/dev/null; }
rm -f trace/python3*.atlas
serve_until has_log
serve
exec 7>&- 8<&-
wait "$server"
case_is "under run: it ends as ever" 0 $?
case_is "under run: that the log was gone is said" 1 "$(gone trace)"
finish
