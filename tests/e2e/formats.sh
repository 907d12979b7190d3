#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `export` in other programs' formats, and `list --csv`: what their readers demand, checked over traces of real runs.
. "$(dirname "$0")/lib.sh"

formats() { # FORMAT EXPORT LIST
    /usr/bin/python3 "$top/tests/e2e/formats.py" "$@"
}

trace tcp "$targets/tcp_both_ends"
trace failed sh -c "'$targets/connect_refused'; '$targets/connect_async_refused'; '$targets/options'"
trace unix sh -c "'$targets/unix_stream'; '$targets/socketpair'; '$targets/unix_abstract'"
trace all "$targets/entry_points"
for dir in tcp failed unix all; do
    "$sockatlas" list --json "$dir" >"$dir.list"
    for format in csv chrome zeek; do
        case_ok "$dir: exports as $format" "$sockatlas" export --format "$format" -o "$dir.$format" "$dir"
        case_ok "$dir: its $format is what readers of it demand" formats "$format" "$dir.$format" "$dir.list"
    done
    case_ok "$dir: list --csv is the same" cmp "$dir.csv" <("$sockatlas" list --csv "$dir")
    "$sockatlas" export --format jsonl -o "$dir.jsonl" "$dir"
    for format in csv chrome zeek; do
        case_ok "$dir: its .jsonl exports as $format alike" cmp "$dir.$format" \
            <("$sockatlas" export --format "$format" "$dir.jsonl")
    done
done

# A comma, a quote and a line feed in a name need quoting.
cat >names.py <<'PY'
import socket
s = socket.socket(socket.AF_UNIX)
s.bind('a "b",\nc')
s.listen()
PY
trace quoting /usr/bin/python3 names.py
"$sockatlas" list --json quoting >quoting.list
"$sockatlas" export --format csv -o quoting.csv quoting
case_ok "names that need quoting are quoted" formats csv quoting.csv quoting.list
case_has "names that need quoting were there" '""b""' "$(cat quoting.csv)"

mkdir -m 700 empty
case_is "no trace: only the columns" 1 "$("$sockatlas" export --format csv empty 2>/dev/null | wc -l)"
case_is "no trace: status" 1 "$("$sockatlas" export --format zeek empty >/dev/null 2>&1; echo $?)"
case_is "no such format: status" 2 "$("$sockatlas" export --format pcap tcp >/dev/null 2>&1; echo $?)"
case_is "no format: status" 2 "$("$sockatlas" export tcp >/dev/null 2>&1; echo $?)"
case_is "a full disk: status" 1 "$("$sockatlas" export --format zeek tcp 2>err >/dev/full; echo $?)"
case_has "a full disk: line" "stdout: No space left on device" "$(cat err)"
case_is "an output that cannot be made: status" 1 "$("$sockatlas" export --format csv -o no/such/file tcp 2>err; echo $?)"

finish
