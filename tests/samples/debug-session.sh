#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/debug-session: the README's whole session, and what it says of each step. How long the answers took is not looked at.
. "$(dirname "$0")/lib.sh"

sample_told debug-session
case_is "both runs say how long the answers took" 2 "$(grep -cE '^50 answers: [0-9.]+ ms each as a rule, [0-9.]+ ms at worst, [0-9]+ ms together$' retold)"
case_is "before: a connection to redis for each answer" "ask > visits tcp 127.0.0.1:PORT exact 1 0 0
visits > redis-server tcp 127.0.0.1:PORT exact 50 0 0" "$(edges trace/before)"
case_is "after: one for all" "ask > visits tcp 127.0.0.1:PORT exact 1 0 0
visits > redis-server tcp 127.0.0.1:PORT exact 1 0 0" "$(edges trace/after)"
findings() {
    "$sockatlas" doctor --format json "$1" | jq -r '"\(.severity) \(.rule) \(.process | tostring)"' | sed -E 's/ [0-9]+$//'
}
case_is "before: what the doctor finds" "warning write-write-read
note connection-per-request" "$(findings trace/before)"
case_is "after: nothing" "" "$(findings trace/after)"
served=$("$sockatlas" list --json --comm visits --role server trace/before)
case_is "the warning is about the socket that is shown" "4 4" \
    "$(jq .socket <<<"$served") $("$sockatlas" doctor --format json trace/before | jq 'select(.rule == "write-write-read") | .socket')"
case_is "before: the service's end has no setting" "[]" "$(jq -c .options <<<"$served")"
case_is "after: it has one" '["TCP_NODELAY"]' "$("$sockatlas" list --json --comm visits --role server trace/after | jq -c '[.options[].name]')"
case_is "what changed" 'changed edge visits 50 connections 1 connection
new setting visits null on' "$("$sockatlas" diff --json trace/before trace/after | jq -r '"\(.change) \(.kind) \(.program) \(.before) \(.after)"')"
finish
