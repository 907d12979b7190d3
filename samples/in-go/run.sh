#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/in-go/run.sh: a client and a server written in Go, and a PostgreSQL behind them. The server is statically linked; the client has C
# in it, which looks up names. What is traced is `run.sh traffic PORT DATABASE`, ports of 127.0.0.1.
. "$(dirname "$0")/../lib.sh"

if [ "${1:-}" != traffic ]; then
    sample_ready
    for each in server client; do
        cgo=$([ $each = server ] && echo 0 || echo 1)
        CGO_ENABLED=$cgo GO111MODULE=off GOFLAGS='' GOPATH=/usr/share/gocode GOCACHE=$top/build/go \
            go build -o "build/samples/go/$each" "./samples/$name/$each" >&2 || exit
    done
    user=postgres
    # shellcheck disable=SC2046
    sample_run $(free_port 2) || exit
    shown sockatlas map "$trace"
    shown sockatlas list --comm client "$trace"
    exit
fi

sample_begin
port=$2 database=$3
postgres_start "$database"
start build/samples/go/server "$port" "$database" >"$work/server"
server=$!
until_true grep -q ready "$work/server"
GODEBUG=netdns=cgo build/samples/go/client "$port" 4 25
status=$?
stop "$server"
postgres_stop
exit $status
