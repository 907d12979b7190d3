#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nginx, a master with two workers (of another user, where root starts it): wrk and curl against it, over TCP and through a proxy to
# a unix socket; then every signal its manual has: reload, reopen, binary upgrade, quit.
. "$(dirname "$0")/lib.sh"
need nginx wrk curl

configure() { # PORT
    local user=
    [ -z "$root" ] || user='user www-data;'
    mkdir -p logs html temp
    echo "atlas" >html/index.html
    head -c 300000 /dev/zero | tr '\0' 'x' >html/big
    cat >nginx.conf <<END
$user
worker_processes 2;
pid $PWD/nginx.pid;
error_log $PWD/logs/error.log notice;
worker_shutdown_timeout 5s;
events { worker_connections 256; }
http {
    access_log $PWD/logs/access.log;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    sendfile on;
    keepalive_requests 100;
    upstream behind { server unix:$PWD/behind.sock; keepalive 4; }
    server {
        listen 127.0.0.1:$1 reuseport;
        listen unix:$PWD/front.sock;
        root html;
        location /behind/ { proxy_pass http://behind/; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /status { return 200 "here\n"; }
    }
    server {
        listen unix:$PWD/behind.sock;
        root html;
        location / { return 200 "from behind\n"; }
    }
}
END
}

serve() {
    check_port
    configure "$port"
    # Started by its full name: so it finds itself for an upgrade.
    "$(command -v nginx)" -p "$PWD/" -c "$PWD/nginx.conf" -e "$PWD/logs/error.log" || return
    wait_true test -s nginx.pid && until_open "$port" || return
    started+=("$(cat nginx.pid)")
}

stop_serving() {
    stop "$(cat nginx.pid)" QUIT
}

get() { # PATH
    curl -sS --noproxy '*' "http://127.0.0.1:$port$1"
}

fetch() {
    serve || return
    get / && get /behind/ && get /nothing | grep -c '404' && get /big | wc -c || return
    curl -sS --unix-socket "$PWD/front.sock" http://localhost/status
    # Keep-alive: one connection, four answers. Without: four connections.
    curl -sS --noproxy '*' -w '%{num_connects}\n' "http://127.0.0.1:$port/[1-4]" -o /dev/null
    for _ in 1 2 3 4; do get /status; done
    curl -sS --noproxy '*' -d 'a=b' -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$port/"
    curl -sS --noproxy '*' "http://127.0.0.1:1/" 2>&1 | tail -1 | sed -E 's/after [0-9]+ ms/after N ms/'
    # In parallel, as many connections as answers.
    curl -sS --noproxy '*' -Z --parallel-immediate --parallel-max 20 --no-progress-meter -w '%{http_code} %{size_download}\n' \
        "http://127.0.0.1:$port/{,big,status,behind/,none}?[1-20]" -o /dev/null | sort | uniq -c
    stop_serving && grep -Eo '\[(alert|crit|emerg|error)\].*' logs/error.log | sed -E 's/[0-9]+#[0-9]+: (\*[0-9]+ )?//' | sort
    wc -l <logs/access.log
}
program_same "curl to nginx" fetch
edge "curl to nginx: TCP" curl nginx tcp 25
edge "curl to nginx: the unix socket" curl nginx unix 1
edge "curl to nginx: nginx to what is behind" nginx nginx unix 1

# What wrk tells, without figures that are the machine's.
pressure() {
    serve || return
    for how in 'keep-alive /' 'close /' 'keep-alive /big' 'close /behind/'; do
        wrk -t 2 -c 16 -d 1s -H "Connection: ${how% *}" "http://127.0.0.1:$port${how#* }" >wrk.out || return
        grep -E 'Socket errors|Non-2xx' wrk.out
        awk '/requests in/ { print ($1 > 50) ? "requests answered" : "too few: " $0 }' wrk.out
    done
    stop_serving && grep -E '\[(alert|crit|emerg)\]' logs/error.log
    return 0
}
program_same "wrk to nginx" pressure
edge "wrk to nginx: TCP" wrk nginx tcp 100

workers() { # PID: its workers, who are not on their way out
    untraced ps -o pid=,args= --ppid "$1" | awk '/worker process/ && !/shutting down/ { print $1 }' | sort
}

workers_are() { # PID COUNT [NOT THESE]
    local now
    now=$(workers "$1")
    [ "$(wc -w <<<"$now")" -eq "$2" ] && [ "$now" != "${3:-none}" ]
}

signals() {
    serve || return
    local master before
    master=$(cat nginx.pid)
    wait_true workers_are "$master" 2 || return
    before=$(workers "$master")
    [ -z "$root" ] || untraced ps -o user= -p "$(head -1 <<<"$before")"

    # A slow answer goes on through a reload.
    curl -sS --noproxy '*' --limit-rate 200000 "http://127.0.0.1:$port/big" | wc -c >slow.out &
    local slow=$!
    started+=("$slow")
    sed -i 's/here/reloaded/' nginx.conf
    kill -HUP "$master" && wait_true workers_are "$master" 2 "$before" && get /status || return

    mv logs/access.log logs/access.old
    kill -USR1 "$master" && wait_true test -e logs/access.log && get /status || return
    wait_true grep -q status logs/access.log && echo "reopened"

    # The new binary takes over the listening sockets by their numbers.
    sed -i 's/reloaded/upgraded/' nginx.conf
    kill -USR2 "$master" && wait_true test -s nginx.pid.oldbin && wait_true test -s nginx.pid || return
    local next
    next=$(cat nginx.pid)
    started+=("$next")
    wait_true workers_are "$next" 2 && kill -WINCH "$master" && wait_true workers_are "$master" 0 || return
    get /status && get /behind/
    stop "$master" QUIT && get /status || return
    # The kernel holds the last of it for a client slower than its server, which may be gone by then.
    wait "$slow"
    cat slow.out
    stop "$next" QUIT && echo "gone"
    grep -Eo '\[(alert|crit|emerg)\].*' logs/error.log
    grep -Eo '(signal [0-9]+ \(SIG[A-Z0-9]+\) received|exited with code [0-9]+|changing binary|reopening logs|reconfiguring)' \
        logs/error.log | sort | uniq -c | sed 's/signal 17.*/SIGCHLD/'
}
# How many SIGCHLD tell of how many ends is the kernel's choice, and who passes a signal on, chance.
normalise() {
    grep -vE 'SIGCHLD|SIGIO'
}
program_same "nginx's signals" signals
edge "nginx's signals: curl to nginx" curl nginx tcp 4
finish
