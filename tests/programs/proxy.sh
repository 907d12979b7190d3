#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nginx in front of two backends, another nginx each, one over TCP and one over a unix socket, and clients whose connections stay open: the
# map is what ss shows while they run.
. "$(dirname "$0")/kernel.sh"
need nginx ps

configure() { # FOLDER, its http block on standard input
    local user=
    [ -z "$root" ] || user='user www-data;'
    mkdir -p "$1/temp"
    cat >"$1/nginx.conf" <<END
$user
daemon off; worker_processes 2; pid $work/$1/nginx.pid; error_log $work/$1/error.log;
events { worker_connections 64; }
http {
    access_log off; keepalive_timeout 600;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    $(cat)
}
END
}
workers() { # FOLDER
    [ "$(ps -o args= --ppid "$(cat "$work/$1/nginx.pid")" | grep -c 'worker process')" -eq 2 ]
}
serve() { # FOLDER PORT|PATH
    start traced nginx -p "$work/$1/" -c "$work/$1/nginx.conf" -e "$work/$1/error.log"
    wait_port "$2"
    case_ok "$1 has its workers" wait_true workers "$1"
}

{ read -r front && read -r behind; } < <(free_port 2)
configure one <<<"server { listen 127.0.0.1:$behind; location / { return 200 one; } }"
configure two <<<"server { listen unix:$work/two.sock; location / { return 200 two; } }"
configure proxy <<END
    upstream one { server 127.0.0.1:$behind; keepalive 8; }
    upstream two { server unix:$work/two.sock; keepalive 8; }
    server {
        listen 127.0.0.1:$front;
        proxy_http_version 1.1; proxy_set_header Connection "";
        location /one { proxy_pass http://one; }
        location /two { proxy_pass http://two; }
    }
END
serve one "$behind"
serve two "$work/two.sock"
serve proxy "$front"

mkfifo orders
exec 3<>orders
for number in 1 2 3; do
    start traced python3 -c '
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for path in "/one", "/two", "/one":
    connection.request("GET", path)
    print(connection.getresponse().read().decode(), flush=True)
open("orders").read()' "$front" >"answers.$number"
done
answered() {
    [ "$(paste -sd' ' "answers.$1")" = "one two one" ]
}
for number in 1 2 3; do
    case_ok "client $number is answered by both" wait_true answered "$number"
done

as_ss "nginx in front of two backends" 20 16
edge "nginx in front of two backends: the clients" python3 nginx tcp 3
edge "nginx in front of two backends: over TCP" nginx nginx tcp 1
edge "nginx in front of two backends: over the unix socket" nginx nginx unix 1
finish
