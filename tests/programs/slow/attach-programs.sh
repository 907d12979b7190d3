#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `attach` to real servers under load: nginx, redis, PostgreSQL, Python, Node and Java. What the kernel says is open right after it is on the map, each
# connection made then is counted once, and those that were there before go on. Then `detach`.
. "$(dirname "$0")/../lib.sh"

KEPT=4 NEW=25
options=(--children)
[ -z "$root" ] || options+=(--across-users)

# load PROTOCOL PORT STOP: keeps connections busy until the file STOP appears; prints how many requests failed.
cat >load.py <<'P'
import os, socket, sys, time
protocol, port, stop, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
asks = {"http": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: %s\r\n\r\n", "redis": b"PING\r\n"}[protocol]
def ask(c, kept):
    c.sendall(asks % (b"keep-alive" if kept else b"close") if protocol == "http" else asks)
    got = b""
    while True:
        got += c.recv(65536)
        if protocol == "redis" and got.endswith(b"+PONG\r\n"):
            return
        if protocol == "http" and b"\r\n\r\n" in got:
            head, body = got.split(b"\r\n\r\n", 1)
            sizes = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if sizes and len(body) >= sizes[0]:
                return
        if not got:
            raise OSError("closed")
failed = 0
if count:  # new ones, one after the other
    for i in range(count):
        with socket.create_connection(("127.0.0.1", port), 20) as c:
            ask(c, False)
else:
    kept = [socket.create_connection(("127.0.0.1", port), 20) for i in range(int(sys.argv[5]))]
    while not os.path.exists(stop):
        for c in kept:
            try:
                ask(c, True)
            except OSError as e:
                print(e, file=sys.stderr)
                failed += 1
        time.sleep(0.002)
print(failed)
P

# kernel_view PORT PIDS: what ss says is listened on and connected at the server's end.
kernel_view() {
    ss -tnaH "sport = :$1" | awk '$1 == "LISTEN" { print "listening", $4; next } $1 == "ESTAB" { print "established", $4, $5 }' |
        sed -E 's/\[::ffff:([0-9.]+)\]/\1/g; s/\*:/0.0.0.0:/; s/\[::\]:/:::/' | sort -u
}
# our_view PORT
our_view() {
    "$sockatlas" list --json "$trace" 2>/dev/null | jq -r --argjson port "$1" 'select(.local_port == $port and (.state == "listening" or .state == "established")) |
        if .state == "listening" then "listening \(.local_address):\(.local_port)" else "established \(.local_address):\(.local_port) \(.peer_address):\(.peer_port)" end' |
        sed -E 's/::ffff:([0-9.]+)/\1/g' | sort -u
}
served() { # PORT: connections of the server's end, whoever served
    "$sockatlas" list --json "$trace" 2>/dev/null | jq -s --argjson port "$1" '[.[] | select(.role == "server" and .local_port == $port)] | length'
}

# attached NAME PID PORT NEW_ONES...: with the load running; NEW_ONES makes NEW connections, one after the other.
attached() {
    local name=$1 pid=$2 port=$3 before
    shift 3
    trace=$work/trace.$name
    "$sockatlas" attach "${options[@]}" -d "$trace" "$pid" 2>"$name.err"
    case_is "$name: attached under load" "0 " "$? $(grep -v ' recorded into ' "$name.err")"
    case_is "$name: what the kernel has open is on the map" "$(kernel_view "$port")" "$(our_view "$port")"
    case_is "$name: ... a listener and the connections" true "$([ "$(our_view "$port" | wc -l)" -gt "$KEPT" ] && echo true)"
    before=$(served "$port")
    "$@" >"$name.new" 2>&1
    case_is "$name: new connections are served" 0 $?
    wait_true eval "[ \"\$(served $port)\" -ge $((before + NEW)) ]"
    case_is "$name: each is counted, once" "$((before + NEW))" "$(served "$port")"
    case_is "$name: none failed" 0 "$("$sockatlas" list --json "$trace" 2>/dev/null | jq -s --argjson port "$port" '[.[] | select(.local_port == $port and .outcome == "failed")] | length')"
    case_is "$name: the map says how it is traced" attach "$("$sockatlas" map --format json "$trace" 2>/dev/null | jq -r --argjson pid "$pid" '.nodes[] | select(.pid == $pid) | .via')"
    "$sockatlas" detach --children "$pid" 2>"$name.err"
    case_is "$name: detached" "0 " "$? $(grep -v ' no longer recorded' "$name.err")"
}

# under_load NAME PID PORT PROTOCOL
under_load() {
    local name=$1 load
    rm -f stop
    start python3 load.py "$4" "$3" "$work/stop" 0 "$KEPT" >"$name.load" 2>&1
    load=$!
    wait_true eval "[ \"\$(ss -tnH state established 'sport = :$3' | wc -l)\" -eq $KEPT ]"
    attached "$name" "$2" "$3" python3 load.py "$4" "$3" - "$NEW"
    touch stop
    wait "$load"
    case_is "$name: connections from before went on" "0 0" "$? $(cat "$name.load")"
    kill -TERM "$2"
    wait_gone "$2"
}

if need nginx && read -r port < <(free_port); then
    chmod 755 "$work"
    mkdir -p nginx/html && echo hello >nginx/html/index.html
    cat >nginx/nginx.conf <<C
daemon off;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
worker_processes 3;
events { worker_connections 256; }
http { access_log off; root $work/nginx/html; client_body_temp_path $work/nginx; proxy_temp_path $work/nginx; fastcgi_temp_path $work/nginx; uwsgi_temp_path $work/nginx; scgi_temp_path $work/nginx; server { listen 127.0.0.1:$port; } }
C
    start nginx -c "$work/nginx/nginx.conf" -e "$work/nginx/error.log"
    server=$!
    wait_port "$port"
    under_load nginx "$server" "$port" http
fi
if need redis-server && read -r port < <(free_port); then
    start redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --io-threads 2 --dir "$work" >redis.log
    server=$!
    wait_port "$port"
    under_load redis "$server" "$port" redis
fi
if need python3 && read -r port < <(free_port); then
    echo hello >index.html
    start python3 -c "
import http.server
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *rest): pass
http.server.ThreadingHTTPServer(('127.0.0.1', $port), Handler).serve_forever()"
    server=$!
    wait_port "$port"
    under_load python "$server" "$port" http
