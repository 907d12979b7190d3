#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What people see on a terminal of 80 columns: nothing wider, and what they look for not cut.
. "$(dirname "$0")/lib.sh"

on_terminal() { # COLUMNS COMMAND...: what it prints on a terminal of that width
    local columns=$1
    shift
    COLUMNS=$columns TERM=xterm script -qec "$(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r'
}
too_wide() { # COLUMNS: the lines of standard input that are wider
    LC_ALL=C.UTF-8 awk -v columns="$1" 'length > columns'
}

trace talk sh -c "'$targets/tcp_both_ends'; '$targets/unix_stream'; '$targets/connect_refused'"

# ---- map
map=$(on_terminal 80 "$sockatlas" map talk)
case_is "map: nothing is wider than the terminal" "" "$(too_wide 80 <<<"$map")"
case_has "map: who began has a line of its own" '^tcp_both_ends \([0-9]+\)$' "$map"
case_has "map: below it what it talked to, whole" '^  ->  tcp_both_ends \([0-9]+\) +tcp 127\.0\.0\.1:[0-9]+ +1 +5 B +0 B$' "$map"
case_has "map: why it failed" '^ +[0-9]+ failed \(ECONNREFUSED\)$' "$map"
map=$(on_terminal 200 "$sockatlas" map talk)
case_has "map: with room, one line each" '^tcp_both_ends \([0-9]+\) +-> +tcp_both_ends \([0-9]+\) ' "$map"
case_is "map: what is unknown is said as elsewhere" 1 "$(grep -cE ' 0 +- +- +[0-9]+ failed \(ECONNREFUSED\)$' <<<"$map")"
case_is "map: the reason is in its JSON" '["ECONNREFUSED"]' "$("$sockatlas" map --format json talk | jq -c '[.edges[] | select(.failed > 0) | .error]')"

finish
