#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/fleet/run.sh: three hosts, each with an agent that ships what programs there record to a cluster of two ClickHouse shards; the
# cluster's map beside that of the three traces. All of it happens in a network of its own: `run.sh machine` is what runs there. A host is a
# network namespace with a name, an address and a boot id.
. "$(dirname "$0")/../lib.sh"

if [ "${1:-}" != machine ]; then
    sample_ready
    # PostgreSQL refuses root.
    exec unshare --user --map-user=1000 --map-group=1000 --keep-caps --net --uts --mount -- "samples/$name/run.sh" machine
fi

sample_begin
sql=analyzer/clickhouse
url=http://127.0.0.1:8123/sockatlas
hosts=(web cache db)
declare -A holder agent

# ---- The cluster ----

ask() { # SHARD [OPTION...]
    clickhouse-client --host 127.0.0.1 --port "900$1" -d sockatlas -n "${@:2}"
}

# Disowned: on a busy machine a server may take longer to end than it is waited for, and bash would tell of its being killed.
start "samples/$name/shard" "$work/shard1" 9001 8123 9011 9001 9002 && disown
start "samples/$name/shard" "$work/shard2" 9002 8124 9012 9001 9002 && disown
ip link set lo up || exit 1
for each in 1 2; do
    build/tools/port wait 900$each 60 && build/tools/port wait 812$((each + 2)) 60 || exit 1
    clickhouse-client --host 127.0.0.1 --port 900$each -q 'CREATE DATABASE sockatlas' && ask $each <$sql/schema.sql || exit 1
done

# ---- The hosts ----

on() { # HOST COMMAND...: in place of this (sub)shell
    exec nsenter -t "${holder[$1]}" --net --uts --mount --wd="$top" -- "${@:2}"
}

traced() { # HOST COMMAND...
    on "$1" env SOCKATLAS_DIR="$(realpath "$trace")/$1" LD_PRELOAD="$top/build/libsockatlas.so" "${@:2}"
}

# The agent is the host's, and reaches the cluster by the machine's network.
agent_start() { # HOST
    start nsenter -t "${holder[$1]}" --uts --mount --wd="$top" -- sockatlas collect -q --to $url "$trace/$1"
    agent[$1]=$!
}

# It ends when it is told to; what it could not send by then waits in its spool for the next one.
agent_end() { # HOST
    kill -TERM "${agent[$1]}" && build/tools/gone "${agent[$1]}" 60
    [ -z "$(find "$trace/$1/sockatlas.spool" -name '*.rows')" ] || { agent_start "$1" && agent_end "$1"; }
}

printf '127.0.0.1 localhost\n10.99.0.1 web\n10.99.0.2 cache\n10.99.0.3 db\n' >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts && ip link add switch type bridge && ip link set switch up || exit 1
rm -rf "$trace"
for each in 1 2 3; do
    host=${hosts[each - 1]}
    cat /proc/sys/kernel/random/uuid >"$work/$host.boot"
    start unshare --net --uts --mount -- sleep infinity
    holder[$host]=$!
    until_true grep -q '^sleep' "/proc/${holder[$host]}/comm"
    ip link add "to-$host" type veth peer name eth0 netns "${holder[$host]}" && ip link set "to-$host" master switch up &&
        (on "$host" sh -c "hostname $host && mount --bind '$work/$host.boot' /proc/sys/kernel/random/boot_id &&
            ip link set lo up && ip addr add 10.99.0.$each/24 dev eth0 && ip link set eth0 up") || exit 1
    mkdir -p "$trace" && mkdir -m 700 "$trace/$host"
    agent_start "$host"
done

# ---- What they do ----

bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
"$bin/initdb" -D "$work/data" -U shop --auth=trust --no-sync -E UTF8 >"$work/initdb.log" || exit 1
echo 'host all all 10.99.0.0/24 trust' >>"$work/data/pg_hba.conf"
start traced db "$bin/postgres" -D "$work/data" -c listen_addresses=10.99.0.3 -c unix_socket_directories= -c fsync=off -c autovacuum=off \
    >"$work/postgres.log" 2>&1
postgres=$!
start traced cache redis-server --bind 10.99.0.2 --port 6379 --protected-mode no --save '' --dir "$work" --logfile "$work/redis.log"
redis=$!
sed "s|WORK|$work|" "samples/$name/nginx.conf" >"$work/nginx.conf"
start traced web nginx -e "$work/nginx.log" -c "$work/nginx.conf"
nginx=$!
until_true grep -q '^ready' "$work/data/postmaster.pid"
until_true grep -q 'Ready to accept connections' "$work/redis.log"
until_true test -s "$work/nginx.pid"

{
    (traced web curl -sS --noproxy '*' 'http://web:8080/[1-3]') &&
        (traced cache curl -sS --noproxy '*' 'http://web:8080/[1-2]') &&
        (traced db curl -sS --noproxy '*' 'http://web:8080/') &&
        (traced web redis-cli -h cache incr hits) &&
        (traced db redis-cli -h cache incr hits) &&
        (traced web redis-benchmark -h cache -c 5 -n 500 -t get -q) &&
        (traced web psql -h db -U shop -d postgres -Atc 'SELECT 1') &&
        (traced cache psql -h db -U shop -d postgres -Atc 'SELECT 2')
} >"$work/answers" || exit 1
(traced cache redis-cli -h db ping) >"$work/refused" 2>&1 # nobody listens there
stop $nginx
stop $redis
stop $postgres INT

# ---- Two maps ----

for host in "${hosts[@]}"; do
    agent_end "$host"
done
traces=("${hosts[@]/#/"$trace"/}")
halves=$(($(sockatlas export --format tsv "${traces[@]}" | wc -l) - 1))
arrived() { # what is for the second shard comes to it by way of the first one
    [ "$(ask 1 -q 'SELECT count() FROM (SELECT half FROM halves GROUP BY half)')" -eq "$halves" ]
}
until_true arrived
# Nothing more will come: no row and no other end is waited for.
for each in 1 2; do
    ask $each -q "INSERT INTO options_local (name, value) VALUES ('lag_s', 0), ('wait_s', 0)" && ask $each <$sql/pair.sql || exit 1
done
shown sockatlas map --wide --by process "${traces[@]}" | tee "$work/of-traces"
shown sockatlas map --wide --by process --from $url | tee "$work/of-cluster"
lines() { # FILE: in any order, without the command
    sed 1d "$1" | sort
}
diff <(lines "$work/of-traces") <(lines "$work/of-cluster") || exit
echo "the two maps are equal"
