#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Systems in which nothing is wrong: `doctor` finds nothing. nginx in front of Node.js with connections that are kept, redis under
# redis-benchmark, PostgreSQL behind pgbouncer under pgbench, a Java server with its client, RabbitMQ with publishers and a consumer.
. "$(dirname "$0")/kernel.sh"
need nginx curl node redis-server redis-benchmark pgbouncer java amqp-publish
need_postgres
need pgbench

healthy() { # WHAT SOCKETS: the trace of it, which has so many at least
    "$sockatlas" doctor --json "$trace"* >"$work/findings" 2>"$work/errors"
    case_is "$1: nothing is found" "0 " "$? $(jq -r '.rule + ": " + .message' "$work/findings")$(cat "$work/errors")"
    case_ok "$1: $2 sockets and more were looked at" test "$("$sockatlas" list --json "$trace"* | wc -l)" -ge "$2"
}

# ---- nginx and Node.js ----

trace=$work/web
{ read -r port && read -r behind; } < <(free_port 2)
mkdir -p "$work/nginx/logs" "$work/nginx/temp"
cd "$work/nginx" || exit 1
cat >nginx.conf <<END
worker_processes 2;
daemon off;
pid $PWD/nginx.pid;
error_log $PWD/logs/error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    upstream behind { server 127.0.0.1:$behind; keepalive 8; }
    server {
        listen 127.0.0.1:$port;
        location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
}
END
start traced node -e "
    const http = require('http');
    http.createServer((request, response) => response.end('here ' + request.url)).listen({port: $behind, host: '127.0.0.1'});
    process.on('SIGTERM', () => process.exit(0));"
server=$!
wait_port "$behind"
start traced nginx -p "$PWD/" -c "$PWD/nginx.conf" -e "$PWD/logs/error.log"
proxy=$!
wait_port "$port"
(traced curl -sS --noproxy '*' "http://127.0.0.1:$port/[1-50]" -o answer) 2>curl.err
case_is "nginx and Node.js answer" "here /50" "$(cat answer curl.err)"
stop "$proxy" QUIT
stop "$server"
healthy "nginx and Node.js" 6

# ---- redis ----

trace=$work/redis
mkdir "$work/store" && cd "$work/store" || exit 1
port=$(free_port)
start traced redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --logfile "$PWD/log" --dir "$PWD"
server=$!
wait_port "$port"
(traced redis-benchmark -h 127.0.0.1 -p "$port" -q -n 1000 -c 20 -t set,get >"$work/benchmark" 2>&1)
case_has "redis answers" "GET: .* requests per second" "$(tr '\r' '\n' <"$work/benchmark")"
stop "$server"
healthy "redis" 40

# ---- PostgreSQL and pgbouncer ----

trace=$work/pool
traced_there() {
    if [ -n "$root" ]; then
        LD_PRELOAD=$shim become_user postgres "$@"
    else
        traced "$@"
    fi
}
cluster=$work/cluster
postgres_cluster "$cluster" data
cd "$cluster" || exit 1
{ read -r port && read -r pool; } < <(free_port 2)
as_postgres tee -a data/postgresql.conf >/dev/null <<END
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$cluster'
fsync = off
shared_buffers = 16MB
END
echo '"atlas" ""' >users
cat >pgbouncer.ini <<END
[databases]
postgres = host=127.0.0.1 port=$port dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pool
unix_socket_dir =
auth_type = trust
auth_file = $cluster/users
pool_mode = transaction
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
echo "select :client_id;" >work.sql
(traced_there pgbench -n -h 127.0.0.1 -p "$pool" -U atlas -c 4 -t 50 -f "$cluster/work.sql" postgres) >"$work/pgbench" 2>&1
case_has "PostgreSQL answers" "transactions actually processed: 200/200" "$(cat "$work/pgbench")"
stop "$pooler" INT
stop "$server" INT
healthy "PostgreSQL and pgbouncer" 8

# ---- Java ----

trace=$work/java
cd "$work" || exit 1
cat >Healthy.java <<'END'
import com.sun.net.httpserver.HttpServer;
import java.net.*;
import java.net.http.*;

public class Healthy {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, 4);
            exchange.getResponseBody().write("here".getBytes());
            exchange.close();
        });
        server.start();
        URI there = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
        HttpClient client = HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).version(HttpClient.Version.HTTP_1_1).build();
        for (int n = 0; n < 30; n++)
            System.out.println(client.send(HttpRequest.newBuilder(there).build(), HttpResponse.BodyHandlers.ofString()).body());
        System.exit(0);
    }
}
END
(traced java -Xshare:auto -XX:TieredStopAtLevel=1 Healthy.java) >answers 2>&1
case_is "Java answers" 30 "$(grep -cx here answers)"
healthy "Java" 3

# ---- RabbitMQ ----

trace=$work/rabbit
rabbit=/usr/lib/rabbitmq/bin/rabbitmq-server
if [ -x "$rabbit" ]; then
    { read -r port && read -r distribution && read -r names; } < <(free_port 3)
    mkdir "$work/broker" && cd "$work/broker" || exit 1
    broker() {
        HOME=$PWD RABBITMQ_BASE=$PWD RABBITMQ_MNESIA_BASE=$PWD/mnesia RABBITMQ_LOG_BASE=$PWD/log RABBITMQ_NODENAME=atlas@localhost \
            RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$port RABBITMQ_DIST_PORT=$distribution ERL_EPMD_PORT=$names \
            ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_ENABLED_PLUGINS_FILE=$PWD/plugins RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_PID_FILE=$PWD/pid "$@"
    }
    broker start traced "$rabbit" >"$work/broker.log" 2>&1
    server=$!
    wait_port "$port" || cat "$work/broker.log"
    there=(--server=127.0.0.1 --port="$port")
    (traced amqp-declare-queue "${there[@]}" -q hello) >said 2>&1
    for n in 1 2 3 4 5; do
        (traced amqp-publish "${there[@]}" -r hello -b "message $n,") >>said 2>&1
    done
    (traced amqp-consume "${there[@]}" -q hello -c 5 cat) >>said 2>&1
    case_is "RabbitMQ answers" "hello message 1,message 2,message 3,message 4,message 5," "$(tr '\n' ' ' <said | sed 's/ $//')"
    kill "$(cat pid)" && until_gone "$server"
    broker epmd -kill >killed 2>&1
    healthy "RabbitMQ" 15
else
    case_skip "RabbitMQ: nothing is found" "there is no RabbitMQ"
fi

finish
