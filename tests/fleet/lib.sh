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
node -e "require(process.argv[1])" "$chdb" 2>/dev/null || chdb= # not there, or not all of it
ports=()
export SHARD_USERS='<guarded><password>open sesame</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></guarded>'

shard_run() { # N TCP HTTP INTERSERVER, as at first where they are left out: as the pid in $!
    [ $# -eq 1 ] || ports[$1]="$2 $3 $4"
    # shellcheck disable=SC2086
    start "$top/samples/fleet/shard" "$work/shard$1" ${ports[$1]} "$tcp1" "$tcp2"
}

shards_start() {
    local inter1 inter2
    read -r -d '' tcp1 http1 inter1 tcp2 http2 inter2 < <(free_port 6)
    shard_run 1 "$tcp1" "$http1" "$inter1" && shard1=$!
    shard_run 2 "$tcp2" "$http2" "$inter2" && shard2=$!
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

# All questions by name but those that only the map asks.
questions() {
    printf 'map_by_%s\n' process program unit container host
    find "$sql/questions" -name '*.sql' ! -name map.sql ! -name listeners.sql ! -name map_by.sql -printf '%f\n' | sed 's/\.sql$//' | sort
}

# A question with its placeholders filled in. NAME SINCE UNTIL [PROGRAM [SECONDS]]
question() {
    local name=$1 by=
    [ "${name#map_by_}" = "$name" ] || by=${name#map_by_} name=map_by
    sed "s/{by}/$by/g; s/{since}/$2/g; s/{until}/$3/g; s/{name}/${4:-}/g; s/{seconds}/${5:-0}/g; s/{detail}/0/g" "$sql/questions/$name.sql"
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
