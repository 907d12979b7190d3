#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs that make their system calls without libc: Go's own HTTP server and client (web.go; statically linked, and with C in it),
# nats-server, etcd with etcdctl, busybox's web server and client. What they say is the same, and while they run the map shows what ss shows.
. "$(dirname "$0")/kernel.sh"

if [ ! -x "$top/build/sockatlas-patch" ]; then
    case_skip "Go programs are followed" "not written for this processor"
    finish
fi
need go nats-server etcd etcdctl curl
export SOCKATLAS_PATCH=$top/build/sockatlas-patch ETCDCTL_API=3
cache=$top/build/go
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$work/go
for cgo in 0 1; do
    CGO_ENABLED=$cgo GO111MODULE=off GOFLAGS='' GOCACHE=$cache go build -o "$work/web$cgo" "$top/tests/programs/web.go" || exit 1
done

# Who executes a static program has it followed, so that is a traced shell.
by_shell() {
    exec sh -c 'exec "$@"' sh "$@"
}

by_patch() { # WHAT COMM...: the map says of each, and of none of them anything else
    local what=$1
    shift
    case_is "$what: followed by redirecting its calls" "" \
        "$(jq -r '.nodes[] | select(.via != "patch") | .comm' "$work/map.json" | sort -u | grep -xF "$(printf '%s\n' "$@")")"
}

# ---- an HTTP server and its client ----

ask() { # KIND
    by_shell "$1" serve >address &
    server=$!
    started+=($server)
    wait_true test -s address || return
    (by_shell "$1" get "$(cat address)" 50 20 close) && (by_shell "$1" get "$(cat address)" 300 5 keep) && (by_shell "$1" get "$(cat address)" 1000 1 close)
    kill "$server"
    wait "$server"
    echo "status $?"
}
for kind in "web0 static" "web1 with C in it"; do
    program=$work/${kind%% *} what="HTTP, ${kind#* }"
    program_same "$what" ask "$program"
    edge "$what: a connection a request" "${kind%% *}" "${kind%% *}" tcp 2000
    by_patch "$what" "${kind%% *}"
    case_is "$what: each end has its other end" "[]" \
        "$(jq -c '[.edges[] | select(.to == null or .from == null) | .connections]' "$work/map.json")"
done

# Both at once, one the other's client.
for pair in "web0 web1" "web1 web0"; do
    read -r one other <<<"$pair"
    trace=$work/trace-of-$one
    rm -f address
    (traced sh -c 'exec "$@"' sh "$work/$one" serve) >address &
    started+=($!)
    wait_true test -s address || fail "$one serves" "it says no address"
    mkfifo "$one.input"
    (traced sh -c 'exec "$@"' sh "$work/$other" hold "$(cat address)" 200) >held <"$one.input" &
    started+=($!)
    exec {input}<>"$one.input"
    wait_true grep -q held held || fail "$other holds" "$(cat held)"
    as_ss "$other to $one" 401 400
    exec {input}>&-
done

# ---- nats-server ----

# Clients by hand: SUB, PUB and what comes of it. Two servers, one connected to the other.
cat >nats.py <<'END'
import socket, sys
port = int(sys.argv[1])
def client():
    one = socket.create_connection(("127.0.0.1", port))
    lines = one.makefile("rwb")
    assert lines.readline().startswith(b"INFO ")
    lines.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
    lines.flush()
    assert lines.readline() == b"PONG\r\n"
    return one, lines
many = [client() for _ in range(40)]
for _, lines in many[:20]:
    lines.write(b"SUB news 1\r\nPING\r\n")
    lines.flush()
    assert lines.readline() == b"PONG\r\n"
many[30][1].write(b"PUB news 5\r\nhello\r\n")
many[30][1].flush()
print(sum(lines.readline() == b"MSG news 1 5\r\n" and lines.readline() == b"hello\r\n" for _, lines in many[:20]))
if len(sys.argv) > 2:
    print("held", flush=True)
    sys.stdin.read()
END
nats() { # PORT HTTP: and its cluster, of which the second is
    local routes
    check_port
    routes=$port
    background nats-server -a 127.0.0.1 -p "$1" -m "$2" --cluster "nats://127.0.0.1:$routes" -l "$PWD/first.log"
    until_open "$1" && until_open "$2" && until_open "$routes"
}
messages() {
    local first http
    check_port && first=$port && check_port && http=$port
    nats "$first" "$http" || return
    server=${started[0]}
    python3 "$work/nats.py" "$first" || return
    curl -s "http://127.0.0.1:$http/varz" | jq -c '[.total_connections, .in_msgs, .out_msgs, .in_bytes, .out_bytes]'
    kill -INT "$server"
    wait "$server"
    echo "status $?"
}
program_same "nats-server" messages
edge "nats-server: its clients" 'python.*' nats-server tcp 40
by_patch nats-server nats-server

