#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/past-65535, small: more connections at once to one port than a client address has ports, then one address alone.
. "$(dirname "$0")/lib.sh"

sample_namespaces past-65535
sample_told past-65535
case_is "the listener's peak" '{"port":8080,"accepted":600,"peak":600}' "$(map '.listeners[] | {port, accepted, peak}' trace/many)"
case_is "the map's edges" "crowd.py > crowd.py tcp 127.0.0.1:PORT exact 600 0 0" "$(edges trace/many)"
names() { # TRACE: the 4-tuples of its server's ends
    "$sockatlas" list --json --role server "$1" | jq -r '[.local_address, .local_port, .peer_address, .peer_port] | map(tostring) | join(" ")'
}
case_is "600 connections have 600 names" 600 "$(names trace/many | sort -u | wc -l)"
case_is "six addresses" 6 "$(names trace/many | cut -d' ' -f3 | sort -u | wc -l)"
case_is "the doctor is quiet about many" "" "$("$sockatlas" doctor --format json trace/many)"
case_is "one address: its ports, then EADDRNOTAVAIL, and another address goes on" "200 127.0.0.2
1 127.0.0.3" "$(names trace/one | cut -d' ' -f3 | sort | uniq -c | sed 's/^ *//')"
case_is "one failed" '["EADDRNOTAVAIL"]' "$("$sockatlas" list --json --failed trace/one | jq -sc 'map(.error)')"
case_is "the doctor explains it" "ports-running-out error" "$("$sockatlas" doctor --format json trace/one | jq -r '"\(.rule) \(.severity)"')"
case_is "with the arithmetic" true "$("$sockatlas" doctor --format json trace/one |
    jq '[.evidence[] | tostring] | any(test("200 connections from 127.0.0.2 to it"))')"
finish
