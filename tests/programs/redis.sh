#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Redis: redis-benchmark and redis-cli over TCP and a unix socket; pipelines, scripts, publish and subscribe, a replica, saving in a
# forked child.
. "$(dirname "$0")/lib.sh"
need redis-server redis-cli redis-benchmark

serve() { # [OPTION...]: on $port and ./redis.sock
    check_port
    background redis-server --port "$port" --bind 127.0.0.1 --unixsocket "$PWD/redis.sock" --save '' --appendonly no \
        --logfile "$PWD/redis.log" --dir "$PWD" "$@"
    until_open "$PWD/redis.sock" && until_open "$port"
}

# Requests done and errors; rates and latencies are the machine's. What took less than a millisecond has a rate of "inf".
benchmark() { # WHERE...
    redis-benchmark "$@" -q -n 2000 -c 20 -t ping,set,get,incr,lpush,lrange_100,mset | tr '\r' '\n' |
        sed -nE 's/^([^:]*): ([0-9.]+|inf|nan) requests per second.*/\1 done/p'
}

over_both() {
    serve || return
    benchmark -h 127.0.0.1 -p "$port" &&
        benchmark -h 127.0.0.1 -p "$port" -P 16 &&
        benchmark -h 127.0.0.1 -p "$port" -k 0 &&
        benchmark -h 127.0.0.1 -p "$port" --threads 2 &&
        benchmark -s "$PWD/redis.sock" || return
    redis-cli -p "$port" shutdown nosave
    wait "${started[0]}"
}
program_same "redis-benchmark" over_both
edge "redis-benchmark: to the server over TCP" redis-benchmark redis-server tcp 2000
edge "redis-benchmark: to the server over the unix socket" redis-benchmark redis-server unix 20

scripts() {
    serve || return
    for where in "-p $port" "-s $PWD/redis.sock"; do
        # shellcheck disable=SC2086 # $where is two words
        {
            redis-cli $where set name atlas && redis-cli $where get name
            printf 'SET a 1\nINCR a\nLPUSH l x y z\nLRANGE l 0 -1\nNOSUCH\n' | redis-cli $where
            awk 'BEGIN { for (i = 0; i < 5000; i++) printf "SET k%d %d\r\n", i, i }' | redis-cli $where --pipe
            echo 'return {KEYS[1], ARGV[1], redis.call("GET", KEYS[1])}' >script.lua
            redis-cli $where --eval script.lua name , value
            redis-cli $where dbsize
            redis-cli $where -r 3 -i 0.01 echo again
            redis-cli $where wrong command
            echo "status $?"
            redis-cli $where flushall
        }
    done
    redis-cli -p 1 ping
    echo "status $?"
}
program_same "redis-cli" scripts
edge "redis-cli: to the server over TCP" redis-cli redis-server tcp 9
edge "redis-cli: to the server over the unix socket" redis-cli redis-server unix 9

subscribers() { # COUNT
    [ "$(redis-cli -p "$port" pubsub numsub news | tail -1)" -eq "$1" ]
}

publish() {
    serve || return
    redis-cli -p "$port" subscribe news >tcp.news &
    started+=($!)
    redis-cli -s "$PWD/redis.sock" subscribe news >unix.news &
    started+=($!)
    wait_true subscribers 2 || return
    for n in 1 2 3; do redis-cli -p "$port" publish news "issue $n"; done
    wait_true grep -q 'issue 3' tcp.news && wait_true grep -q 'issue 3' unix.news || return
    cat tcp.news unix.news
}
program_same "publish and subscribe" publish
edge "publish and subscribe: over the unix socket" redis-cli redis-server unix 1

loaded() {
    [ "$(redis-cli -p "$1" dbsize)" = 1000 ]
}

persist() {
    serve --repl-diskless-sync-delay 0 || return
    first=$port
    awk 'BEGIN { for (i = 0; i < 1000; i++) printf "SET k%d %d\r\n", i, i }' | redis-cli -p "$first" --pipe >/dev/null
    redis-cli -p "$first" bgsave
    wait_true grep -q 'Background saving terminated with success' redis.log || return
    redis-cli -p "$first" bgrewriteaof
    mkdir second
    check_port
    background redis-server --port "$port" --bind 127.0.0.1 --save '' --replicaof 127.0.0.1 "$first" --dir "$PWD/second" \
        --logfile "$PWD/second.log"
    until_open "$port" && wait_true loaded "$port" || return
    redis-cli -p "$port" get k999
    redis-cli -p "$port" set k999 no
}
program_same "saving and a replica" persist
edge "saving and a replica: the replica calls its master" redis-server redis-server tcp 1
finish
