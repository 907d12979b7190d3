#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/who-is-it: every socket that a server says it answered on is one socket of the list, in the right hands and network. What takes a
# network namespace is a skipped case where there is none.
. "$(dirname "$0")/lib.sh"

rootless=$([ "$(id -u)" -eq 0 ] || echo --map-root-user)
# shellcheck disable=SC2086
if unshare $rootless --net true 2>unshare.err; then
    sample_told who-is-it
else
    case_skip "who-is-it: the README shows what is seen" "no network namespace: $(tail -1 unshare.err)"
    case_ok "it runs without" sh -c "SAMPLE_TRACE='$work/trace' '$top/samples/who-is-it/run.sh' >retold"
    case_has "and says what it left out" '^left out: the twin in another network namespace' "$(cat retold)"
fi
replies=$(sed -nE 's/^ask ([0-9]+): (\w+) ([0-9]+) answered at its socket ([0-9a-f]+)$/\2 \3 \4 \1/p' retold) # NAME PID COOKIE ASKER
"$sockatlas" list --json trace >list.json
"$sockatlas" map --format json trace >map.json

sockets() { # FILTER: what jq says of each of the list, holders told by name
    jq -rn --slurpfile map map.json '($map[0].nodes | map({key: (.id | tostring), value: "\(.comm) \(.pid)"}) | from_entries) as $name
        | inputs | .holders |= map($name[tostring]) | '"$1" list.json
}
of() { # NAME: its replies
    grep "^$1 " <<<"$replies"
}
pid() { # NAME: the process that answered by this name
    of "$1" | cut -d' ' -f2
}

case_is "who was asked" "activated both clerk forker twin worker" "$(cut -d' ' -f1 <<<"$replies" | sort -u | tr '\n' ' ' | sed 's/ $//')"
case_is "each is where it said it was" "$(cut -d' ' -f1-3 <<<"$replies" | sort)" "$(while read -r _ _ cookie _; do
    sockets "select(.cookie == \"$cookie\") | \"\\(.comm) \\(.pid) \\(.cookie)\""
done <<<"$replies" | sort)"
case_is "who asked is its peer" "$(awk '$1 != "both" { print $4, $3 }' <<<"$replies" | sort)" "$(while read -r name _ cookie _; do
    [ "$name" = both ] || jq -r --arg cookie "$cookie" --slurpfile map map.json 'select(.cookie == $cookie and .match == "exact") | .peer_process as $peer
        | "\($map[0].nodes[] | select(.id == $peer) | .pid) \(.cookie)"' list.json
done <<<"$replies" | sort)"
case_is "one cookie is one socket" "" "$(sockets '.cookie // empty' | sort | uniq -d)"
case_is "one address, port and protocol is one listener in a network, workers apart" '["worker"]' \
    "$(jq -sc '[.[] | select(.role == "listener" and .local_port != null)] | group_by([.netns, .local_port]) | map(select(length > 1) | map(.comm) | unique[])' list.json)"

if [ "$(of twin | wc -l)" -eq 2 ]; then
    case_is "twins: one address, two networks, each in its own" "1 2 2" "$(jq -sr '[.[] | select(.comm == "twin" and .role == "listener")]
        | "\(map([.local_address, .local_port]) | unique | length) \(map(.netns) | unique | length) \(map(.pid) | unique | length)"' list.json)"
    case_is "... and nobody met the other's" 2 "$(jq -s '. as $all | [.[] | select(.comm == "twin" and .role == "server") | . as $twin
        | $all[] | select(.socket == $twin.peer_socket and .netns == $twin.netns and .comm == "ask")] | length' list.json)"
else
    case_skip "twins" "no network namespace"
fi
case_is "workers: two processes, two listeners, one port" "2 2 1" "$(jq -sr '[.[] | select(.comm == "worker" and .role == "listener")]
    | "\(map(.pid) | unique | length) \(map(.cookie) | unique | length) \(map(.local_port) | unique | length)"' list.json)"
case_is "... and each accepted what it answered" "$(sockets 'select(.comm == "worker" and .role == "server") | .pid' | sort | uniq -c | sed 's/^ *//')" \
    "$(jq -r '. as $map | .listeners[] | . as $l | $map.nodes[] | select(.id == $l.node and .comm == "worker") | "\($l.accepted) \(.pid)"' map.json | sort -k2)"
porter=$(jq -r 'select(.comm == "porter" and .role == "listener") | .pid' list.json | sort -u)
case_is "the passed connection is held by both" "porter $porter, clerk $(pid clerk)" "$(sockets 'select(.comm == "clerk" and .role == "server") | .holders | join(", ")')"
case_is "... its listener by the porter alone" "porter $porter" "$(sockets 'select(.comm == "porter" and .role == "listener" and .transport == "tcp") | .holders | join(", ")')"
case_is "... and the map leads to the clerk" "clerk $(pid clerk)" "$(jq -r --argjson pid "$(of clerk | cut -d' ' -f4)" '. as $map
    | .edges[] | select(.from as $from | $map.nodes[] | select(.id == $from and .pid == $pid)) | .to as $to | $map.nodes[] | select(.id == $to) | "\(.comm) \(.pid)"' map.json)"
parent=$(jq -r --argjson pid "$(pid forker)" '.nodes[] | select(.pid == $pid) | .ppid' map.json)
case_is "parent and child hold the listener and the connection" "listener forker $parent, forker $(pid forker)
server forker $parent, forker $(pid forker)" "$(sockets 'select(.comm == "forker") | "\(.role) \(.holders | join(", "))"' | sort)"
case_is "one process made the listener, became the program, and accepted" "listen exec accept activated $(pid activated)" \
    "$("$sockatlas" events --json trace | jq -r --argjson pid "$(pid activated)" 'select(.pid == $pid and (.event | IN("listen", "exec", "accept"))) | .event' |
        tr '\n' ' ')$(sockets 'select(.comm == "activated" and .role == "listener") | .holders | join(", ")')"
case_is "one number is a UDP port and a TCP port of one process" "tcp both $(pid both | sort -u)
udp both $(pid both | sort -u)" "$(sockets "select(.local_port == $(jq -r 'select(.comm == "both" and .role == "listener") | .local_port' list.json)
    and .role != \"listener\") | \"\\(.transport) \\(.holders | join(\", \"))\"" | sort)"
finish
