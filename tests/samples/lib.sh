# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What a sample's test starts with: `. "$(dirname "$0")/lib.sh"`.
#
#   sample_told NAME    runs the sample as its README says; the README's output must have the shape of what is seen. The trace is ./trace
#   edges [TRACE]       its map's edges, as tests/e2e/edges.jq tells them, with PORT for a port
#   map FILTER [TRACE]  what jq FILTER says of the map
#   sample_namespaces NAME

. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
chmod 711 "$work" # a sample that runs as another user looks below it

# Without what differs from run to run: numbers, amounts, cookies, blanks, order, and temporary names.
shape() {
    sed -E 's/\b(socket|listener|server|datagram) +[0-9a-f]+\b/\1 #/; s/(sockatlas-[a-z0-9-]+)\.[A-Za-z0-9]{6}/\1/g; s/\b(-?[0-9]+(\.[0-9]+)?|\?) ?([kMG]i?B|B|[mun]?s)\b/#/g; s/0x[0-9a-f]+/#/g; s/ x[0-9]+ \(/ (/g
            s/-?[0-9]+(\.[0-9]+)?/#/g; s/\(#-?#\)/(#)/g; s/#+/#/g; s/[[:space:]]+/ /g; s/^ //; s/ $//' "$1" | sort -u
}

sample_told() {
    export SAMPLE_TRACE=$work/trace
    mkdir -p temporary && chmod 711 temporary
    case_ok "$1: every command of its README" env TMPDIR="$work/temporary" sh -c "'$top/samples/retell' '$top/samples/$1/README.md' >retold"
    case_is "$1: nothing is left in the temporary folder" "" "$(ls -A temporary)"
    # The README's trace and temporary files stand in their usual places.
    sed -i "s|$work/temporary|/tmp|g; s|in $work/trace|in /home/you/sockatlas/build/samples/$1|; s|$work/trace|build/samples/$1|g" retold
    shape "$top/samples/$1/README.md" >told.shape
    shape retold >retold.shape
    case_is "$1: the README shows what is seen" "" "$(diff told.shape retold.shape)"
}

map() { # [-r] FILTER [TRACE]
    local raw=
    [ "$1" != -r ] || { raw=-r && shift; }
    "$sockatlas" map --format json "${2:-trace}" | jq -c $raw "$1"
}

# sample_namespaces NAME: without the right to make a network namespace the whole script is one skipped case.
sample_namespaces() {
    local rootless=
    [ "$(id -u)" -eq 0 ] || rootless=--map-root-user
    # shellcheck disable=SC2086
    unshare $rootless --net --mount true 2>unshare.err && return
    case_skip "$1" "no network namespace: $(tail -1 unshare.err)"
    finish
}

edges() {
    "$sockatlas" map --format json "${1:-trace}" | jq -r -f "$top/tests/e2e/edges.jq" | sed -E 's/:[0-9]+ /:PORT /'
}
