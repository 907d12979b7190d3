#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/debug-session/run.sh before|after: traces a slow service, and the same service mended. What is traced is `run.sh traffic
# before|after PORT STORE`. Without arguments the README's whole session is played again.
. "$(dirname "$0")/../lib.sh"

# The second run listens on the first one's ports, as a service does: so the two can be compared.
measure() { # before|after
    local ports=$trace/ports
    mkdir -p "$trace"
    [ "$1" = after ] && [ -e "$ports" ] || free_port 2 >"$ports"
    # shellcheck disable=SC2046
    shown env SOCKATLAS_IO=1 sockatlas run -d "$trace/$1" -- "samples/$name/run.sh" traffic "$1" $(cat "$ports") 2>&1
}

if [ "${1:-}" != traffic ]; then
    sample_ready
    case ${1:-} in
    before | after) measure "$1" ;;
    *) samples/retell "samples/$name/README.md" ;;
    esac
    exit
fi

sample_begin
service=$3 store=$4
start redis-server --bind 127.0.0.1 --port "$store" --save '' --dir "$work" --logfile "$work/redis.log"
until_true grep -q 'Ready to accept connections' "$work/redis.log"
start "samples/$name/$2/visits" "$service" "$store" >"$work/visits"
until_true grep -q ready "$work/visits"
answers=50
[ -z "${SAMPLE_BRIEF:-}" ] || answers=21
"samples/$name/ask" "$service" $answers
