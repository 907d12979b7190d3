#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/why-does-it-fail: each program has the trouble it is named after, the map shows it, and the doctor says why.
. "$(dirname "$0")/lib.sh"

sample_namespaces why-does-it-fail
sample_told why-does-it-fail
"$sockatlas" doctor --format json trace >found.json
by_comm='(.nodes | map({key: (.id | tostring), value: (.comm // .address)}) | from_entries) as $name'

case_is "what the programs say" "in-use: Address already in use
ipv6-first: it went well
refused: Connection refused
slow-name: it went well
timed-out: Connection timed out
unreachable: Network is unreachable" "$(sed -nE 's/^([a-z0-9-]+: [A-Za-z ]+), after .*/\1/p' retold | sort)"
case_is "the map's edges" "ipv6-first 192.0.2.2:80 1 0 null
ipv6-first 2001:db8::2:80 0 1 ETIMEDOUT
refused 192.0.2.1:8080 0 1 ECONNREFUSED
slow-name 192.0.2.2:80 1 0 null
timed-out 192.0.2.2:8080 0 1 ETIMEDOUT
unreachable 198.51.100.7:80 0 1 ENETUNREACH" \
    "$(map -r "$by_comm"' | .edges[] | "\($name[.from | tostring]) \(.server_address):\(.server_port) \(.connections) \(.failed) \(.error)"' | sort)"
case_is "the names they asked for" "ipv6-first 192.0.2.2 both.example
ipv6-first 2001:db8::2 both.example
slow-name 192.0.2.2 slow.example" "$("$sockatlas" list --json trace | jq -r 'select(.peer_name and .peer_name != .peer_address) | "\(.comm) \(.peer_address) \(.peer_name)"' | sort)"
case_is "what failed" "ipv6-first ETIMEDOUT
refused ECONNREFUSED
timed-out ETIMEDOUT
unreachable ENETUNREACH" "$("$sockatlas" list --json --failed trace | jq -r '"\(.comm) \(.error)"' | sort)"
case_is "the doctor finds each, and nothing else" "address-in-use in-use
connect-failed refused
connect-failed timed-out
connect-failed unreachable
ipv6-first ipv6-first
slow-name slow-name" "$(jq -r --slurpfile map <("$sockatlas" map --format json trace) '
    .process as $process | "\(.rule) \($map[0].nodes[] | select(.id == $process) | .comm)"' found.json | sort)"
says() { # COMM: the sentence of its finding
    jq -r --slurpfile map <("$sockatlas" map --format json trace) --arg comm "$1" '
        .process as $process | select(any($map[0].nodes[]; .id == $process and .comm == $comm)) | .message' found.json
}
case_has "refused: who listens elsewhere" 'nobody listens there; server \([0-9]+\) listens on 127\.0\.0\.1:8080$' "$(says refused)"
case_has "in use: by whom" '^127\.0\.0\.1:8080 is in use: server \([0-9]+\) listens on it' "$(says in-use)"
case_has "timed out: no answer, no refusal" '^192\.0\.2\.2:8080 did not answer within [0-9.]+ s: no refusal either$' "$(says timed-out)"
case_has "unreachable: no route" 'has no route to it$' "$(says unreachable)"
case_has "slow name: which" '^looking up "slow\.example" took 1\.[5-9]' "$(says slow-name)"
case_has "IPv6 first: what came after" '^\[2001:db8::2\]:80 of both\.example was tried first and failed \(ETIMEDOUT\): .* until 192\.0\.2\.2:80$' "$(says ipv6-first)"
finish
