#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `collect --to`: rows arrive, once, whatever dies on the way; `map --from` draws what arrived. Agents and a shard are killed, the shard is
# slow, the spool is damaged, too small, or on a full disk.
. "$(dirname "$0")/lib.sh"

if ! command -v clickhouse-server >/dev/null; then
    case_skip "agents ship to ClickHouse" "there is no clickhouse-server"
    finish
fi
shards_start || { fail "two shards start" "$(cat shard?/out shard?/error.log 2>/dev/null)" && finish; }
at_once
url=http://127.0.0.1:$http1/sockatlas
mkdir -m 700 data

agent() { # [OPTION...]: in the background, its pid in $agent
    "$sockatlas" collect -q --to "$url" "$@" data >>agent.out 2>&1 </dev/null &
    agent=$!
    started+=($agent)
}

ended() { # its exit status is in $status
    kill -TERM "$agent" && wait "$agent"
    status=$?
}

killed() {
    kill -KILL "$agent" && wait "$agent" 2>/dev/null
}

# So many programs that connect within themselves, and one that is refused.
work() {
    local i
    for ((i = 0; i < $1; i++)); do
        SOCKATLAS_DIR=$work/data LD_PRELOAD=$preload "$targets/tcp_both_ends" >/dev/null 2>&1
    done
    SOCKATLAS_DIR=$work/data LD_PRELOAD=$preload "$targets/connect_refused" >/dev/null 2>&1
}

all_arrived() {
    [ -z "$(comm -23 <("$sockatlas" export --format tsv data | tail -n +2 | cut -f1 | sort) \
        <(ask 1 "SELECT half FROM halves GROUP BY half" | sort))" ]
}

nothing_waits() {
    [ -z "$(find "${1:-data/sockatlas.spool}" -name '*.rows')" ]
}

# ---- Refused ----

refused() { # WHAT PATTERN [OPTION...]
    local said status what=$1 pattern=$2
    shift 2
    said=$("$sockatlas" collect -q "$@" data 2>&1)
    status=$?
    case_is "$what: one line, status 1" "1 1" "$(wc -l <<<"$said") $status"
    case_has "... that says it" "$pattern" "$said"
}

echo wrong >wrong
echo 'open sesame' >right
refused "a URL without a database" 'want http://HOST:8123/DATABASE' --to "http://127.0.0.1:$http1"
refused "a password in the URL" 'password-file' --to "http://guarded:wrong@127.0.0.1:$http1/sockatlas"
refused "another database" 'no such database' --to "http://127.0.0.1:$http1/nowhere"
refused "a database without the tables" 'no such table.*schema.sql' --to "http://127.0.0.1:$http1/default"
refused "a wrong password" 'refuses the' --to "http://guarded@127.0.0.1:$http1/sockatlas" --password-file wrong
ask 1 "INSERT INTO schema_local (version) VALUES (99)"
refused "tables of another version" 'of version 99, this sockatlas knows' --to "$url"
case_has "map --from says it, too" 'of version 99' "$("$sockatlas" map --from "$url" 2>&1)"
ask 1 "DROP TABLE schema_local" && ask_file 1 "$sql/schema.sql"
case_is "options without --to are a mistake" 2 "$("$sockatlas" collect --spool x data >/dev/null 2>&1; echo $?)"

# ---- Arriving ----

url=http://guarded@127.0.0.1:$http1/sockatlas
agent --password-file right
work 3
case_ok "rows arrive while the agent runs" wait_true all_arrived
ended
case_is "it ends when it is told to, with nothing left" "0 yes" "$status $(nothing_waits && echo yes)"
url=http://127.0.0.1:$http1/sockatlas

agent --open-every 1
work 2
killed
agent
work 2
killed
agent
case_ok "agents that are killed lose nothing" wait_true all_arrived
ended

# ---- A shard that dies, or is slow ----

kill -STOP "$shard1"
agent
work 2
sleep 0.5
kill -CONT "$shard1"
case_ok "a shard that is slow gets all" wait_true all_arrived
kill -KILL "$shard1" && wait "$shard1" 2>/dev/null
work 3
wait_true test -n "$(find data/sockatlas.spool -name '*.rows')" || true
killed
agent
work 1
shard_run 1 && shard1=$!
wait_port "$tcp1" && wait_port "$http1"
case_ok "what was recorded while a shard was dead, and the agent was killed, arrives" wait_true all_arrived
ended
case_is "... and the agent ends with nothing left" "0 yes" "$status $(nothing_waits && echo yes)"
case_has "it said what was wrong, once" '^1$' "$(grep -c 'waits in data/sockatlas.spool' agent.out)"

# ---- A spool that is damaged, too small, full ----

kill -KILL "$shard1" && wait "$shard1" 2>/dev/null
agent
work 2
spooled() { [ -n "$(find data/sockatlas.spool -name '*.rows')" ]; }
wait_true spooled
killed
truncate -s -1 "$(find data/sockatlas.spool -name '*.rows' | head -1)"
echo half >data/sockatlas.spool/.unfinished
: >agent.out
agent
shard_run 1 && shard1=$!
wait_port "$tcp1" && wait_port "$http1"
said_damage() { grep -q 'told again at the next start' agent.out; }
case_ok "a damaged file is said" wait_true said_damage
case_has "a half-written one is said" 'half written' "$(cat agent.out)"
ended
agent
case_ok "their rows are told again" wait_true all_arrived
ended

sleep 1.1
pair >pair.out 2>&1
work 1
"$sockatlas" map --format json data >map.json
agent && wait_true all_arrived
ended
sleep 1.1 && pair >>pair.out 2>&1
case_is "the cluster's edges are the folder's, each connection once" "" "$(cat pair.out)$(edges | python3 "$top/tests/fleet/edges.py" map.json)"
of_cluster=$("$sockatlas" map --from "$url" --wide --by process)
case_is "map --from draws what map draws" "$("$sockatlas" map --wide --by process data | sed '/^$/,$d' | sort)" "$(sed '/^$/,$d' <<<"$of_cluster" | sort)"
case_is "... as JSON" "sockatlas.map/1 $(jq '.edges | length' map.json)" "$("$sockatlas" map --from "$url" --format json | jq -r '"\(.schema) \(.edges | length)"')"
"$sockatlas" map --from "$url" --format html -o page.html 2>page.err || grep -q 'not in this build' page.err
case_is "... as a page" 0 $?
case_is "... of a time in which nothing was" 0 "$("$sockatlas" map --from "$url" --until @1000000000 --format json | jq '.edges | length')"
case_is "... not with other filters" 2 "$("$sockatlas" map --from "$url" --comm x >/dev/null 2>&1; echo $?)"

mkdir -m 700 other
"$sockatlas" collect -q --to "http://127.0.0.1:$(free_port)/sockatlas" --spool-size 2K --spool small data >small.out 2>&1 </dev/null &
agent=$!
started+=($agent)
dropped() { grep -q 'full: the oldest rows are dropped' small.out; }
work 2 && sleep 2.1 && work 2
case_ok "a spool that is too small drops the oldest" wait_true dropped
ended
case_has "... and counts them" '[1-9][0-9]* rows were lost' "$(cat small.out)"

finish
