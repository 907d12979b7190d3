#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How an attempt to connect, and a connection, ended has one definition: every command counts and names it alike.
. "$(dirname "$0")/lib.sh"

"$sockatlas" run -d trace -- "$targets/attempts" >ports 2>said
case_is "the target: status" 0 $?
read -r nobody full served <ports
"$sockatlas" list --json trace >list.jsonl
"$sockatlas" map --format json trace >map.json

sum() { # KEY [FILTER]: of the map's edges
    jq "[.edges[] | select(${2:-true}) | .$1] | add // 0" map.json
}
rows() { # FILTER: how many rows
    jq -s "[.[] | select($1)] | length" list.jsonl
}
case_has "run: failed" ", 5 failed, " "$(cat said)"
case_is "map: failed" 5 "$(sum failed)"
case_is "map: not answered" 2 "$(sum unanswered)"
case_is "map: each errno by itself" '{"ECONNREFUSED":2}' "$(jq -c ".edges[] | select(.server_port == $nobody and .server_address == \"127.0.0.1\") | .errors" map.json)"
case_has "map: the words" "2 failed \(not answered\)" "$("$sockatlas" map --by process trace)"
case_is "list: attempts that failed" 5 "$(jq -s '[.[].failures] | add' list.jsonl)"
case_is "list --failed: rows" 5 "$("$sockatlas" list --failed --json trace | wc -l)"
case_is "list: outcome of those that were given up" '["unanswered","failed",null]' \
    "$(jq -c "select(.peer_port == $full and .failures > 0) | [.outcome, .state, .error]" list.jsonl | sort -u)"
case_is "list: outcome of those that were refused" '["failed","failed","ECONNREFUSED"]' \
    "$(jq -c "select(.peer_port == $nobody and .peer_address == \"127.0.0.1\") | [.outcome, .state, .error]" list.jsonl | sort -u)"
case_is "list: nobody listens is no failure" 0 "$(rows '.role == "listener" and .failures != 0')"
case_is "list: reset by the client, at both ends" '["client","reset","local"] ["server","reset","peer"]' \
    "$(jq -c 'select(.end == "reset") | [.role, .end, .reset_by]' list.jsonl | sort | head -2 | tr '\n' ' ' | sed 's/ $//')"
case_is "list: found broken by a write" '["client","broken",null]' "$(jq -c 'select(.end == "broken") | [.role, .end, .reset_by]' list.jsonl)"
case_is "map: reset" 1 "$(sum reset ".server_port == $served")"
case_is "list: those that were had" 9 "$(rows '.outcome == "established"')"
case_is "list: sockets that try nothing have no outcome" 0 "$(rows '.role == "listener" and .outcome != null')"
"$sockatlas" export --format zeek -o zeek trace
case_is "zeek: refused, not answered, reset" "REJ 2 S0 2 RSTO 1" \
    "$(for state in REJ S0 RSTO; do echo "$state $(grep -c "	$state	" zeek)"; done | tr '\n' ' ' | sed 's/ $//')"
id=$(jq -r 'select(.outcome == "unanswered") | .socket' list.jsonl | head -1)
case_has "show: not answered" "not answered" "$("$sockatlas" show "$id" trace)"
id=$(jq -r 'select(.reset_by == "peer") | .socket' list.jsonl | head -1)
case_has "show: reset by the other end" "reset by the other end" "$("$sockatlas" show "$id" trace)"

# failures FOLDER: how many each command counts, of the edges to a process that the trace names.
failures() {
    "$sockatlas" list --json "$1" | jq -s '[.[].failures] | add'
    "$sockatlas" map --format json "$1" | jq '[.edges[].failed] | add'
    "$sockatlas" map --by process --format json "$1" | jq '[.edges[].failed] | add'
    "$sockatlas" export --format csv "$1" | python3 -c 'import csv, sys; print(sum(int(row["failures"]) for row in csv.DictReader(sys.stdin)))'
    "$sockatlas" map --format html -o page.html "$1"
    sed '/^"pairs":/,$d' page.html | grep -oE '"failed":[0-9]+' | awk -F: '{ sum += $2 } END { print sum }'
    "$sockatlas" export --format jsonl -o copy.jsonl "$1"
    "$sockatlas" map --format json copy.jsonl | jq '[.edges[].failed] | add'
}
case_is "list, map, by process, csv, page and export count alike" "5 5 5 5 5 5" "$(failures trace | tr '\n' ' ' | sed 's/ $//')"
"$sockatlas" doctor --json trace >doctor.jsonl
case_is "doctor: as many attempts failed, those that were not answered among them" "2 1 2" \
    "$(jq -r 'select(.rule == "connect-failed") | .times' doctor.jsonl | tr '\n' ' ' | sed 's/ $//')"
case_is "a connection that a traced listener never accepted is no blind spot" "0" "$(jq '.coverage | length' map.json)"

# Attempts whose connect() never returned.
"$sockatlas" run -d left -- "$targets/attempts_left" >ports 2>said
case_is "the target that never returns: status" 0 $?
read -r port first on_port on_path <ports
"$sockatlas" list --json left >list.jsonl
case_has "run: failed without an answer to connect()" ", 3 failed, " "$(cat said)"
case_is "list: left by siglongjmp, and closed" '["client","unanswered",true]' \
    "$(jq -c "select(.fd == $first and .outcome == \"unanswered\" and .peer_port == $port) | [.role, .outcome, .local_port != null]" list.jsonl)"