fi
if need node && read -r port < <(free_port); then
    start node -e "require('http').createServer((q, a) => { a.setHeader('Content-Length', 6); a.end('hello\n') }).listen($port, '127.0.0.1')"
    server=$!
    wait_port "$port"
    under_load node "$server" "$port" http
fi
if need java && read -r port < <(free_port); then
    cat >Hello.java <<'J'
import com.sun.net.httpserver.*;
import java.net.*;
import java.util.concurrent.*;
public class Hello {
    public static void main(String[] a) throws Exception {
        HttpServer s = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(a[0])), 64);
        s.createContext("/", x -> { x.sendResponseHeaders(200, 6); x.getResponseBody().write("hello\n".getBytes()); x.close(); });
        s.setExecutor(Executors.newFixedThreadPool(4));
        s.start();
    }
}
J
    start java Hello.java "$port"
    server=$!
    wait_port "$port"
    under_load java "$server" "$port" http
fi

need_postgres
read -r port < <(free_port)
trace=$work/trace.cluster
postgres_cluster "$work/cluster"
command=(postgres -D "$work/cluster" -p "$port" -k "$work/cluster" -c listen_addresses=127.0.0.1)
if [ -n "$root" ]; then
    start become_user postgres "${command[@]}" >postgres.log 2>&1
else
    start "${command[@]}" >postgres.log 2>&1
fi
server=$!
wait_port "$port"
export PGHOST=127.0.0.1 PGPORT=$port PGUSER=atlas PGDATABASE=postgres
several() {
    local i
    for ((i = 0; i < NEW; i++)); do
        psql -Atqc 'select 1' || return
    done
}
wait_true psql -Atqc 'select 1' >/dev/null 2>&1 # it listens before it answers
pgbench -iq >pgbench.out 2>&1
start pgbench -n -c "$KEPT" -T 8 >pgbench.out 2>&1
load=$!
wait_true eval "[ \"\$(ss -tnH state established 'sport = :$port' | wc -l)\" -eq $KEPT ]"
attached postgresql "$server" "$port" several
wait "$load"
case_is "postgresql: connections from before went on" "0 0" "$? $(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' pgbench.out)"
kill -INT "$server"
wait_gone "$server"

finish
