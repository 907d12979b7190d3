#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The doctor's target programs: each makes a mistake that must be found, and with `nearly` one that must not. What cannot be
# provoked in seconds (long idle connections, spent port ranges, slow name servers) is in tests/unit/test_doctor.c.
. "$(dirname "$0")/../e2e/lib.sh"

found() { # RULE FOLDER: how many findings of that rule
    "$sockatlas" doctor --format json "$2" | jq -s --arg rule "$1" '[.[] | select(.rule == $rule)] | length'
}

trace() { # RULE [nearly]
    SOCKATLAS_IO=1 "$sockatlas" run -d "$1${2:+.$2}" "$top/build/doctor/$1" ${2:+"$2"} >/dev/null 2>"$1.err" </dev/null
}

for source in "$top"/tests/doctor/targets/*.c; do
    program=$(basename "$source" .c)
    rule=${program//_/-}
    trace "$program"
    status=$?
    if [ $status -eq 77 ]; then
        case_skip "$rule is found" "this machine cannot make the mistake"
        continue
    fi
    case_is "$rule: the target runs" 0 $status
    case_is "$rule is found" 1 "$(found "$rule" "$program")"
    trace "$program" nearly
    case_is "$rule is not found where it is nearly made" 0 "$(found "$rule" "$program.nearly")"
done

"$sockatlas" doctor small_backlog >text
case_is "exit status when something was found" 3 $?
case_has "text tells what, why and what to do" '^   do ' "$(cat text)"
"$sockatlas" doctor small_backlog.nearly >text
case_is "exit status when nothing was found" 0 $?
case_has "text says that nothing was found" '^nothing found in 1 sockets' "$(cat text)"
"$sockatlas" doctor nosuch >text 2>&1
case_is "exit status when the input cannot be read" 1 $?
"$sockatlas" doctor --format xml small_backlog >text 2>&1
case_is "exit status of a wrong option" 2 $?
finish
