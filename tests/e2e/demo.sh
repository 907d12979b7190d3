#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The demo's real programs: nginx with two workers and curl, redis-server and redis-cli over TCP and over a unix socket. The map's edges
# are what the demo did, the connections belong to nginx's workers, and nothing is left running.
. "$(dirname "$0")/lib.sh"

{ read -r web && read -r store && read -r nobody; } < <(free_port 3)
edges() {
    "$sockatlas" map --format json "$1" | jq -r -f "$top/tests/e2e/edges.jq"
}

TMPDIR=$work "$sockatlas" run -d trace "$top/samples/demo.sh" traffic "$web" "$store" "$nobody" >out 2>err
case_is "the demo's exit status" 0 $?
case_is "three lines sum it up" 3 "$(wc -l <err)"
case_has "the first has the counts" \
    '^sockatlas: 12 processes, [0-9]+ sockets, 9 connections, 1 failed, no blind spots$' "$(cat err)"
case_has "the second says where it is" "^sockatlas: the trace is in $(pwd -P)/trace \([0-9]+ KiB\)$" "$(cat err)"
case_has "the third says what to type next" '^sockatlas: next: sockatlas map trace; what failed: sockatlas list --failed trace$' "$(cat err)"
case_is "the map's edges" "curl > external tcp 127.0.0.1:$nobody external 0 0 1
curl > nginx tcp 127.0.0.1:$web exact 4 0 0
nginx > nginx unix null:null pair 2 0 0
redis-cli > redis-server tcp 127.0.0.1:$store exact 2 0 0
redis-cli > redis-server unix redis.sock:null path 1 0 0" "$(edges trace | sed 's/ unix :null/ unix null:null/')"
master=$("$sockatlas" map --format json trace | jq -r '[.nodes[] | select(.comm == "nginx")] as $all | $all[] | select([.pid] | inside([$all[].ppid])) | .pid')
case_is "curl's connections are the workers'" "$master" "$("$sockatlas" map --format json trace | jq -r '
    . as $map | [.edges[] | select(.transport == "tcp") | .to as $to | $map.nodes[] | select(.id == $to and .comm == "nginx") | .ppid] | unique[]')"
case_is "the workers share the master's listener" "4" "$("$sockatlas" map --format json trace | jq ".listeners[] | select(.port == $web) | .accepted")"
case_is "nothing is left in the temporary folder" "" "$(echo sockatlas-demo* | sed 's/sockatlas-demo\*//')"
case_is "every log is trimmed" "" "$(find trace -name '*.atlas' -size +1024k)"

# By hand, without `run`: the shim preloaded into a server and a client.
mkdir page && echo hello >page/index.html
cat >nginx.conf <<NGINX
worker_processes 1;
daemon off;
pid $work/nginx.pid;
events { worker_connections 16; }
http {
    access_log off;
    client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
    server { listen 127.0.0.1:$web; location / { return 200 "hello\n"; } }
}
NGINX
chmod 711 .
start env LD_PRELOAD="$shim" SOCKATLAS_DIR="$work/hand" nginx -e "$work/nginx.log" -c "$work/nginx.conf"
server=$!
wait_port "$web"
case_is "curl by hand gets its page" hello "$(LD_PRELOAD=$shim SOCKATLAS_DIR=$work/hand curl -s "http://127.0.0.1:$web/")"
case_has "the live trace has the connection" "^curl > nginx tcp 127.0.0.1:$web exact 1 " "$(edges hand)"

# Killed in the middle of traffic: what was accepted before is on the map.
for _ in 1 2 3; do LD_PRELOAD=$shim SOCKATLAS_DIR=$work/hand curl -s "http://127.0.0.1:$web/" >/dev/null; done
worker=$(cat "/proc/$server/task/$server/children")
# shellcheck disable=SC2086
kill -KILL "$server" $worker
wait_gone "$server"
case_has "after SIGKILL every accepted connection is on the map" "^curl > nginx tcp 127.0.0.1:$web exact 4 " "$(edges hand 2>complaints)"
case_is "after SIGKILL no file is refused" "" "$(cat complaints)"

# A child that outlives the command goes on recording into a log that is not cut under it.
mkfifo ready go
cat >outlive <<SH
"$targets/late" ready go & echo \$! >late.pid
read -r _ <ready
SH
"$sockatlas" run -d late sh outlive 2>err
adopt "$(cat late.pid)"
case_has "a process that goes on is told of" "; 1 process goes on recording" "$(cat err)"
echo now >go
wait_gone "$(cat late.pid)"
case_is "what it does later is in the trace" '["socket","bind","close","exit"]' \
    "$("$sockatlas" events --json late | jq -s -c '[.[] | select(.event | IN("socket", "bind", "close", "exit")) | .event]')"

finish
