#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The peer that is not traced: programs under `run` against servers that were there before, over TCP and unix sockets. The map names the
# server's process; what is traced at both ends stays so.
. "$(dirname "$0")/../e2e/lib.sh"

# The edges: FROM -> TO (kind, pid), transport, match.
edges() {
    "$sockatlas" map --format json "$1" | jq -r '. as $map | .edges[] | ($map.nodes[.to]) as $to |
        "\($map.nodes[.from].comm) -> \($to.comm // $to.address) \($to.kind) \($to.pid) \(.transport) \(.match) \(.connections)"' | sort
}

have() {
    local program
    for program; do
        command -v "$program" >/dev/null || { case_skip "an untraced $1" "$program is not installed" && return 1; }
    done
}

if have redis-server redis-cli; then
    port=$(free_port)
    start redis-server --port "$port" --bind 127.0.0.1 --unixsocket "$work/redis.sock" --save '' --daemonize no >/dev/null
    redis=$!
    wait_port "$port"
    "$sockatlas" run -d tcp redis-cli -p "$port" ping >/dev/null 2>&1
    case_is "redis over TCP" "redis-cli -> redis-server untraced $redis tcp untraced 1" "$(edges tcp)"
    "$sockatlas" run -d unix redis-cli -s "$work/redis.sock" ping >/dev/null 2>&1
    case_is "redis over its unix socket" "redis-cli -> redis-server untraced $redis unix untraced 1" "$(edges unix)"
    dead=$(free_port)
    "$sockatlas" run -d none redis-cli -p "$dead" ping >/dev/null 2>&1
    case_is "nobody there" "redis-cli -> 127.0.0.1 external null tcp external 0" "$(edges none)"
fi

# The parent stands for all of its workers that listen; while a connection lives, the worker that has it is found.
if have nginx curl; then
    port=$(free_port)
    mkdir -p web/logs && echo hello >web/index.html && chmod -R a+rX web && chmod a+x "$work"
    cat >web/nginx.conf <<END
daemon off; master_process on; worker_processes 2; pid $work/web/nginx.pid; error_log $work/web/logs/error.log;
events { worker_connections 64; }
http { access_log off; client_body_temp_path $work/web/logs; proxy_temp_path $work/web/logs; fastcgi_temp_path $work/web/logs;
    uwsgi_temp_path $work/web/logs; scgi_temp_path $work/web/logs;
    server { listen 127.0.0.1:$port; root $work/web; } }
END
    start nginx -p "$work/web" -c "$work/web/nginx.conf" 2>nginx.err
    nginx=$!
    wait_port "$port"
    "$sockatlas" run -d curl sh -c "curl -s http://127.0.0.1:$port/ http://localhost:$port/ >pages" 2>/dev/null
    case_has "nginx" "curl -> nginx untraced [0-9]+ tcp untraced [12]" "$(edges curl)"
    seen=$(edges curl | awk '/nginx untraced/ {print "/proc/" $5 "/comm"}') # each worker that served one
    # shellcheck disable=SC2086 # a word each
    case_is "the process is one of nginx's" nginx "$(cat $seen | uniq)"
    case_ok "nginx still runs" kill -0 "$nginx"
fi

PATH=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH
if have initdb psql; then
    as_server=()
    [ "$(id -u)" -ne 0 ] || as_server=(setpriv --reuid=postgres --regid=postgres --clear-groups env "HOME=$work")
    mkdir cluster && chmod a+x "$work"
    [ "$(id -u)" -ne 0 ] || chown postgres cluster
    port=$(free_port)
    if (cd cluster && "${as_server[@]}" initdb -D data -U atlas --auth=trust --no-sync --locale=C -E UTF8 >initdb.out 2>&1); then
        start "${as_server[@]}" postgres -D "$work/cluster/data" -p "$port" -c listen_addresses=127.0.0.1 \
            -c "unix_socket_directories=$work/cluster" -c fsync=off >cluster/log 2>&1
        wait_true grep -q 'ready to accept connections' cluster/log
        query() { # TRACE HOST: while the answer is on its way the backend is there to be found
            "$sockatlas" run -d "$1" psql -X -qAt -U atlas -h "$2" -p "$port" -d postgres -c 'select 42' 2>/dev/null
        }
        case_is "psql over TCP answers" 42 "$(query psql-tcp 127.0.0.1)"
        case_has "PostgreSQL over TCP" "^psql -> postgres untraced [0-9]+ tcp untraced 1" "$(edges psql-tcp)"
        case_is "psql over the unix socket answers" 42 "$(query psql-unix "$work/cluster")"
        case_is "PostgreSQL over its unix socket: one edge" 1 "$(edges psql-unix | grep -c '^psql -> postgres untraced [0-9]* unix untraced 1$')"
        # The backend that serves it, by what it says of itself, while it is there to be found.
        for each in 127.0.0.1 "$work/cluster"; do
            "$sockatlas" run -d backend psql -X -qAt -U atlas -h "$each" -p "$port" -d postgres \
                -c 'select pg_backend_pid(), pg_sleep(1)' >backend.out 2>/dev/null
            case_has "the untraced end is the backend, not who listens ($each)" "^psql -> postgres untraced $(tr -d '|' <backend.out) " \
                "$(edges backend)"
            rm -rf backend
        done
    else
        case_skip "an untraced PostgreSQL" "initdb: $(tail -1 cluster/initdb.out)"
    fi
fi

"$sockatlas" run -d both "$targets/tcp_both_ends" 2>/dev/null
case_is "what is traced is not taken for untraced" 0 \
    "$("$sockatlas" map --format json both | jq '[.nodes[] | select(.kind == "untraced")] | length')"

"$sockatlas" run -d silent "$targets/silent_child" 2>/dev/null
case_is "nor is a worker that has recorded nothing yet" "3 silent_child -> silent_child process tcp exact 1" \
    "$(edges silent | sed -E 's/ process [0-9]+/ process/' | uniq -c | sed 's/^ *//')"
case_is "and \`run\` named none of them" "" "$("$sockatlas" events silent | grep 'untraced(')"

finish
