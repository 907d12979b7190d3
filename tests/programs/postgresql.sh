#!/bin/bash
# SPDX-License-Identifier: MIT
#
# PostgreSQL in a folder of its own, as a user that is not root: pgbench and psql over TCP and the unix socket, a process for each
# connection, cancelled and refused ones, LISTEN and NOTIFY, a streaming replica.
. "$(dirname "$0")/lib.sh"
need psql pgbench

# The cluster is made once, outside the comparison, and copied.
cluster=$work/cluster
trace=$work/atlas
need_postgres
need pg_ctl pg_basebackup
postgres_cluster "$cluster"

serve() {
    check_port
    [ -z "$root" ] || chown postgres "$run"
    as_postgres cp -R "$cluster" data
    as_postgres tee -a data/postgresql.conf >/dev/null <<END
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$run'
fsync = off
shared_buffers = 16MB
max_connections = 40
log_min_messages = warning
lc_messages = 'C'
END
    as_postgres pg_ctl -D data -l "$run/server.log" -w -t 30 start >/dev/null || return
    started+=("$(untraced as_postgres head -1 data/postmaster.pid)")
}

ask() { # WHERE QUERY...
    psql -X -q -At -U atlas -h "$1" -p "$port" -d postgres "${@:2}" 2>&1
}

# Latencies and rates are the machine's.
bench() {
    pgbench -U atlas -p "$port" "$@" postgres >bench.out 2>&1
    local status=$?
    grep -E 'transactions actually|failed|ERROR|FATAL|error' bench.out
    return $status
}

everything() {
    serve || return
    bench -h 127.0.0.1 -i -s 1 || return
    bench -h 127.0.0.1 -c 4 -j 2 -t 40 -S || return
    bench -h 127.0.0.1 -c 4 -j 2 -t 10
    bench -h "$run" -c 4 -j 2 -t 40 -S
    bench -h 127.0.0.1 -c 2 -t 10 -S -C
    bench -h "$run" -c 2 -t 10 -S -M prepared

    for where in 127.0.0.1 "$run"; do
        ask "$where" -c 'select count(*) from pgbench_accounts'
        ask "$where" -c 'select inet_server_port() is not null, inet_client_addr()'
        ask "$where" -c "set statement_timeout = 100" -c "select pg_sleep(20)"
        ask "$where" -c 'listen news' -c "notify news, 'read all about it'" | sed 's/PID [0-9]*/PID/'
        ask "$where" -c 'copy (select generate_series(1, 20000)) to stdout' | cksum
        seq 5000 | ask "$where" -c 'create temp table t (n int)' -c '\copy t from pstdin' -c 'select sum(n) from t'
        ask "$where" -c 'select pg_terminate_backend(pg_backend_pid())' | sed 's/"[^"]*" (\([^)]*\))/HERE/'
    done
    PGUSER=nobody ask 127.0.0.1 -U nosuchuser -c 'select 1' | sed 's/.*FATAL/FATAL/'
    as_postgres pg_ctl -D data -m fast -w stop >/dev/null || return
    grep -cE 'PANIC|was terminated by signal' server.log
    grep -oE '(FATAL|ERROR): .*' server.log | sort | uniq -c
}
program_same "PostgreSQL" everything
edge "PostgreSQL: pgbench over TCP" pgbench postgres tcp 25
edge "PostgreSQL: pgbench over the unix socket" pgbench postgres unix 6
edge "PostgreSQL: psql over TCP" psql postgres tcp 8
edge "PostgreSQL: psql over the unix socket" psql postgres unix 7

replica_has() {
    [ "$(psql -X -At -U atlas -h 127.0.0.1 -p "$1" -d postgres -c 'select count(*) from told')" = 100 ]
}

replica() {
    serve || return
    first=$port
    as_postgres pg_basebackup -h 127.0.0.1 -p "$first" -U atlas -D "$run/second" -X stream -R -c fast --no-sync || return
    check_port
    as_postgres pg_ctl -D second -o "-p $port" -l "$run/second.log" -w -t 30 start >/dev/null || return
    started+=("$(untraced as_postgres head -1 second/postmaster.pid)")
    psql -X -q -U atlas -h 127.0.0.1 -p "$first" -d postgres -c 'create table told as select generate_series(1, 100)' || return
    wait_true replica_has "$port" && echo "told"
    ask 127.0.0.1 -c 'drop table told'
    as_postgres pg_ctl -D second -m fast -w stop >/dev/null && as_postgres pg_ctl -D data -m fast -w stop >/dev/null
}
program_same "a streaming replica" replica
edge "a streaming replica: the replica calls its master" 'postgres' postgres tcp 1
edge "a streaming replica: the backup" pg_basebackup postgres tcp 2
finish