case_is "list: left by siglongjmp, and answered later" '["client","established",true,5]' \
    "$(jq -c "select(.bytes_sent == 5) | [.role, .outcome, .local_port != null, .bytes_sent]" list.jsonl)"
case_is "list: killed in connect()" "[\"client\",\"unanswered\",$port,null] [\"client\",\"unanswered\",null,null]" \
    "$(jq -c "select(.pid == $on_port or .pid == $on_path) | [.role, .outcome, .peer_port, .bytes_sent]" list.jsonl | tr '\n' ' ' | sed 's/ $//')"
case_is "map: killed in connect(), one edge each" '[1,1]' \
    "$("$sockatlas" map --format json left | jq -c "[(.nodes[] | select(.pid == $on_port or .pid == $on_path) | .id) as \$id | .edges[] | select(.from == \$id) | .unanswered]")"
case_is "killed or left in connect(): list, map, by process, csv, page and export count alike" "3 3 3 3 3 3" \
    "$(failures left | tr '\n' ' ' | sed 's/ $//')"
case_is "diff: each way to fail, once" '["connect to tcp 127.0.0.1:*","ECONNREFUSED"]["connect to tcp 127.0.0.1:*","not answered"]["connect to tcp 255.255.255.255:*","ENETUNREACH"]' \
    "$("$sockatlas" diff --json left trace | jq -c 'select(.kind == "failure" and .after) | [.what, .after]' | sort | tr -d '\n')"
# That an attempt began is told where nothing else tells of it.
shown() { # FOLDER JQ-FILTER: what show says of its sockets
    "$sockatlas" list --json "$1" | jq -r "select($2) | .socket" | while read -r id; do "$sockatlas" show "$id" "$1"; done
}
shown trace '.role == "client"' >text
case_is "show: connect() returned, and its line tells of the attempt" "0 yes" \
    "$(grep -c 'connecting(' text) $(grep -q ' connect(' text && echo yes)"
case_is "show: killed in connect()" 2 "$(shown left ".pid == $on_port or .pid == $on_path" | grep -c 'connecting(')"
"$sockatlas" map --format html -o page.html trace
case_is "page: connect() returned, and its line tells of the attempt" 0 "$(grep -c '"connecting(' page.html)"
"$sockatlas" map --format html -o page.html left
case_is "page: those that never returned" 4 "$(grep -c '"connecting(' page.html)"

# Closed with more in the send queue than the other end takes; closed with data unread; data to one that is closed; all well.
cat >unread.py <<'END'
import os, socket
served = socket.socket()
served.bind(("127.0.0.1", 0))
served.listen()
def join():
    return socket.create_connection(served.getsockname()), served.accept()[0]
a, b = join()
a.setblocking(False)
sent = 0
try:
    while True:
        sent += a.send(bytes(65536))
except BlockingIOError:
    pass
a.close(), b.close()
a, b = join()
a.sendall(bytes(100)), b.close(), a.close()
a, b = join()
b.close(), a.sendall(bytes(7)), a.close()
a, b = join()
a.sendall(bytes(9)), b.recv(9), a.close(), b.close()
a, b = join()
a.sendall(bytes(30)), a.close(), b.recv(10), b.close()
a, b = socket.socketpair()
a.sendall(bytes(20)), b.recv(5), a.close(), b.close()
print(sent)
END
"$sockatlas" run -d unread -- python3 unread.py >sent 2>said
case_is "list: data lost, and who reset" "$(cat sent) closed  closed  true
100 reset peer reset local 100
7 reset peer reset local 7
9 closed  closed  0
30 closed  closed  20
20 closed  closed  15" "$("$sockatlas" list --json unread | jq -rs --argjson many "$(cat sent)" 'INDEX(.socket | tostring) as $all | [.[] | select(.bytes_sent > 0)] | sort_by(.opened_us)[] |
    $all[.peer_socket | tostring] as $other | (if .bytes_sent == $many then .bytes_undelivered == $many - $other.bytes_received + $other.bytes_unread and .bytes_undelivered > 0 else .bytes_undelivered end) as $lost |
    "\(.bytes_sent) \(.end) \(.reset_by // "") \($other.end) \($other.reset_by // "") \($lost)"')"
id=$("$sockatlas" list --json unread | jq 'select(.bytes_unread == 20) | .socket')
case_has "show: what was not read" "30 B received; 20 B of what it received had not been read when it was closed" "$("$sockatlas" show "$id" unread)"
id=$("$sockatlas" list --json unread | jq 'select(.bytes_sent == 7) | .socket')
case_has "show: data lost" "7 B sent, 0 B received; 7 B of what it sent did not reach the other end" "$("$sockatlas" show "$id" unread)"

# Two ends of one connection say the same of each other, and edges add up to what sockets do.
case_is "an exact pair mirrors itself" 0 "$(jq -s 'INDEX(.socket | tostring) as $all | [.[] | select(.match == "exact" and .peer_socket) |
    select($all[.peer_socket | tostring].peer_socket != .socket or $all[.peer_socket | tostring].process != .peer_process)] | length' list.jsonl)"
finish
