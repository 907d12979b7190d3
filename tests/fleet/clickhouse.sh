#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Rows, schema, pairing and questions in ClickHouse: Debian's as two shards, and the current one. Fleets of known connections are exported
# host by host, paired by SQL, and their map laid beside what `sockatlas map` makes of all logs together.
. "$(dirname "$0")/lib.sh"

if ! command -v clickhouse-server >/dev/null; then
    case_skip "halves in ClickHouse" "there is no clickhouse-server"
    finish
fi
shards_start || { fail "two shards start" "$(cat shard?/out shard?/error.log 2>/dev/null)" && finish; }
at_once

# ---- The rows ----

"$sockatlas" run -d rows sh -c '"$1"/connect_refused; "$1"/unix_stream; "$1"/options; "$1"/fork_listener; "$1"/tcp_both_ends' sh "$targets" >/dev/null 2>&1
"$sockatlas" export --format tsv -o rows.tsv rows
"$sockatlas" export --format clickhouse -o rows.bin rows
names=$(columns rows)
case_is "all rows arrive" "" "$(send rows.bin "$names")"
ask 1 "SELECT $names FROM halves ORDER BY half FORMAT TabSeparatedWithNames" >seen.tsv
case_is "RowBinary and TSV say the same" "$(head -1 rows.tsv && tail -n +2 rows.tsv | sort -t"$(printf '\t')" -n -k1,1)" "$(head -1 seen.tsv && tail -n +2 seen.tsv | sort -t"$(printf '\t')" -n -k1,1)"
"$sockatlas" list --json rows >list.json
case_is "filters leave out rows" "0 $(awk -F'\t' '$0 ~ /ECONNREFUSED/' rows.tsv | wc -l)" \
    "$("$sockatlas" export --format tsv --comm nobody rows | tail -n +2 | wc -l) $("$sockatlas" export --format tsv --failed rows | tail -n +2 | wc -l)"
case_is "they say what \`list\` says" "" "$(python3 "$top/tests/fleet/rows.py" rows.tsv <list.json)"
send rows.bin "$names"
case_is "what is sent again is one row" "$(($(wc -l <rows.tsv) - 1))" "$(ask 1 "SELECT count() FROM halves FINAL")"
if [ -n "$chdb" ]; then
    types=$(awk '/CREATE TABLE IF NOT EXISTS halves_local/ { on = 1; next } /received DateTime/ { exit } on' "$sql/schema.sql" | sed '$s/,$//')
    current "SELECT * FROM file('$work/rows.bin', RowBinary, '$types') ORDER BY half" >now.tsv
    case_is "the current ClickHouse reads the same" "$(tail -n +2 seen.tsv)" "$(cat now.tsv)"
else
    case_skip "the current ClickHouse reads the same" "\`make deps-fleet\` was not run"
fi

# ---- Fleets ----

empty() {
    printf 'TRUNCATE TABLE %s_local;\n' halves listeners hosts runs conversations edges done carried waiting clocks >empty.sql
    ask_file 1 empty.sql && ask_file 2 empty.sql
}

fleet() { # SEED: logs, what each host exports, and the map of all
    "$top/build/ground/fleet" "$1" "fleet$1" "$sockatlas" >/dev/null
    for host in $(find "fleet$1" -name '*.atlas' -printf '%f\n' | sed 's/_.*//' | sort -u); do
        "$sockatlas" export --format clickhouse -o "fleet$1.$host.bin" "fleet$1/$host"_*.atlas
    done
    "$sockatlas" map --format json "fleet$1" >"map$1.json"
}

# Times of arrival are whole seconds.
send_fleet() {
    for file in fleet"$1".*.bin; do send "$file" "$names"; done
    sleep 1.1
}

differences() {
    edges | python3 "$top/tests/fleet/edges.py" "map$1.json"
}

