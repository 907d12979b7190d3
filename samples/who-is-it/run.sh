#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/who-is-it/run.sh: six ways in which one port or one socket is more than one process's, or less than one's; who holds what.
# What is traced is `run.sh traffic PORT...`; `run.sh twin PORT LINKS` is the part of it that happens in another network namespace.
. "$(dirname "$0")/../lib.sh"

if [ "${1:-}" = twin ]; then
    PATH=$3:$PATH
    sample_begin
    ip link set lo up || exit 1
    start twin "$2" >"$work/twin"
    until_true grep -q ready "$work/twin"
    ask "$2"
    exit
fi

if [ "${1:-}" != traffic ]; then
    sample_ready
    # shellcheck disable=SC2046
    sample_run $(free_port 6) || exit
    shown sockatlas map "$trace"
    echo "\$ sockatlas list --json $trace | jq -rn --slurpfile map <(sockatlas map --format json $trace) -f samples/$name/holders.jq | column -t -s @"
    sockatlas list --json "$trace" | jq -rn --slurpfile map <(sockatlas map --format json "$trace") -f "samples/$name/holders.jq" | column -t -s @
    exit
fi

sample_begin
PATH=$work:$PATH
for each in ask twin worker forker porter clerk activated both; do
    ln -s "$top/samples/$name/who.py" "$work/$each" || exit 1
done

# server NAME ARG...: started, and waited for without a connection that would be on the map.
server() {
    local told
    told=$work/told.${#started[@]}
    start "$@" >"$told"
    until_true grep -q ready "$told"
}

server twin "$2"
rootless=$([ "$(id -u)" -eq 0 ] || echo --map-root-user)
# shellcheck disable=SC2086
if unshare $rootless --net true 2>"$work/refused"; then
    # shellcheck disable=SC2086
    unshare $rootless --net -- "samples/$name/run.sh" twin "$2" "$work" || exit
else
    echo "left out: the twin in another network namespace, for which it takes root or user namespaces ($(tail -1 "$work/refused"))"
fi
ask "$2" || exit

server worker "$3"
server worker "$3"
ask "$3" twice || exit

server porter "$4"
server clerk "$4"
ask "$4" || exit

server forker "$5"
ask "$5" || exit

start systemd-socket-activate -l "127.0.0.1:$6" "$work/activated" 2>"$work/activation"
until_true grep -q Listening "$work/activation"
ask "$6" || exit

server both "$7"
ask "$7" udp && ask "$7"
