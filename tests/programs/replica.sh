#!/bin/bash
# SPDX-License-Identifier: MIT
#
# redis with a replica, and clients over TCP and the unix socket that wait: the map is what ss shows while they run.
. "$(dirname "$0")/kernel.sh"
need redis-server redis-cli

ask() { # PORT COMMAND...
    redis-cli -p "$@" 2>/dev/null
}
in_step() {
    ask "$replica" info replication | grep -q 'master_link_status:up' && ask "$master" info replication | grep -q 'state=online'
}
subscribers() { # COUNT
    [ "$(ask "$master" pubsub numsub news | tail -1)" = "$1" ]
}

{ read -r master && read -r replica; } < <(free_port 2)
start traced redis-server --port "$master" --bind 127.0.0.1 --unixsocket "$work/redis.sock" --save '' --dir "$work" \
    --repl-diskless-sync-delay 0 >master.log
wait_port "$master"
mkdir second
start traced redis-server --port "$replica" --bind 127.0.0.1 --save '' --dir "$work/second" --replicaof 127.0.0.1 "$master" >replica.log
wait_port "$replica"
mkfifo orders
exec 3<>orders
start traced redis-cli -p "$master" subscribe news >news.tcp
start traced redis-cli -s "$work/redis.sock" subscribe news >news.unix
case_ok "the replica is in step" wait_true in_step
case_ok "the subscribers are there" wait_true subscribers 2
as_ss "redis with a replica" 9 6
edge "redis with a replica: the replica calls its master" redis-server redis-server tcp 1
edge "redis with a replica: the subscriber over TCP" redis-cli redis-server tcp 1
edge "redis with a replica: the subscriber over the unix socket" redis-cli redis-server unix 1
finish
