#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/houses-and-doors: curl to node, node to the PostgreSQL process that serves it, each connection with its own addresses.
. "$(dirname "$0")/../lib.sh"

if ! "$top/samples/houses-and-doors/run.sh" fetch >fetched 2>&1 && grep -qE 'ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH' fetched; then
    case_skip "houses-and-doors" "npm reaches no registry"
    finish
fi
sample_told houses-and-doors
case_is "the map's edges" "curl > node tcp 127.0.0.1:PORT exact 1 0 0
curl > node tcp 127.0.0.1:PORT exact 2 0 0
node > postgres tcp 127.0.0.1:PORT exact 4 0 0" "$(edges)"
case_is "each of the four connections is a process of its own" 4 "$(map '
    . as $map | [.edges[] | select(.transport == "tcp") | .to as $to | $map.nodes[] | select(.id == $to and .comm == "postgres") | .pid] | unique | length')"
case_is "none is the one that listens" true "$(map '
    . as $map | ([.listeners[].node] - ([.listeners[].node] - [$map.edges[] | .to])) as $both | [$map.nodes[] | select(.id as $id | $both | index($id)) | .comm] | unique == ["node"]')"
case_is "node is two processes" 2 "$(map '[.nodes[] | select(.comm == "node")] | length')"
case_is "every connection has both its addresses, and both ends the same" 7 "$("$sockatlas" list --json trace | jq -s '
    [.[] | select(.transport == "tcp" and .role != "listener") | [[.local_address, .local_port], [.peer_address, .peer_port]] | sort]
    | group_by(.) | map(select(length == 2 and (flatten | index(null) | not))) | length')"
finish