empty
fleet 5
case_is "a fleet arrives" "" "$(send_fleet 5)"
# A run that is interrupted before it is complete, one, and one over nothing.
grep -v '^INSERT INTO runs_local' "$sql/pair.sql" >interrupted.sql
case_is "it is paired" "" "$(pair interrupted.sql 2>&1)$(pair 2>&1)$(pair 2>&1)"
case_is "its edges are those of \`map\`" "" "$(differences 5)"
times() { jq -c '[.edges[] | [.match, .connections, .failed, .bytes_sent, .connect_p50_us, .connect_p99_us, .rtt_p50_us]] | sort[]'; }
"$sockatlas" map --from "http://127.0.0.1:$http1/sockatlas" --format json >cluster5.json
case_is "... with their percentiles" "1 " "$(($(times <cluster5.json | wc -l) > 100)) $(diff <(times <map5.json) <(times <cluster5.json))"
case_is "what comes again counts once" "" "$(send_fleet 5 && pair 2>&1 && differences 5)"
case_is "both ends of each connection met on one shard, and shards share the work" "1 1" \
    "$(for each in 1 2; do ask $each "SELECT count() > 300 FROM conversations_local WHERE rule != ''"; done | xargs)"

# The other end comes a run later: until then each half waits.
empty
fleet 8
ask 1 "INSERT INTO options_local (name, value, made) VALUES ('wait_s', 600, now() + 1)"
ask 2 "INSERT INTO options_local (name, value, made) VALUES ('wait_s', 600, now() + 1)"
send "fleet8.host0.bin" "$names" && sleep 1.1 && pair
case_is "nobody is taken for an outsider while its other end may come" 0 "$(ask 1 "SELECT countIf(match = 'external' AND failed = 0) FROM conversations")"
rm -f fleet8.host0.bin
send_fleet 8
ask 1 "INSERT INTO options_local (name, value, made) VALUES ('wait_s', 0, now() + 2)"
ask 2 "INSERT INTO options_local (name, value, made) VALUES ('wait_s', 0, now() + 2)"
pair
case_is "a fleet that comes in two runs: its edges are those of \`map\`" "" "$(differences 8)"

if [ -n "$chdb" ]; then
    fleet 6
    current_schema >now.sql
    said=$(current "CREATE DATABASE sockatlas" "USE sockatlas" @now.sql \
        "INSERT INTO options_local (name, value) VALUES ('lag_s', 1), ('wait_s', 0)" \
        "INSERT INTO halves_local ($names) SELECT * FROM file('$work/fleet6.*.bin', RowBinary, '$types')" \
        "SELECT sleep(1.1) FORMAT Null" "@$sql/pair.sql" 2>&1)
    case_is "the current ClickHouse pairs, too" "" "$said"
    edges_question | sed 's/FROM edges/FROM edges_local/; s/FROM conversations/FROM conversations_local/' >edges.sql
    case_is "... and has the same edges" "" "$(current "USE sockatlas" @edges.sql | python3 "$top/tests/fleet/edges.py" map6.json)"
else
    case_skip "the current ClickHouse pairs, too" "\`make deps-fleet\` was not run"
fi

# ---- Questions ----

empty
python3 "$top/tests/fleet/questions.py" >asked.json
case_is "rows for questions arrive" "" "$({ echo "INSERT INTO halves ($names) FORMAT JSONEachRow" && cat asked.json; } |
    curl -s --data-binary @- "http://127.0.0.1:$http1/?database=sockatlas&insert_distributed_sync=1")"
sleep 1.1 && pair
# A day and an hour of true time, the first day's end being yesterday's.
since=1700086400 until=1700090000
while read -r name; do
    question "$name" $since $until redis 0 >asked.sql
    if [ "$name" = silent_hosts ]; then sed -i "s/heard < now() - 0/heard < now() + 5/; s/max(last) AS heard/max(last) > 0 AS told, max(last) AS heard/" asked.sql; fi
    expected=$(sed -n "/^$name:/,/^\$/p" "$top/tests/fleet/answers" | sed '1d;/^$/d')
    case_is "question $name" "$expected" "$(clickhouse-client --port "$tcp1" -d sockatlas -n <asked.sql 2>&1 | sed 's/\t[0-9-]* [0-9:]*$//')"
done < <(questions)


# ---- Retention ----

for each in 1 2; do
    for day in $(ask $each "SELECT DISTINCT partition FROM system.parts WHERE database = 'sockatlas' AND table = 'halves_local' AND active"); do
        ask $each "ALTER TABLE halves_local DROP PARTITION '$day'"
    done
done
case_is "a day of halves is dropped, and what was made of them stays" "0 1" "$(ask 1 "SELECT count() FROM halves") $(ask 1 "SELECT count() > 0 FROM conversations")"
finish
