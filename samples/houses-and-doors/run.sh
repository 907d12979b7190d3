#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/houses-and-doors/run.sh: two node processes with an Express server each, whose `pg` pools talk to one PostgreSQL; curl asks
# them. What is traced is `run.sh traffic PORT PORT DATABASE-PORT`. `run.sh fetch` only gets what is missing: the npm packages go to
# build/samples/npm.
. "$(dirname "$0")/../lib.sh"
npm=build/samples/npm/$name

if [ "${1:-}" != traffic ]; then
    sample_ready
    if [ ! -d "$npm/node_modules/express" ] || [ ! -d "$npm/node_modules/pg" ]; then
        mkdir -p "$npm" && cp "samples/$name/package.json" "$npm/" || exit 1
        npm install --prefix "$npm" --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error >&2 || exit 1
    fi
    [ "${1:-}" != fetch ] || exit 0
    user=postgres
    sample_run "$(free_port)" "$(free_port)" "$(free_port)" || exit
    shown sockatlas map "$trace"
    shown sockatlas map --by program "$trace"
    shown sockatlas list --comm postgres --role server "$trace"
    exit
fi

sample_house
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