trace=$work/trace-nats run=$work/natsrun && touch "$run.sed"
check_port && first=$port && check_port && routes=$port && check_port && second=$port
(traced nats-server -a 127.0.0.1 -p "$first" --cluster_name c --cluster "nats://127.0.0.1:$routes" -l first.log) &
started+=($!)
until_open "$routes"
(traced nats-server -a 127.0.0.1 -p "$second" --cluster_name c --cluster "nats://127.0.0.1:-1" --routes "nats://127.0.0.1:$routes" -l second.log) &
started+=($!)
until_open "$second" && wait_true grep -q 'Route connection created' second.log
mkfifo nats.input
(traced python3 "$work/nats.py" "$second" hold) >held <nats.input &
started+=($!)
exec {input}<>nats.input
wait_true grep -q held held || fail "clients are held" "$(cat held)"
as_ss "nats-server and another" 86 82
exec {input}>&-

# Attached to while it runs, only its C is seen, and that is said.
check_port && first=$port
nats-server -a 127.0.0.1 -p "$first" -l third.log &
attached=$!
started+=("$attached")
until_open "$first"
if "$sockatlas" attach -d "$work/attached" "$attached" 2>attach.said; then
    case_has "nats-server that is attached to: the map says what is not seen" "only what goes through the C library is seen" \
        "$("$sockatlas" map "$work/attached")"
else
    case_skip "nats-server that is attached to: the map says what is not seen" "$(cat attach.said)"
fi

# ---- etcd ----

etcd_at() { # CLIENTS PEERS FOLDER: the command
    echo etcd --name one --data-dir "$3" --listen-client-urls "http://127.0.0.1:$1" --advertise-client-urls "http://127.0.0.1:$1" \
        --listen-peer-urls "http://127.0.0.1:$2" --initial-advertise-peer-urls "http://127.0.0.1:$2" --initial-cluster "one=http://127.0.0.1:$2"
}
ready() {
    [ "$(curl -s "http://127.0.0.1:$1/health" | jq -r .health)" = true ]
}
keys() {
    local clients peers
    check_port && clients=$port && check_port && peers=$port
    # shellcheck disable=SC2046 # words
    background $(etcd_at "$clients" "$peers" "$PWD/data") 2>etcd.log
    server=${started[0]}
    until_open "$clients" && wait_true ready "$clients" || return
    export ETCDCTL_ENDPOINTS=127.0.0.1:$clients
    for i in 1 2 3 4 5; do etcdctl put "key$i" "value$i" || return; done
    etcdctl get --prefix key
    etcdctl txn <<<$'value("key1") = "value1"\n\nput key1 other\n\nput key1 none\n'
    etcdctl get key1 --print-value-only
    etcdctl del --prefix key
    : >watched
    etcdctl watch done -- sh -c 'echo watched' >watched &
    watcher=$!
    started+=($watcher)
    while ! grep -q watched watched; do etcdctl put done yes >>puts; done
    kill "$watcher"
    wait "$watcher"
    echo "status $?"
    etcdctl --endpoints "127.0.0.1:$peers" --dial-timeout 1s --command-timeout 1s get key1 >refused 2>&1
    echo "status $?"
    kill "$server"
    wait "$server"
    echo "status $?"
}
program_same "etcd and etcdctl" keys
edge "etcd: its clients" etcdctl etcd tcp 9
by_patch etcd etcd etcdctl

trace=$work/trace-etcd
check_port && clients=$port && check_port && peers=$port
# shellcheck disable=SC2046
(traced $(etcd_at "$clients" "$peers" "$work/etcd.data") 2>etcd.log) &
started+=($!)
until_open "$clients" && wait_true ready "$clients"
for i in 1 2 3; do
    (traced etcdctl --endpoints "127.0.0.1:$clients" watch "key$i") >"watch$i" &
    started+=($!)
done
put() {
    etcdctl --endpoints "127.0.0.1:$clients" put "key$1" yes >/dev/null && grep -q yes "watch$1"
}
for i in 1 2 3; do wait_true put $i || fail "etcdctl watches" "$(cat "watch$i")"; done
as_ss "etcd and three watchers" 10 8

# ---- busybox ----

if readelf -lW /bin/busybox 2>/dev/null | grep -q INTERP || [ ! -e /bin/busybox ]; then
    case_skip "busybox's httpd and wget" "/bin/busybox is not static"
    finish
fi
pages() {
    check_port
    mkdir pages && head -c 300000 /dev/zero | tr '\0' x >pages/file
    background by_shell /bin/busybox httpd -f -p "127.0.0.1:$port" -h pages
    until_open "$port" || return
    for _ in 1 2 3; do (by_shell /bin/busybox wget -q -O - "http://127.0.0.1:$port/file") | md5sum; done
    (by_shell /bin/busybox wget -q -O - "http://127.0.0.1:$port/none")
    echo "status $?"
}
program_same "busybox's httpd and wget" pages
edge "busybox: wget to httpd" busybox busybox tcp 4
by_patch busybox busybox
finish
