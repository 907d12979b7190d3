#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/ground/fleet.sh [SEED]: logs of several hosts whose connections are known (fleet.c), and what is made of them: each end has the right
# other end, or none where the other end's records are lost. N=1000 makes so many fleets (40), FROM=5000 begins there (1). With SEED only
# that one, and what is wrong of it is printed.
. "$(dirname "$0")/../e2e/lib.sh"
fleet=$top/build/ground/fleet

if [ $# -gt 0 ]; then
    "$fleet" "$1" fleet "$sockatlas"
    exit
fi

from=${FROM:-1} seeds=${N:-40}
differ=()
for ((seed = from; seed < from + seeds; seed++)); do
    rm -rf fleet
    said=$("$fleet" "$seed" fleet "$sockatlas" 2>&1) || differ+=("seed $seed (again: tests/ground/fleet.sh $seed):" "$(tail -7 <<<"$said")")
done
case_is "the connections of $seeds fleets, seeds $from to $((from + seeds - 1))" "" "${differ[*]}"
# Boxes in a frame each host, with lines in circles between them: Graphviz 2.43 gives up over some ("trouble in init_rank").
rm -rf fleet
"$fleet" 5 fleet "$sockatlas" 2000 >said
"$sockatlas" map --format svg fleet >map.svg 2>err
case_is "a picture of several hosts: status, complaints" "0 " "$? $(cat err)"
case_is "... a frame each" 5 "$(grep -c 'class="cluster"' map.svg)"
rm -rf fleet
said=$("$fleet" 52 fleet "$sockatlas" 20000 2>&1)
case_is "a larger one, whose ports are used again and again" "" "$(grep -v ' wrong 0 missed 0$' <<<"$said" | tail -7)"
finish
