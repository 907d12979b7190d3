#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What people see on a terminal of 80 columns: nothing wider, and what they look for not cut.
. "$(dirname "$0")/lib.sh"

on_terminal() { # COLUMNS COMMAND...: what it prints on a terminal of that width
    local columns=$1
    shift
    COLUMNS=$columns TERM=xterm script -qec "$(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r'
}
too_wide() { # COLUMNS: the lines of standard input that are wider
    LC_ALL=C.UTF-8 grep -E ".{$1}." || :
}

# By a short name: a word longer than a line cannot be broken, and nobody knows how long the name of this folder is.
ln -s "$targets" targets
trace talk sh -c 'targets/tcp_both_ends; targets/unix_stream; targets/connect_refused'

# ---- map
map=$(on_terminal 80 "$sockatlas" map talk)
case_is "map: nothing is wider than the terminal" "" "$(too_wide 80 <<<"$map")"
case_has "map: who began has a line of its own" '^tcp_both_ends \([0-9]+\)$' "$map"
case_has "map: below it what it talked to, whole" '^  ->  tcp_both_ends \([0-9]+\) +tcp 127\.0\.0\.1:[0-9]+ +1 +5 B +0 B$' "$map"
case_has "map: why it failed" '^ +[0-9]+ failed \(ECONNREFUSED\)$' "$map"
map=$(on_terminal 200 "$sockatlas" map talk)
case_has "map: a wide terminal, one line each" '^tcp_both_ends \([0-9]+\) +-> +tcp_both_ends \([0-9]+\) ' "$map"
case_is "map: what is unknown is said as elsewhere" 1 "$(grep -cE ' 0 +- +- +[0-9]+ failed \(ECONNREFUSED\)$' <<<"$map")"
case_is "map: the reason is in its JSON" '["ECONNREFUSED"]' "$("$sockatlas" map --format json talk | jq -c '[.edges[] | select(.failed > 0) | .error]')"

# ---- map --by program
cat >ports.py <<'PY'
import os, socket
servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
if os.fork() == 0:
    for server in servers:
        socket.create_connection(server.getsockname()).sendall(b"x" * 10)
    os._exit(0)
for server in servers:
    server.accept()[0].recv(10)
os.wait()
PY
trace ports /usr/bin/python3 ports.py
map=$("$sockatlas" map --by program ports)
case_has "map: many addresses of one program are one line" '^python3 .*-> +python3 .* tcp 127\.0\.0\.1:[0-9]+ and 4 more +5 +50 B +0 B$' "$map"
case_has "map: one for those that listen there too" '^python3 .* tcp 127\.0\.0\.1:[0-9]+ and 4 more +5 +1$' "$map"
case_is "map: by process all are told" 5 "$("$sockatlas" map ports | grep -cE -- '-> +python3')"

# ---- list
list=$(on_terminal 80 "$sockatlas" list talk)
case_is "list: nothing is wider than the terminal" "" "$(too_wide 80 <<<"$list")"
case_has "list: a client: where it leads, and its bytes" '^ *[0-9]+ +tcp_b[^ ]* \([0-9]+\) +tcp +client +closed +127\.0\.0\.1:[0-9]+ +5 B +0 B$' "$list"
case_has "list: a server: who it talks to" '^ *[0-9]+ +tcp_b[^ ]* \([0-9]+\) +tcp +server +closed +tcp_b[^ ]* \([0-9]+\) +0 B +5 B$' "$list"
case_has "list: why it failed" ' connect_.* \([0-9]+\) +tcp +client +ECONNREFUSED +127\.0\.0\.1:[0-9]+ +- +-$' "$list"
case_is "list: in order of appearance" "$(tail -n +2 <<<"$list" | sort -n)" "$(tail -n +2 <<<"$list")"
id=$(awk '$6 == "listener" || $5 == "listener" {print $1; exit}' <<<"$list")
case_has "list: what it calls a socket, show takes" "^socket $id +tcp listener" "$("$sockatlas" show "$id" talk)"
list=$(on_terminal 120 "$sockatlas" list talk)
case_is "list: nothing is wider than a wider terminal" "" "$(too_wide 120 <<<"$list")"
case_has "list: a wide terminal, when it appeared, its descriptor, and who is at the other end" \
    '^ *[0-9]+ +[0-9]+\.[0-9]{3} +tcp_both_ends \([0-9]+\) +[0-9]+ +tcp +client +closed +127\.0\.0\.1:[0-9]+ +tcp_both_ends \([0-9]+\) ' "$list"
list=$("$sockatlas" list talk)
case_is "list: piped, its columns are aligned" 1 "$(grep -oE '^.* (listener|server|client|datagram|pair|unused) ' <<<"$list" | sed 's/[a-z]* $//' | awk '{print length}' | sort -u | wc -l)"
case_has "list: piped, both addresses" ' client +closed +127\.0\.0\.1:[0-9]+ +127\.0\.0\.1:[0-9]+ +tcp_both_ends ' "$list"
case_is "list: --wide is what is piped" "$list" "$(on_terminal 80 "$sockatlas" list --wide talk)"
trace set "$targets/options"
case_has "list: a setting that is not in force" '(SO_RCVBUF CLAMPED|REFUSED)' "$("$sockatlas" list set)"
case_has "list: stands out" $'^\033\\[31m.*ECONNREFUSED' "$(NO_COLOR= on_terminal 80 "$sockatlas" list talk)"
case_has "list: so does a setting that is not in force" $'^\033\\[33m.*options' "$(NO_COLOR= on_terminal 80 "$sockatlas" list set)"

# ---- events, show
events=$(on_terminal 80 "$sockatlas" events talk)
case_is "events: nothing is wider than the terminal" "" "$(too_wide 80 <<<"$events")"
case_has "events: a line that goes on stands further in" '^ {32}[^ ]' "$events"
case_is "events: no result is torn" "" "$(grep -E '=$|-1$|^ +[0-9]+$' <<<"$events")"
case_has "events: a close tells what went through" ' close\([0-9]+, bytes_sent=5,' "$events"
case_is "events: and not what did not" 0 "$(grep -cE 'bytes_(sent|received)=0' <<<"$events")"
case_is "events: joined they are one line each, as with --wide" \
    "$(on_terminal 80 "$sockatlas" events --wide talk | sed 's/tcp={.*}/tcp/' | tr -s ' ')" \
    "$(awk '{ if (substr($0, 1, 32) ~ /^ +$/) { sub(/^ +/, " "); line = line $0 } else { if (NR > 1) print line; line = $0 } } END { print line }' <<<"$events" | sed 's/tcp={.*}/tcp/' | tr -s ' ')"
case_has "events: piped, all of TCP's summary" 'tcp=\{.*snd_mss=' "$("$sockatlas" events talk)"
case_has "events: what failed stands out" $'^\033\\[31m.* connect\\(.*ECONNREFUSED' "$(NO_COLOR= on_terminal 200 "$sockatlas" events talk)"
SOCKATLAS_IO=1 trace read "$targets/tcp_both_ends"
case_has "events: a transfer reads like strace's" ' (send|write)\([0-9]+, 5\) = 5$' "$("$sockatlas" events read)"
show=$(on_terminal 80 "$sockatlas" show "$id" talk)
case_is "show: nothing is wider than the terminal" "" "$(too_wide 80 <<<"$show")"

finish
