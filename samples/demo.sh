#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/demo.sh: a real nginx with two workers and curl, a real redis-server and redis-cli over TCP and over its unix socket, all
# under one `sockatlas run`, then the map of it, and what failed. Ports are free ones of 127.0.0.1; all files but the trace are in a
# temporary folder. The trace stays in ./sockatlas.data, or where SAMPLE_TRACE says.
#
# samples/demo.sh traffic WEB STORE NOBODY: only the servers and their clients (what is traced), on these ports; nothing listens on
# NOBODY. Whatever it starts, it stops.
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" != traffic ]; then
    trace=${SAMPLE_TRACE:-}
    # shellcheck disable=SC2046
    shown sockatlas run ${trace:+-d "$trace"} -- samples/demo.sh traffic $(free_port 3) 2>&1 || exit
    shown sockatlas map ${trace:+"$trace"}
    shown sockatlas list --failed ${trace:+"$trace"}
    exit
fi

web=$2 store=$3 nobody=$4
sample_begin
cat >"$work/nginx.conf" <<NGINX
worker_processes 2;
daemon off;
pid $work/nginx.pid;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    server {
        listen 127.0.0.1:$web;
        location / { return 200 "hello from nginx\n"; }
    }
}
NGINX
start nginx -e "$work/nginx.log" -c "$work/nginx.conf"

# Debian's redis-tools holds the server too, under another name.
redis=$(command -v redis-server) || { redis=$work/redis-server && ln -s "$(command -v redis-check-rdb)" "$redis"; }
start "$redis" --bind 127.0.0.1 --port "$store" --unixsocket "$work/redis.sock" --save '' --dir "$work" --logfile "$work/redis.log"

# Both are waited for without connecting, so that the map shows no attempts of ours.
until_true test -s "$work/nginx.pid"
until_true grep -q 'Ready to accept connections' "$work/redis.log"

for _ in 1 2 3; do
    curl -sS "http://127.0.0.1:$web/" >/dev/null
done
curl -sS "http://127.0.0.1:$web/once" "http://127.0.0.1:$web/again" >/dev/null
redis-cli -h 127.0.0.1 -p "$store" set door open >/dev/null
redis-cli -h 127.0.0.1 -p "$store" get door >/dev/null
redis-cli -s "$work/redis.sock" incr visits >/dev/null
curl -s "http://127.0.0.1:$nobody/" # nothing listens there: a failed connection belongs on the map too
exit 0
