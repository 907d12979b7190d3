#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The doctor's target programs: each makes a mistake that must be found, and with `nearly` one that must not.
. "$(dirname "$0")/../e2e/lib.sh"

# Closes, and what comes after, of an export that many seconds later, with nothing transferred meanwhile.
later() { # SECONDS
    /usr/bin/python3 -c '
import json, sys
shift, far = int(sys.argv[1]), False
for line in sys.stdin:
    event = json.loads(line)
    far = far or event["event"] == "close" and event["fd"] is not None and event["tcp"] is not None
    if far and "time_ns" in event:
        event["time_ns"] += shift * 10**9
    if event["event"] == "close" and event["tcp"]:
        for key in "last_data_sent_ms", "last_data_recv_ms":
            event["tcp"][key] += shift * 1000
    print(json.dumps(event))' "$1"
}

found() { # RULE FOLDER: how many findings of that rule
    "$sockatlas" doctor --format json "$2" | jq -s --arg rule "$1" '[.[] | select(.rule == $rule)] | length'
}

# A .py target runs in network, mount and user namespaces of its own, after what its `# setup:` lines say: not traced.
trace() { # SOURCE FOLDER [nearly]
    local source=$1 folder=$2
    shift 2
    case $source in
    *.c) set -- "$top/build/doctor/$(basename "$source" .c)" "$@" ;;
    *.py) set -- /usr/bin/python3 "$source" "$@" ;;
    esac
    set -- env SOCKATLAS_IO=1 "$sockatlas" run -d "$folder" "$@"
    [ "${source##*.}" = c ] || set -- unshare --user --map-root-user --net --mount --propagation private \
        sh -ec "mkdir -p '$folder.setup'; cd '$folder.setup'; ip link set lo up
            $(sed -n 's/^# setup: //p' "$source")
            cd ..; exec \"\$@\"" - "$@"
    "$@" >"$folder.out" 2>&1 </dev/null
}

namespaces=$(unshare --user --map-root-user --net --mount true 2>&1 && echo yes)
for source in "$top"/tests/doctor/targets/*.c "$top"/tests/doctor/targets/*.py; do
    program=$(basename "$source")
    program=${program%.*}
    rule=${program//_/-}
    if [ "${source##*.}" = py ] && [ "$namespaces" != yes ]; then
        case_skip "$rule is found" "no namespaces of one's own: $namespaces"
        continue
    fi
    trace "$source" "$program"
    status=$?
    if [ $status -eq 77 ]; then
        case_skip "$rule is found" "this machine cannot make the mistake"
        continue
    fi
    case_is "$rule: the target runs" "0 " "$status $([ $status -eq 0 ] || cat "$program.out")"
    trace "$source" "$program.nearly" nearly
    case_is "$rule: the target that nearly makes it runs" "0 " "$? $(grep -v '^sockatlas: ' "$program.nearly.out")"
    # Minutes pass in the trace alone.
    if [ "$rule" = no-keepalive ]; then
        for folder in "$program" "$program.nearly"; do
            "$sockatlas" export --format jsonl "$folder" | later 400 >"$folder.jsonl"
            rm -r "$folder" && mv "$folder.jsonl" "$folder"
        done
    fi
    case_is "$rule is found" 1 "$(found "$rule" "$program")"
    case_is "$rule is not found where it is nearly made" 0 "$(found "$rule" "$program.nearly")"
done
if [ "$namespaces" = yes ]; then
    case_has "ports-running-out counts the traced namespace's ports" '100 connections (from 127.0.0.1 )?to it .*; ports 20000-20099 are 100' \
        "$("$sockatlas" doctor --format json ports_running_out)"
    trace "$top/tests/doctor/targets/ports_running_out.py" own own
    if [ $? -eq 77 ]; then
        case_skip "ports-running-out counts a socket's own ports" "IP_LOCAL_PORT_RANGE is not in this kernel"
    else
        case_has "ports-running-out counts a socket's own ports" '10 connections (from 127.0.0.1 )?to it .*; with IP_LOCAL_PORT_RANGE, ports 20010-20019 are 10' \
            "$("$sockatlas" doctor --format json own)"
    fi
    case_has "no-keepalive tells for how long" 'idle for 400 s' "$("$sockatlas" doctor --format json no_keepalive)"
    case_has "slow-name tells for how long" 'looking up ..?slow.example..? took 1\.[3-9] s' "$("$sockatlas" doctor --format json slow_name)"
else
    case_skip "what rules say that need namespaces" "no namespaces of one's own: $namespaces"
fi

# Who listened there before, or began to later; one finding for all who failed there.
doctor_of() { # TARGET WORD
    trace "$top/tests/doctor/targets/$1.c" "$1.$2" "$2"
    case_is "$1 $2: the target runs" "0 " "$? $(grep -v '^sockatlas: ' "$1.$2.out")"
    "$sockatlas" doctor --format json "$1.$2" >"$1.$2.json"
}
doctor_of connect_failed stopped
case_is "connect-failed: one server that ended is one finding" "1 6" \
    "$(jq -r -s '[.[] | select(.rule == "connect-failed")] | "\(length) \(.[0].times)"' connect_failed.stopped.json)"
case_has "connect-failed says how many failed and who listened there" \
    '6 connections of 3 processes: .* refused the connection: connect_failed \([0-9]+\) listened there until [0-9.]+ s and ended' \
    "$(cat connect_failed.stopped.json)"
case_has "connect-failed says what its own attempts met" 'nobody listens there' "$("$sockatlas" doctor --format json connect_failed)"
doctor_of connect_failed later
case_has "connect-failed says who began to listen" 'connect_failed \([0-9]+\) began to listen there [0-9.]+ m?s later' \
    "$(cat connect_failed.later.json)"
doctor_of unix_connect_failed stopped
case_has "unix-connect-failed says who listened there" 'unix_connect_fa \([0-9]+\) listened there until' \
    "$(cat unix_connect_failed.stopped.json)"
case_is "unix-connect-failed: nobody ever listened there" 0 \
    "$("$sockatlas" doctor --format json unix_connect_failed | grep -c 'listened there')"

# Every rule has a program that makes its mistake.
rules=$(sed -nE 's/^RULE\((.*)\)$/\1/p' "$top/analyzer/doctor/rules.def" | sort)
case_is "each rule has its target" "$rules" "$(cd "$top/tests/doctor/targets" && printf '%s\n' *.c *.py | sed 's/\.[a-z]*$//' | sort)"

case_is "each rule has its mistake in the analyzer's README" "$(tr _ - <<<"$rules" | sort)" \
    "$(sed -nE 's/^\| [^|]* \| `([a-z0-9-]+)` \| .*/\1/p' "$top/analyzer/README.md" | sort)"

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
