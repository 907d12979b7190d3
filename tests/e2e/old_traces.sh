#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Traces of every released format version go on reading, to the letter: tests/traces/vN/ are logs as that version wrote them (a server
# killed with connections open, what `run` said of it), vN-kinds/ has one record of every kind, vN-ring/ is a ring that was written
# full; beside them stands what they tell.
# A file of a newer version is refused in one sentence that names both.
. "$(dirname "$0")/lib.sh"

cd "$top/tests/traces" || exit 1
export TZ=UTC # a time stands in what is overwritten
for version in v[0-9]*/; do
    version=${version%/}
    for command in list map events; do
        case $command in
        map) set -- map --format json ;;
        *) set -- "$command" --json ;;
        esac
        [ -e "$version.$command.json" ] || continue
        timeout 20 "$sockatlas" "$@" "$version" >"$work/out" 2>"$work/err"
        case_is "$version: $command: status" 0 $?
        case_is "$version: $command: nothing on stderr" "" "$(cat "$work/err")"
        case_ok "$version: $command: as it was" diff -u "$version.$command.json" "$work/out"
    done
done

cd "$work" || exit 1
# What was added to a version's header is unknown in older files and exports, and comes back from exports of new ones.
"$sockatlas" export --format jsonl "$top/tests/traces/v1" >old.jsonl
case_is "a file without the range of ports" "[null,null]" "$(jq -c 'select(.event == "image" and .writer == "shim") | [.port_low, .port_high]' old.jsonl | head -1)"
sed 's/"port_low":null,"port_high":null,//' old.jsonl >older.jsonl # jq would round large numbers
case_ok "an export without it" cmp <("$sockatlas" export --format jsonl old.jsonl) <("$sockatlas" export --format jsonl older.jsonl)
trace new "$targets/tcp_both_ends"
"$sockatlas" export --format jsonl new >new.jsonl
case_is "a new file has it" "[$(tr -s '[:blank:]' , </proc/sys/net/ipv4/ip_local_port_range)]" "$(jq -c 'select(.event == "image" and .writer == "shim") | [.port_low, .port_high]' new.jsonl | head -1)"
case_ok "an export keeps it" cmp new.jsonl <("$sockatlas" export --format jsonl new.jsonl)
cp "$top/tests/traces/v1/run.atlas" newer.atlas
printf '\x09' | dd of=newer.atlas bs=1 seek=8 conv=notrunc status=none
timeout 20 "$sockatlas" list newer.atlas >out 2>err
case_is "a newer version: status" 1 $?
case_is "a newer version: one sentence that names both" \
    "newer.atlas: trace version 9 is newer than version 2, the newest this sockatlas reads" "$(cat err)"
"$sockatlas" export --format jsonl "$top/tests/traces/v1/run.atlas" | sed 's/"version":2,/"version":9,/' >newer.jsonl
timeout 20 "$sockatlas" list newer.jsonl >out 2>err
case_is "a newer version in an export: status" 1 $?
case_has "a newer version in an export: one sentence that names both" \
    "^newer.jsonl: trace version 9 is newer than version 2, the newest this sockatlas reads, at line 1" "$(cat err)"
finish
