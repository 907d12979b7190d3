#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/houses-and-doors/run.sh: two node processes with an Express server each, whose `pg` pools talk to one PostgreSQL; curl asks
# them. What is traced is `run.sh traffic PORT PORT DATABASE-PORT`. `run.sh fetch [FOLDER [SECONDS]]` only gets what is missing, the npm
# packages of package-lock.json into FOLDER (build/samples/npm/houses-and-doors) within SECONDS (120); what an earlier run got is
# used again.
. "$(dirname "$0")/../lib.sh"
npm=build/samples/npm/$name

# fetch FOLDER SECONDS: the folder appears when it is complete.
fetch() {
    local status
    cmp -s "samples/$name/package-lock.json" "$1/package-lock.json" && return
    rm -rf "$1.new"
    mkdir -p "$1.new" && cp "samples/$name/package.json" "samples/$name/package-lock.json" "$1.new/" || return
    timeout --foreground -k 5 "$2" npm ci --prefix "$1.new" --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error \
        --fetch-timeout=30000 --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 >"$1.log" 2>&1 </dev/null
    status=$?
    if [ $status -ne 0 ]; then
        case $status in 124 | 137) echo "code: not within $2 s" >>"$1.log" ;; esac
        say "npm did not get express and pg ($(sed -nE 's/.*code:? (.*)/\1/p' "$1.log" | tail -1)); what it said is in $1.log"
        rm -rf "$1.new"
        return 1
    fi
    rm -rf "$1" && mv "$1.new" "$1"
}

if [ "${1:-}" != traffic ]; then
    sample_ready
    if [ "${1:-}" = fetch ]; then
        fetch "${2:-$npm}" "${3:-120}"
        exit
    fi
    fetch "$npm" 120 || exit
    user=postgres
    # shellcheck disable=SC2046
    sample_run $(free_port 3) || exit
    shown sockatlas map "$trace"
    shown sockatlas map --by program "$trace"
    shown sockatlas list --comm postgres --role server "$trace"
    exit
fi

sample_begin
database=$4
postgres_start "$database"
for port in "$2" "$3"; do
    start env NODE_PATH="$npm/node_modules" node "samples/$name/server.js" "$port" "$database" >"$work/node.$port"
    until_true grep -q ready "$work/node.$port"
done
for port in "$2" "$2" "$3"; do
    curl -sS --noproxy '*' "http://127.0.0.1:$port/" || exit 1
done
for node in "${started[@]:1}"; do
    stop "$node"
done
postgres_stop
