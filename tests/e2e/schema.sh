#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every JSON output, of traces of real runs, is what analyzer/schema/ says, by the jsonschema validator; and what a schema must not let
# through, it does not.
. "$(dirname "$0")/lib.sh"

schema() { # NAME FILE... | check
    /usr/bin/python3 -W ignore "$top/tests/e2e/schema.py" "$@"
}
refuses() { # NAME FILE
    ! schema "$@" >/dev/null
}

case_ok "the schemas are sound, and name all that fields.def names" schema check

trace tcp "$targets/tcp_both_ends"
trace failed sh -c "'$targets/connect_refused'; '$targets/connect_async_refused'; '$targets/options'"
trace unix sh -c "'$targets/unix_stream'; '$targets/socketpair'; '$targets/unix_abstract'"
trace children sh -c "'$targets/exec_clean'; '$targets/fork_listener'; '$targets/killed_server'; '$targets/static_exit' 0"
SOCKATLAS_IO=1 trace all "$targets/entry_points"
for dir in tcp failed unix children all; do
    "$sockatlas" list --json "$dir" >"$dir.list.jsonl"
    "$sockatlas" map --format json "$dir" >"$dir.map.json"
    "$sockatlas" events --json "$dir" >"$dir.events.jsonl"
    "$sockatlas" export --format jsonl "$dir" >"$dir.export.jsonl"
    "$sockatlas" tuned --json "$dir" >"$dir.tuned.jsonl"
    "$sockatlas" summary --json "$dir" >"$dir.summary.jsonl"
    case_ok "$dir: summary --json" schema summary "$dir.summary.jsonl"
    "$sockatlas" show --json 1 "$dir" >"$dir.show.json"
    case_ok "$dir: show --json" schema show "$dir.show.json"
    case_ok "$dir: list --json" schema list "$dir.list.jsonl"
    case_ok "$dir: map --format json" schema map "$dir.map.json"
    "$sockatlas" map --format json --by unit "$dir" >"$dir.unit.json"
    case_ok "$dir: map --format json --by unit" schema map "$dir.unit.json"
    case_ok "$dir: events --json" schema events "$dir.events.jsonl"
    case_ok "$dir: export --format jsonl" schema export "$dir.export.jsonl"
done
case_ok "tuned --json" schema tuned failed.tuned.jsonl
case_ok "all: tuned --json" schema tuned all.tuned.jsonl
trace mistakes sh -c "'$top/build/doctor/clamped_buffer'; '$top/build/doctor/linger_reset'; '$top/build/doctor/accept_limit'"
"$sockatlas" doctor --format json mistakes >doctor.jsonl
case_ok "doctor --format json" schema doctor doctor.jsonl
"$sockatlas" diff --json tcp failed >diff.jsonl
case_ok "diff --json" schema diff diff.jsonl

# Unknown is null and no member may be missing or new.
jq -c 'del(.tcp)' tcp.list.jsonl >missing.jsonl
case_ok "a missing member is refused" refuses list missing.jsonl
jq -c '.extra = 1' tcp.list.jsonl >extra.jsonl
case_ok "another member is refused" refuses list extra.jsonl
jq '.edges[0].match = "guess"' tcp.map.json >word.json
case_ok "another word is refused" refuses map word.json
jq -c 'if .event == "connect" then del(.peer_port) else . end' tcp.events.jsonl >event.jsonl
case_ok "a missing member of one kind is refused" refuses events event.jsonl
jq -c 'if .event == "image" then del(.boot_id) else . end' tcp.export.jsonl >image.jsonl
case_ok "a missing member of a header is refused" refuses export image.jsonl
case_is "what was never known is null" "null" \
    "$(jq -s -c '[.[] | select(.state == "failed") | .bytes_sent, .tcp, .connected_us] | unique | .[]' failed.list.jsonl)"

finish
