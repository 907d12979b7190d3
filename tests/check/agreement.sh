#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What must hold of every trace (tests/ground/agree.c, which every script's `finish` asks) is seen not to hold: of an analyzer whose answers
# are changed on their way.
. "$(dirname "$0")/../e2e/lib.sh"
agree=$top/build/ground/agree

trace trace "$targets/attempts"
case_is "an analyzer as it is" "" "$("$agree" "$sockatlas" trace)"

# changed COMMAND FILTER: an analyzer that says something else when COMMAND (as a pattern) is asked.
changed() {
    printf '#!/bin/bash\ncase "$*" in\n%s) "%s" "$@" | %s ;;\n*) exec "%s" "$@" ;;\nesac\n' "$1" "$sockatlas" "$2" "$sockatlas" >changed
    chmod +x changed
}
each() { # FILTER: of the list's lines
    changed "'list --json'*" "jq -c '$1'"
}
found() { # WHAT PATTERN
    case_has "$1" "$2" "$("$agree" "$work/changed" trace)"
}
server=$("$sockatlas" list --json trace | jq -r 'select(.role == "server" and .peer_socket and .end == "closed") | .socket' | head -1)
case_has "there is a connection" '^[0-9]+$' "$server"

each "if .socket == $server then .peer_socket = 1 else . end"
found "an end that its other end does not name" "which has"
each "if .socket == $server then .peer_process = 7 else . end"
found "another process" "its other end is of process 0, not 7"
each "if .socket == $server then .match = \"path\" else . end"
found "another kind of match" "path, and its other end exact"
each "if .socket == $server then .peer_port = 1 else . end"
found "another address" "not those of its other end"
each "if .socket == $server then .bytes_received += 1 else . end"
found "a byte that nobody sent" "and its other end .* received"
each "if .failures > 0 then .failures += 1 else . end"
found "an attempt too many" "map --format json: 5 failed, list: 10"
each "select(.socket != $server)"
found "a socket that is left out" "is not listed"
changed "'map --by process'*" "jq '.edges[0].connections += 1'"
found "a connection too many" "map --by process --format json: .* TCP connections, list"
changed "'map --format json'*" "jq '.edges |= map(.bytes_sent += 1)'"
found "bytes too many" "map --format json: .* bytes over TCP, list"
changed "'list --failed'*" "head -1"
found "one failure alone" "list --failed: 1 sockets, of which 5"
changed "'list --csv'*" "sed 1d"
found "a row too few" "list --csv: "
changed "'diff'*" "echo x"
found "a difference from itself" "diff with itself: 1 differences"

# A script fails by it, of what it leaves and of what it removes, wherever it does so.
each "if .socket == $server then .bytes_received += 1 else . end"
script() { # END: the lines of its report
    env top="$top" bash -c '. "$1/tests/e2e/lib.sh"; sockatlas=$2; cp -r "$3" trace; eval "$4"; pass "all well"; finish' \
        "$top/tests/e2e/x" "$top" "$work/changed" "$work/trace" "$1" 2>&1
}
case_has "a script that leaves such a trace fails" "^not ok 2 - what commands say of each trace agrees" "$(script :)"
case_has "one that removes it fails" "^not ok 2 - " "$(script 'rm -rf trace')"
case_has "also in a subshell" "^not ok 2 - " "$(script '(rm -rf trace)')"
case_has "not where the trace was made to be wrong" "^1..1" "$(script 'forged trace')"
finish
