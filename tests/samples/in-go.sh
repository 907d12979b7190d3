#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/in-go: Go's client and server and PostgreSQL have the edges that they made, and each is said to be followed as it was.
. "$(dirname "$0")/lib.sh"

if [ ! -x "$top/build/sockatlas-patch" ]; then
    case_skip "in-go" "Go programs are not followed on this processor"
    finish
fi
sample_told in-go
case_is "the client is told the sums" "100 answers, together 2600" "$(grep '^100 answers' retold)"
case_is "the map's edges" "client > server exact 4
server > postgres exact 2" "$(edges | awk '{ total[$1 " " $2 " " $3 " " $6] += $7; left += $8 + $9 }
    END { for (each in total) print each, total[each]; if (left) print left, "open or failed" }' | sort)"
case_is "how each was followed" "client patch
postgres preload
server patch" "$(map -r '.nodes[] | select(.comm | test("^(client|postgres|server)$")) | "\(.comm) \(.via)"' | sort -u)"
case_is "the client's are by the name that libc looked up" '["localhost"]' \
    "$("$sockatlas" list --json --comm client trace | jq -sc '[.[] | select(.role == "client" and .transport == "tcp") | .peer_name] | unique')"
finish
