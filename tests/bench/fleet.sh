#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/bench/fleet.sh: what a fleet's rows cost in ClickHouse: exporting, sending, pairing, disk and questions, on one shard and on two, both
# on this machine. N=100000 connections of a generated fleet are sent and paired; questions are asked over QUESTIONS=10000000, which are those
# again and again, a second later each time. Part of `make bench B=fleet`.
. "$(dirname "$0")/../fleet/lib.sh"
all_forged=1
connections=${N:-100000}
asked_of=${QUESTIONS:-10000000}
command -v clickhouse-server >/dev/null || { echo "no clickhouse-server: tests/deps test" && exit 1; }
shards_start || exit 1
at_once

now() { date +%s%N; }
per() { awk -v ns="$1" -v n="$2" 'BEGIN { printf "%.2f us", ns / n / 1000 }'; }
rate() { awk -v ns="$1" -v n="$2" 'BEGIN { printf "%.0f/s", n / ns * 1e9 }'; }
line() { printf '%-46s %14s %14s\n' "$@"; }

"$top/build/ground/fleet" 52 fleet "$sockatlas" "$connections" >/dev/null
names=$(columns fleet/host0_client.atlas)
began=$(now)
for host in host0 host1; do
    "$sockatlas" export --format clickhouse -o $host.bin fleet/${host}_*.atlas
done
exported=$(($(now) - began))
halves=$("$sockatlas" export --format tsv fleet/host0_*.atlas fleet/host1_*.atlas | tail -n +2 | wc -l)
line "$connections connections, $halves halves" "one shard" "two shards"
line "export, per half" "$(per $exported "$halves")" ""
line "gzipped, per half" "$(cat host?.bin | gzip -1 | wc -c | awk -v n="$halves" '{ printf "%.0f B", $1 / n }')" ""

empty() {
    printf 'TRUNCATE TABLE %s_local;\n' halves hosts runs conversations edges done carried waiting clocks >empty.sql
    ask_file 1 empty.sql && ask_file 2 empty.sql
}

# What is asked of one shard alone reads its own tables.
of_shards() { # SHARDS FILE
    if [ "$1" = 2 ]; then cat "$2"; else sed -E 's/FROM (edges|conversations|hosts|listeners)$/FROM \1_local/' "$2"; fi
}

inserted=() paired=() disk=() edge=() grown=()
for shards in 1 2; do
    empty
    table=halves
    [ $shards = 2 ] || table=halves_local
    began=$(now)
    for host in host0 host1; do
        { echo "INSERT INTO $table ($names) FORMAT RowBinary" && cat $host.bin; } |
            curl -s --data-binary @- "http://127.0.0.1:$http1/?database=sockatlas&insert_distributed_sync=1"
    done
    inserted[shards]=$(rate $(($(now) - began)) "$halves")
    sleep 1.1
    began=$(now)
    if [ $shards = 1 ]; then
        ask_file 1 "$sql/pair.sql"
    else
        ask_file 1 "$sql/pair.sql" &
        other=$!
        ask_file 2 "$sql/pair.sql" && wait $other
    fi
    paired[shards]=$(per $(($(now) - began)) "$halves")
    for each in 1 2; do
        ask $each "OPTIMIZE TABLE halves_local FINAL"
        ask $each "OPTIMIZE TABLE conversations_local FINAL"
    done
    size="SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'sockatlas' AND table ="
    disk[shards]=$((($(ask 1 "$size 'halves_local'") + $(ask 2 "$size 'halves_local'")) / halves))
    count=$(ask 1 "SELECT count() FROM conversations")
    edge[shards]=$((($(ask 1 "$size 'conversations_local'") + $(ask 2 "$size 'conversations_local'")) / count))
    # The columns in their order, two of them changed.
    again=$(ask 1 "SELECT groupArray(name) FROM system.columns WHERE database = 'sockatlas' AND table = 'conversations_local'" |
        tr -d "[]'" | sed 's/\<half\>/half + number AS half/; s/\<first_us\>/first_us + number * 1000000/; s/\<last_us\>/last_us + number * 1000000/')
    for each in 1 2; do
        ask $each "INSERT INTO conversations_local SELECT $again FROM conversations_local
            CROSS JOIN (SELECT number + 1 AS number FROM system.numbers LIMIT $((asked_of / count - 1)))"
    done
    grown[shards]=$(ask 1 "SELECT count() FROM conversations")
    while read -r name; do
        question "$name" 0 4000000000 server 0 >whole.sql
        of_shards $shards whole.sql >asked.sql
        began=$(now)
        clickhouse-client --port "$tcp1" -d sockatlas -n <asked.sql >answer.tsv || echo "question $name failed"
        eval "took_$name[shards]='$((($(now) - began) / 1000000)) ms'"
    done < <(questions && echo map)
done
line "halves sent" "${inserted[1]}" "${inserted[2]}"
line "pairing, per half" "${paired[1]}" "${paired[2]}"
line "on disk, per half (lz4)" "${disk[1]} B" "${disk[2]} B"
line "on disk, per conversation (lz4)" "${edge[1]} B" "${edge[2]} B"
line "conversations that questions are asked over" "${grown[1]}" "${grown[2]}"
while read -r name; do
    took="took_$name"
    eval "line 'question $name' \"\${$took[1]}\" \"\${$took[2]}\""
done < <(questions && echo map)
