# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the suites of tests/fleet start with, beside tests/e2e/lib.sh: two shards of Debian's ClickHouse on free ports, and the current
# ClickHouse as a library.
#
#   shards_start            both, with the schema in database `sockatlas`; $http1 $http2 $tcp1 $tcp2 are their ports, $shard1 $shard2 their pids
#   ask N STATEMENT         on a shard; ask_file N FILE     pair [SQL]: on both shards
#   current [@FILE|STATEMENT]...    in the current one; fails where it is not installed ($chdb "")
#   send FILE.bin           RowBinary into `halves` by the first shard, synchronously
#   edges                   the map's edges as the cluster has them, as edges.py reads them

. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
sql=$top/analyzer/clickhouse
chdb=$top/build/npm-fleet/node_modules/chdb
[ -d "$chdb" ] || chdb=

shard_config() { # N TCP HTTP INTER TCP1 TCP2
    mkdir -p "shard$1"
    cat >"shard$1/config.xml" <<X
<?xml version="1.0"?>
<yandex>
 <logger><level>warning</level><log>$work/shard$1/server.log</log><errorlog>$work/shard$1/error.log</errorlog></logger>
 <http_port>$3</http_port><tcp_port>$2</tcp_port><interserver_http_port>$4</interserver_http_port>
 <interserver_http_host>127.0.0.1</interserver_http_host><listen_host>127.0.0.1</listen_host>
 <mark_cache_size>67108864</mark_cache_size><uncompressed_cache_size>0</uncompressed_cache_size>
 <path>$work/shard$1/data/</path><tmp_path>$work/shard$1/tmp/</tmp_path><user_files_path>$work/shard$1/files/</user_files_path>
 <format_schema_path>$work/shard$1/schemas/</format_schema_path>
 <users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
 <timezone>UTC</timezone>
 <remote_servers><sockatlas>
  <shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>$5</port></replica></shard>
  <shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>$6</port></replica></shard>
 </sockatlas></remote_servers>
</yandex>
X
    cat >"shard$1/users.xml" <<X
<?xml version="1.0"?>
<yandex>
 <profiles><default><allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type></default></profiles>
 <users>
  <default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
  <guarded><password>open sesame</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></guarded>
 </users>
 <quotas><default></default></quotas>
</yandex>
X
}

shard_run() { # N: as the pid in $!
    (cd "shard$1" && exec clickhouse-server --config-file=config.xml >out 2>&1 </dev/null) &
    started+=($!)
}

shards_start() {
    local inter1 inter2
    read -r -d '' tcp1 http1 inter1 tcp2 http2 inter2 < <(free_port 6)
    shard_config 1 "$tcp1" "$http1" "$inter1" "$tcp1" "$tcp2"
    shard_config 2 "$tcp2" "$http2" "$inter2" "$tcp1" "$tcp2"
    shard_run 1 && shard1=$!
    shard_run 2 && shard2=$!
    wait_port "$http1" && wait_port "$http2" && wait_port "$tcp1" && wait_port "$tcp2" || return 1
    for each in 1 2; do
        clickhouse-client --port "$(port_of $each)" -q 'CREATE DATABASE sockatlas' || return 1
        ask_file $each "$sql/schema.sql" || return 1
    done
}

port_of() {
    if [ "$1" = 1 ]; then echo "$tcp1"; else echo "$tcp2"; fi
}

ask() {
    clickhouse-client --port "$(port_of "$1")" -d sockatlas -q "$2"
}

ask_file() {
    clickhouse-client --port "$(port_of "$1")" -d sockatlas -n <"$2"
}

# Nothing waits, and what was received before this second, which may not be over yet, is paired.
at_once() {
    ask 1 "INSERT INTO options_local (name, value) VALUES ('lag_s', 1), ('wait_s', 0)"
    ask 2 "INSERT INTO options_local (name, value) VALUES ('lag_s', 1), ('wait_s', 0)"
}

pair() {
    ask_file 1 "${1:-$sql/pair.sql}" && ask_file 2 "${1:-$sql/pair.sql}"
}

columns() {
    "$sockatlas" export --format tsv "$1" | head -1 | tr '\t' ','
}

send() { # FILE COLUMNS
    { echo "INSERT INTO halves ($2) FORMAT RowBinary" && cat "$1"; } |
        curl -s --data-binary @- "http://127.0.0.1:$http1/?database=sockatlas&insert_distributed_sync=1"
}

# The schema without what leads to other shards.
current_schema() {
    awk 'BEGIN { RS = ""; ORS = "\n\n" } !/Distributed\(/' "$sql/schema.sql"
}

current() {
    node "$top/tests/fleet/current.js" "$chdb" "$work/current" "$@"
}

# A question with its placeholders filled in. NAME SINCE UNTIL [PROGRAM [SECONDS]]
question() {
    sed "s/{since}/$2/g; s/{until}/$3/g; s/{name}/${4:-}/g; s/{seconds}/${5:-0}/g" "$sql/questions/$1.sql"
}

edges_sql="SELECT from_kind, from_boot_id, from_pid, from_node, to_kind, to_boot_id, to_pid, to_node, transport, server_address, server_port,
    match, sum(connections), sum(failed), sum(unanswered), sum(open), sum(bytes_sent), sum(bytes_received), sum(reset), sum(retransmits)
    FROM (QUESTION)
    GROUP BY from_kind, from_boot_id, from_pid, from_node, to_kind, to_boot_id, to_pid, to_node, transport, server_address, server_port, match"

edges_question() {
    local map
    map=$(question map 0 4000000000)
    echo "${edges_sql/QUESTION/
$map}"
}

edges() {
    edges_question | clickhouse-client --port "$tcp1" -d sockatlas
}
