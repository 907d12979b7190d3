#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/traces: every sample has a log there, every command reads it, and it tells what its sample is about. They name nobody's host or
# folders.
. "$(dirname "$0")/lib.sh"

logs=$top/samples/traces
# The fleet's are three hosts', and what it is about is the cluster.
case_is "each sample but fleet has a trace" "$(cd "$top/samples" && echo */run.sh | xargs -n1 dirname | grep -vx fleet | paste -sd' ')" "$(cd "$logs" && printf '%s\n' */ | sed 's|[./].*||' | sort -u | paste -sd' ')"
"$top/samples/retell" "$logs/README.md" >retold
case_is "the README shows what they tell" "" "$(diff "$logs/README.md" retold)"
mapfile -t traces < <(cd "$logs" && find . -name run.atlas -printf '%h\n' | sed 's|^\./||' | sort)
case_is "the README names each" "" "$(for each in "${traces[@]}"; do grep -q "^| \`$each\` |" "$logs/README.md" || echo "$each"; done)"

# reads STATUS COMMAND...: with that exit status, something on stdout and nothing on stderr
reads() {
    local expected=$1 status
    shift
    timeout 30 "$sockatlas" "$@" >out 2>err
    status=$?
    [ $status -eq "$expected" ] && [ -s out ] && [ ! -s err ] || printf '%s: status %s, %s\n' "$*" $status "$(cat err)"
}
reads_top() { # TRACE: a key ends it once it shows the trace's sockets
    local shown tries
    TERM=xterm timeout 30 script -qfec "stty rows 24 cols 120 && '$sockatlas' top '$1'" screen <>keys >/dev/null &
    shown=$!
    for ((tries = 0; tries < 400; tries++)); do
        ! grep -qE 'tcp|unix' screen 2>/dev/null || break
        read -r -t 0.05 <>idle
    done
    echo q >keys
    wait $shown || echo "top: status $?, $(cat screen)"
    [ $tries -lt 400 ] || echo "top shows no socket: $(cat screen)"
    rm screen
}
reads_all() { # TRACE: every command of `sockatlas --help` but run
    local trace=$1 format socket found
    [ "$("$sockatlas" doctor --format json "$trace" | wc -l)" -eq 0 ] && found=0 || found=3
    for format in text json dot mermaid svg html; do
        reads 0 map --format "$format" "$trace"
    done
    reads 0 map --by program "$trace"
    reads 0 list "$trace"
    reads 0 list --json "$trace"
    reads 0 list --csv "$trace"
    for socket in $("$sockatlas" list --json "$trace" | jq .socket); do
        reads 0 show "$socket" "$trace"
    done
    reads 0 tuned "$trace"
    reads 0 tuned --json "$trace"
    reads $found doctor "$trace"
    reads $found doctor --format sarif "$trace"
    reads 0 events "$trace"
    reads 0 events --json "$trace"
    for format in csv chrome zeek jsonl; do
        reads 0 export --format "$format" "$trace"
    done
    "$sockatlas" map --format json out >again
    "$sockatlas" map --format json "$trace" | cmp - again
    "$sockatlas" diff "$trace" "$trace" || echo "diff with itself: $?"
    reads_top "$trace"
}
mkfifo keys idle
for trace in "${traces[@]}"; do
    case_is "$trace: every command reads it" "" "$(reads_all "$logs/$trace" 2>&1)"
    case_is "$trace: one host, called shop" '["shop"]' "$(map '[.hosts[].name]' "$logs/$trace")"
    case_is "$trace: nothing went unseen" "[]" "$(map .coverage "$logs/$trace")"
    case_is "$trace: nobody's folders" "" "$({ map -r '.nodes[] | .exe, .cmdline' "$logs/$trace" && "$sockatlas" export --format jsonl "$logs/$trace"; } |
        grep -oE '(^|[[:space:]"=])/[^[:space:]"]+' | sed 's/^[[:space:]"=]//' | grep -vE '^/(usr/|srv/sockatlas/|tmp/sockatlas-|dev/null)' | sort -u)"
done
case_is "no log is large" "" "$(find "$logs" -type f -size +64k)"

rules() { # TRACE
    "$sockatlas" doctor --format json "$logs/$1" | jq -r .rule | sort -u | paste -sd' '
}
total() { # TRACE: TRANSPORT MATCH CONNECTIONS FAILED
    map -r '[.edges[] | select(.match != "pair")] | group_by([.transport, .match])[] | "\(.[0].transport) \(.[0].match) \(map(.connections) | add) \(map(.failed) | add)"' "$logs/$1"
}
case_is "houses-and-doors: edges" "curl > node tcp 127.0.0.1:PORT exact 1 0 0
curl > node tcp 127.0.0.1:PORT exact 2 0 0
node > postgres tcp 127.0.0.1:PORT exact 4 0 0" "$(edges "$logs/houses-and-doors" | sort)"
case_is "past-65535: 30 at once" '{"port":8080,"accepted":30,"peak":30}' "$(map '.listeners[] | {port, accepted, peak}' "$logs/past-65535")"
case_is "past-65535: the doctor is quiet" "" "$(rules past-65535)"
case_is "past-65535.one: ten, then none, then another address" "10 127.0.0.2
1 127.0.0.3
1 EADDRNOTAVAIL" "$("$sockatlas" list --json "$logs/past-65535.one" | jq -r 'select(.role == "server") | .peer_address' | sort | uniq -c | sed 's/^ *//'
    "$sockatlas" list --json --failed "$logs/past-65535.one" | jq -r .error | sort | uniq -c | sed 's/^ *//')"
case_is "past-65535.one: the doctor explains it" ports-running-out "$(rules past-65535.one)"
case_has "past-65535.one: with the range of the network it was in" 'ports 20000-20009 are 10' "$("$sockatlas" doctor --format json "$logs/past-65535.one" |
    jq -r '.evidence[] | tostring')"
case_is "two-choices: edges" "mptcp exact 1 0
tcp exact 7 0
udp exact 1 0
unix path 2 0" "$(total two-choices)"
case_is "two-choices: what was not as asked for" "SO_RCVBUF 1073741824
TCP_CONGESTION nosuch" "$("$sockatlas" tuned "$logs/two-choices" | sed -nE 's/^ *([A-Z_]+) +([^ ]+).*(CLAMPED|REFUSED).*/\1 \2/p' | sort)"
case_is "who-is-it: the twins are on two networks" 2 "$("$sockatlas" list --json --comm twin --role listener "$logs/who-is-it" |
    jq -s 'group_by([.local_address, .local_port])[] | map(.netns) | unique | length')"
case_is "who-is-it: the clerk answered what the porter accepted" "clerk 2" "$(map -r '
    (.nodes | map({key: (.id | tostring), value: .comm}) | from_entries) as $comm | .edges[] | select(.transport == "tcp") | $comm[.to | tostring] | select(. == "clerk")' \
    "$logs/who-is-it") $("$sockatlas" list --json --role server "$logs/who-is-it" | jq -s --argjson clerk "$(map '[.nodes[] | select(.comm == "clerk") | .id]' "$logs/who-is-it")" \
    '[.[] | select(.holders as $holders | any($clerk[]; . as $id | $holders | index($id)) and (.transport == "tcp")) | .holders | length] | max')"
case_is "why-does-it-fail: what the doctor finds" "address-in-use connect-failed ipv6-first slow-name" "$(rules why-does-it-fail)"
case_is "why-does-it-fail: what failed" "ipv6-first ETIMEDOUT
refused ECONNREFUSED
timed-out ETIMEDOUT
unreachable ENETUNREACH" "$("$sockatlas" list --json --failed "$logs/why-does-it-fail" | jq -r '"\(.comm) \(.error)"' | sort)"
case_is "why-does-it-fail: a bind() that failed is no attempt" "in-use EADDRINUSE null" "$("$sockatlas" list --json --comm in-use "$logs/why-does-it-fail" |
    jq -r 'select(.error) | "\(.comm) \(.error) \(.outcome)"')"
case_is "microservices: edges" "cart redis-server 1
catalog postgres 2
catalog redis-server 1
curl nginx 2
nginx catalog 1
nginx nginx 2
wrk nginx 5" "$(edges "$logs/microservices" | awk '{ total[$1 " " $3] += $7 } END { for (each in total) print each, total[each] }' | grep -v '^nginx cart' | sort)"
case_is "debug-session: what the doctor finds" "connection-per-request write-write-read" "$(rules debug-session)"
case_is "debug-session.after: nothing" "" "$(rules debug-session.after)"
case_is "debug-session: what changed" "changed edge 21 connections 1 connection
new setting null on" "$("$sockatlas" diff --json "$logs/debug-session" "$logs/debug-session.after" | jq -r '"\(.change) \(.kind) \(.before) \(.after)"')"
finish
