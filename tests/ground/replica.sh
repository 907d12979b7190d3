#!/bin/bash
# SPDX-License-Identifier: MIT
#
# redis with a replica and a client that waits, all traced: the established connections in the map are those that `ss -tnpe` shows while they
# run, by socket cookie, addresses and process.
. "$(dirname "$0")/../e2e/lib.sh"
for program in redis-server redis-cli ss; do
    command -v "$program" >/dev/null || { case_skip "redis with a replica" "$program is not installed" && finish; }
done
export SOCKATLAS_DIR=$work/trace
traced() {
    LD_PRELOAD=$shim exec "$@"
}
ask() {
    redis-cli -p "$@" 2>/dev/null
}
until_is() { # WANTED COMMAND...: the servers tell when they are there
    local tries
    for ((tries = 0; tries < 400; tries++)); do
        [[ "$("${@:2}")" == *"$1"* ]] && return
        read -rt 0.05 <> <(:)
    done
    return 1
}
master=$(free_port) replica=$(free_port)
start traced redis-server --port "$master" --bind 127.0.0.1 --save '' --daemonize no --dir "$work" >master.log
wait_port "$master"
start traced redis-server --port "$replica" --bind 127.0.0.1 --save '' --daemonize no --replicaof 127.0.0.1 "$master" >replica.log
wait_port "$replica"
mkfifo orders
exec 3<>orders
start traced redis-cli -p "$master" subscribe news >news
case_ok "the replica is in step" until_is "master_link_status:up" ask "$replica" info replication
case_ok "the subscriber is there" until_is "1" ask "$master" pubsub numsub news

pids=$(printf '%s\n' "${started[@]}" | paste -sd'|')
ss -Htnpe state established | grep -E "pid=($pids)," |
    sed -E 's/^ *[0-9]+ +[0-9]+ +([^ ]+) +([^ ]+) .*pid=([0-9]+),.* sk:([0-9a-f]+).*/\4 \3 \1 \2/' | sort >kernel
"$sockatlas" list --json trace | jq -r 'select(.state == "established" and .transport == "tcp") |
    "\(.cookie) \(.pid) \(.local_address):\(.local_port) \(.peer_address):\(.peer_port)"' | sort >ours
case_is "the established connections are those of ss -tnpe" "$(cat kernel)" "$(cat ours)"
case_is "there are four ends of them" 4 "$(wc -l <ours)"
case_is "each end has the other" 4 "$("$sockatlas" list --json trace |
    jq -r 'select(.state == "established" and .transport == "tcp" and .match == "exact") | .cookie' | wc -l)"
finish
