#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `attach` to PHP-FPM under load, whose modules are loaded with RTLD_DEEPBIND: connections that PHP itself and its module `sockets` make are
# recorded, each once, and every request is answered as without.
. "$(dirname "$0")/lib.sh"

NEW=25
fpm=$(compgen -G '/usr/sbin/php-fpm*' | head -n 1)
if [ -z "$fpm" ] || ! command -v cgi-fcgi >/dev/null; then
    case_skip "php-fpm" "no php-fpm or no cgi-fcgi here"
    finish
fi
chmod 711 "$work"
port=$(free_port)
cat >server.py <<'P'
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    connection.send(connection.recv(1))
    connection.close()
P
cat >page.php <<'P'
<?php
$port = (int)$_SERVER["PORT"];
if ($_SERVER["WAY"] == "module") {
    $socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    $good = socket_connect($socket, "127.0.0.1", $port) && socket_write($socket, "x") == 1 && socket_read($socket, 1) == "x";
    socket_close($socket);
} else {
    $socket = stream_socket_client("tcp://127.0.0.1:$port");
    $good = fwrite($socket, "x") == 1 && fread($socket, 1) == "x";
    fclose($socket);
}
echo $good ? "good" : "bad";
P
chmod 644 page.php
user=
[ "$(id -u)" -ne 0 ] || user=$'user = nobody\ngroup = nogroup'
printf '[global]\nerror_log = %s/fpm.log\ndaemonize = no\n[www]\n%s\nlisten = %s/fpm\nlisten.mode = 0666\npm = static\npm.max_children = 3\n' "$work" "$user" "$work" >fpm.conf
start python3 server.py "$port" 2>server.err
wait_port "$port"
start "$fpm" -y fpm.conf 2>fpm.err
master=$!
ask() { # WAY
    WAY=$1 PORT=$port SCRIPT_FILENAME=$work/page.php REQUEST_METHOD=GET cgi-fcgi -bind -connect "$work/fpm" 2>&1 | tail -n 1 | tr -d '\r'
}
answers() { [ "$(ask core)" = good ]; }
case_ok "it answers" wait_true answers

several() { # WAY
    local i
    for ((i = 0; i < NEW; i++)); do
        ask "$1" && echo
    done | sort | uniq -c | tr -s ' '
}
begun() { [ -s begun ]; }
(
    while [ ! -e stop ]; do
        ask core && echo && echo >>begun
        ask module && echo
    done | sort -u >load.said
) &
load=$!
case_ok "a load on it" wait_true begun
options=(--children)
[ "$(id -u)" -ne 0 ] || options+=(--across-users)
said=$("$sockatlas" attach "${options[@]}" -d trace "$master" 2>&1)
case_is "attach: status" "0 4" "$? $(grep -c ': recorded into ' <<<"$said")"
case_is "PHP's own connections are made as without" " $NEW good" "$(several core)"
case_is "its module's connections too" " $NEW good" "$(several module)"
touch stop
wait "$load"
case_is "the load noticed nothing" good "$(cat load.said)"
count() { "$sockatlas" list --json trace 2>/dev/null | jq -s --argjson port "$port" '[.[] | select(.role == "client" and .peer_port == $port and .end == "closed" and .bytes_sent == 1 and .bytes_received == 1)] | length'; }
before=$(count)
for way in core module; do
    several "$way" >/dev/null
    after=$(count)
    case_is "each connection of $way is recorded, once, with its bytes" "$NEW" "$((after - before))"
    before=$after
done
case_is "nothing failed" 0 "$("$sockatlas" list --json trace 2>/dev/null | jq -s '[.[] | select(.outcome == "failed" or .outcome == "unanswered")] | length')"
case_ok "detach" "$sockatlas" detach --children "$master"
case_is "it goes on" " $NEW good" "$(several module)"
case_is "... unrecorded" "$before" "$(count)"
kill -QUIT "$master"
wait "$master"
case_is "it ends as without" 0 $?
finish
