#!/bin/bash
# SPDX-License-Identifier: MIT
#
# PostgreSQL behind pgbouncer: clients over TCP and a unix socket, the pool's connections to the server over both too; the map is what ss
# shows while each client holds a session.
. "$(dirname "$0")/kernel.sh"
need psql pgbouncer

# Server and pooler refuse root: then all of it is another user's, the trace included.
traced_there() {
    if [ -n "$root" ]; then
        LD_PRELOAD=$shim become_user postgres "$@"
    else
        traced "$@"
    fi
}

cluster=$work/cluster
need_postgres
postgres_cluster "$cluster" data
cd "$cluster" || exit 1
{ read -r port && read -r pool; } < <(free_port 2)
as_postgres tee -a data/postgresql.conf >/dev/null <<END
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$cluster'
fsync = off
shared_buffers = 16MB
autovacuum = off
END
echo '"atlas" ""' >users
cat >pgbouncer.ini <<END
[databases]
tcp = host=127.0.0.1 port=$port dbname=postgres
unix = host=$cluster port=$port dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pool
unix_socket_dir = $cluster
auth_type = trust
auth_file = $cluster/users
pool_mode = session
pidfile = $cluster/pool.pid
END
ready() {
    as_postgres grep -q '^ready' data/postmaster.pid
}
start traced_there postgres -D "$cluster/data" >server.log 2>&1
case_ok "PostgreSQL is ready" wait_true ready
server=$(as_postgres head -1 data/postmaster.pid)
start traced_there pgbouncer -q pgbouncer.ini >pool.log 2>&1
wait_port "$pool"
pooler=$(as_postgres head -1 pool.pid)
adopt "$server" "$pooler"

# Both ways in times both ways on; each client has an answer and may ask again.
number=0
for host in 127.0.0.1 "$cluster"; do
    for database in tcp unix; do
        number=$((number + 1))
        mkfifo -m 666 "orders.$number"
        exec {held}<>"orders.$number"
        start traced_there psql -X -qAt -U atlas -h "$host" -p "$pool" -d "$database" -f "$cluster/orders.$number" >"answer.$number" 2>&1
        echo "select 'here';" >&"$held"
    done
done
for number in 1 2 3 4; do
    case_ok "client $number is answered" wait_true grep -qx here "answer.$number"
done

as_ss "PostgreSQL behind pgbouncer" 20 16
between() { # FROM TO
    jq -r --arg from "$1" --arg to "$2" '.nodes as $nodes
        | [.edges[] | select($nodes[.from].comm == $from and $nodes[.to].comm == $to) | "\(.transport) \(.match) \(.open)"]
        | sort | join(", ")' "$work/map.json"
}
case_is "each client is at the pooler" "tcp exact 1, tcp exact 1, unix path 1, unix path 1" "$(between psql pgbouncer)"
case_is "the pooler is at a backend of its own for each" "tcp exact 1, tcp exact 1, unix path 1, unix path 1" \
    "$(between pgbouncer postgres)"
case_ok "the pooler stops" stop "$pooler"
case_ok "PostgreSQL stops" stop "$server" INT
finish
