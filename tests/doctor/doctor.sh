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

# The schema of SARIF 2.1.0 comes with a package of its authors.
"$sockatlas" doctor --format sarif small_backlog >found.sarif
case_is "SARIF has the finding" "small-backlog note" "$(jq -r '.runs[0].results[0] | .ruleId + " " + .level' found.sarif)"
case_is "SARIF's rule index names the rule" "small-backlog" \
    "$(jq -r '.runs[0] | .tool.driver.rules[.results[0].ruleIndex].id' found.sarif)"
"$sockatlas" doctor --format sarif small_backlog.nearly >none.sarif
schema=package/assets/sarif-2.1.0.schema.json
if command -v npm >/dev/null && timeout 60 npm pack --silent @microsoft/sarif-multitool-ts@5.7.0 >packed 2>/dev/null </dev/null &&
    tar xzf "$(tail -1 packed)" "$schema"; then
    valid() { # FILE
        /usr/bin/python3 -W ignore -c 'import json, sys, jsonschema
schema, value = (json.load(open(path)) for path in sys.argv[1:])
validator = jsonschema.validators.validator_for(schema)
validator.check_schema(schema)
validator(schema).validate(value)' "$schema" "$1"
    }
    case_ok "SARIF with findings validates" valid found.sarif
    case_ok "SARIF without findings validates" valid none.sarif
    jq '.runs[0].results[0].level = "terrible"' found.sarif >wrong.sarif
    case_ok "SARIF with a wrong level does not validate" eval '! valid wrong.sarif'
else
    case_skip "SARIF validates" "its schema could not be fetched with npm"
fi
finish
