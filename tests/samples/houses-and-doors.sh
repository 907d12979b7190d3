#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/houses-and-doors: curl to node, node to the PostgreSQL process that serves it, each connection with its own addresses. Each reply
# names the processes that answered it: the map must show just these.
. "$(dirname "$0")/lib.sh"

# A registry that takes the connection and never answers, as it has happened.
start /usr/bin/python3 -c 'import signal, socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
signal.pause()' >mute
until [ -s mute ]; do kill -0 "$!" || exit 1; done
said=$(npm_config_registry=http://127.0.0.1:$(cat mute)/ npm_config_cache=$work/cache \
    timeout 100 "$top/samples/houses-and-doors/run.sh" fetch "$work/npm" 3 2>&1)
case_is "a registry that does not answer: the exit status" 1 $?
case_is "... and one line" "samples/houses-and-doors: npm did not get express and pg (not within 3 s); what it said is in $work/npm.log" "$said"
case_is "... and half a download is not taken for one" "npm.log" "$(echo npm*)"

if ! "$top/samples/houses-and-doors/run.sh" fetch >fetched 2>&1 && grep -qE '\((ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH|not within)' fetched; then
    case_skip "houses-and-doors" "$(tail -1 fetched)"
    finish
fi
npm_config_registry=http://127.0.0.1:$(cat mute)/ case_ok "what was got is used again" "$top/samples/houses-and-doors/run.sh" fetch

sample_told houses-and-doors
replies=$(grep '^node .* was answered by postgres' retold)
case_is "three replies" 3 "$(wc -l <<<"$replies")"
case_is "of two node processes" 2 "$(awk '{ print $2 }' <<<"$replies" | sort -u | wc -l)"
case_is "and four of PostgreSQL" 4 "$(awk '{ print $7; print $9 }' <<<"$replies" | sort -u | wc -l)"
case_is "the map's edges are the replies'" "$(awk '
    { asked[$2]++; answered[$2 " > postgres " $7] = answered[$2 " > postgres " $9] = 1 }
    END { for (node in asked) print "curl > node " node ": " asked[node]; for (each in answered) print "node " each ": 1" }' <<<"$replies" | sort)" \
    "$(map -r '(.nodes | map({key: (.id | tostring), value: "\(.comm) \(.pid)"}) | from_entries) as $name
        | [.edges[] | select(.transport == "tcp" and .match == "exact" and .failed == 0)
        | {edge: "\($name[.from | tostring] | sub("curl .*"; "curl")) > \($name[.to | tostring])", connections}]
        | group_by(.edge)[] | "\(.[0].edge): \(map(.connections) | add)"' | sort)"
case_is "there is no other edge between two processes" 0 "$(map '[.edges[] | select(.from != .to and (.transport != "tcp" or .match != "exact"))] | length')"
case_is "PostgreSQL's first process listens, and talks to nobody" '["postgres"] 0' "$(map -r '
    . as $map | [.nodes[] | select(.id as $id | $map.listeners[] | select(.node == $id)) | select(.comm == "postgres")] as $first
    | "\($first | map(.comm) | tojson) \([$map.edges[] | select([.from, .to] - ($first | map(.id)) != [.from, .to])] | length)"')"
case_is "every connection has both its addresses, and both ends the same" 7 "$("$sockatlas" list --json trace | jq -s '
    [.[] | select(.transport == "tcp" and .role != "listener") | [[.local_address, .local_port], [.peer_address, .peer_port]] | sort]
    | group_by(.) | map(select(length == 2 and (flatten | index(null) | not))) | length')"
finish
