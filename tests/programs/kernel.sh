# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the scripts start with that lay the map of running programs beside the kernel's own view: `. "$(dirname "$0")/kernel.sh"`.
#
#   trace=FOLDER                where `traced` traces into; default $work/atlas
#   traced COMMAND...           runs it with the shim, in place of the shell it is called in
#   as_ss WHAT SOCKETS PEERS    the open sockets of the trace's processes are those of `ss -tunpe` and `ss -xpe`, with the same other ends;
#                               at least so many were compared

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need ss python3 jq
trace=$work/atlas

traced() {
    SOCKATLAS_DIR=$trace LD_PRELOAD=$shim exec "$@"
}

open_sockets() {
    jq -r 'select(.state != "closed" and .state != "failed") | "\(.cookie) \(.state) \(.pid) \(.peer_socket)"' "$1"
}

# Our view and the kernel's cannot be taken at one moment: they count when ours was the same before and after.
compare_with_ss() {
    local tries
    for ((tries = 0; tries < 50; tries++)); do
        "$sockatlas" list --json "$trace"* >"$work/list.json" && "$sockatlas" map --format json "$trace"* >"$work/map.json" || return
        python3 "$top/tests/programs/as_ss.py" "$work/list.json" "$work/map.json" >"$work/difference" || return
        "$sockatlas" list --json "$trace"* >"$work/list.after" || return
        [ "$(open_sockets "$work/list.json")" != "$(open_sockets "$work/list.after")" ] || return 0
        read -rt 0.1 <> <(:) || :
    done
    echo "the sockets never stood still" >"$work/difference"
}

as_ss() { # WHAT SOCKETS PEERS
    local last
    compare_with_ss || printf "%s\n" "could not compare" "0 sockets" >"$work/difference"
    last=$(tail -1 "$work/difference")
    case_is "$1: the open sockets are those of ss, and so are their other ends" "" "$(sed '$d' "$work/difference")"
    if [[ "$last" =~ ^([0-9]+)\ sockets,\ ([0-9]+)\ with ]] && [ "${BASH_REMATCH[1]}" -ge "$2" ] && [ "${BASH_REMATCH[2]}" -ge "$3" ]; then
        pass "$1: at least $2 sockets were compared, $3 with their other ends"
    else
        fail "$1: at least $2 sockets were compared, $3 with their other ends" "$last"
    fi
}
