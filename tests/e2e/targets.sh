#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every target program with expectations beside it (tests/targets/NAME.expect): its events, in order, are those.
. "$(dirname "$0")/lib.sh"

for expect in "$top"/tests/targets/*.expect; do
    name=$(basename "$expect" .expect)
    mkdir "$name" && cd "$name" || exit 1
    "$sockatlas" run -d trace "$targets/$name" >out 2>&1
    status=$?
    "$sockatlas" events --json trace >events 2>complaints
    differences=$(jq -r -s --arg expect "$(cat "$expect")" -f "$top/tests/e2e/compare.jq" events 2>&1)
    if [ $status -ne 0 ]; then
        fail "$name" "exit status $status" "$(cat out)"
    elif [ -n "$differences$(cat complaints)" ]; then
        fail "$name" "$differences" "$(cat complaints)"
    else
        pass "$name"
    fi
    cd .. && rm -rf "$name"
done
finish
