#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/past-65535 --full: 70,000 connections at once to one port, each on the map.
. "$(dirname "$0")/../lib.sh"

sample_namespaces past-65535
case_ok "it runs" env SAMPLE_TRACE="$work/trace" "$top/samples/past-65535/run.sh" --full
case_is "the listener's peak" '{"accepted":70000,"peak":70000}' "$(map '.listeners[] | {accepted, peak}' trace/many)"
case_is "every connection has both its ends" "crowd.py > crowd.py tcp 127.0.0.1:PORT exact 70000 0 0" "$(edges trace/many | awk '
    { total[$1 " > " $3 " " $4 " " $5 " " $6] += $7; failed += $9; open += $8 } END { for (each in total) print each, total[each], open + 0, failed + 0 }')"
case_is "all names are distinct" "70000 0" "$("$sockatlas" list --json --role server trace/many |
    jq -r '"\(.local_address) \(.local_port) \(.peer_address) \(.peer_port)"' | sort | uniq -c | awk '{ all++; twice += $1 > 1 } END { print all, twice + 0 }')"
case_is "the doctor is quiet" "" "$("$sockatlas" doctor --format json trace/many)"
case_is "one address runs out" ports-running-out "$("$sockatlas" doctor --format json trace/one | jq -r .rule)"
finish
