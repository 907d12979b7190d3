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

# bro-cut is zeek-cut under its old name: the columns by name, and what is in them.
for dir in tcp failed; do
    case_is "$dir: bro-cut reads its zeek" \
        "$(jq -r 'select(.role == "client" and .transport == "tcp") | [.local_address, .local_port, .peer_address, .peer_port, .bytes_sent, .community_id] | map(. // "-" | tostring) | join(" ")' "$dir.list" | sort)" \
        "$(bro-cut id.orig_h id.orig_p id.resp_h id.resp_p orig_bytes community_id <"$dir.zeek" | tr '\t' ' ' | sort)"
done
case_is "bro-cut reads its times" "$(date -u -d "@$(bro-cut ts <tcp.zeek | sort | tail -1)" +%Y-%m-%d)" "$(bro-cut -U %Y-%m-%d ts <tcp.zeek | sort -u | tail -1)"
case_is "bro-cut keeps its header" "$(sed '/^[^#]/,$d' tcp.zeek | wc -l)" "$(bro-cut -c ts uid <tcp.zeek | grep -c '^#')"

# One pid on two hosts: two tracks, the first by the pid, the other by a number that no pid can be.
sed 's/"boot_id":"[0-9a-f]\{4\}/"boot_id":"0000/; s/"host_name":"[^"]*"/"host_name":"other"/' tcp.jsonl >other.jsonl
"$sockatlas" export --format chrome -o both.chrome tcp.jsonl other.jsonl
case_is "a pid that two hosts have: whose it is, and the other" "true true 2" "$(jq -r --argjson pid "$(jq -s 'map(.pid)[0]' tcp.list)" \
    '[.traceEvents[] | select(.ph == "M").pid] | "\(.[0] == $pid) \(.[1] > 4194304) \(length)"' both.chrome)"
case_is "their slices stay apart" "$(jq '[.traceEvents[] | select(.ph == "b")] | length * 2' tcp.chrome)" "$(jq '[.traceEvents[] | select(.ph == "b")] | length' both.chrome)"

# Numbers in which the kernel packs several.
case_has "text: both window scales, and the options by their names" "tcp=\{state=TCP_[A-Z_0-9]+, options=[A-Z_|]*WSCALE[A-Z_|]*, snd_wscale=[0-9]+, rcv_wscale=[0-9]+, " \
    "$("$sockatlas" events --wide tcp | grep ' close(')"
case_is "text: no packed number" "" "$("$sockatlas" events --wide tcp | grep -E '[ {]wscale=|4294967295')"

# Who closes after its peer has: the connection ended in order, and TCP_INFO says so.
cat >closes.py <<'PY'
import os, socket
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server = listener.accept()[0]
server.close()
assert client.recv(1) == b""
client.close()
first = socket.create_connection(listener.getsockname())
second = listener.accept()[0]
first.close()
assert second.recv(1) == b""
second.close()
PY
trace closes /usr/bin/python3 closes.py
"$sockatlas" export --format zeek -o closes.zeek closes
case_is "zeek: SF where the originator knew that its peer had closed, else unset" "- SF" "$(bro-cut conn_state <closes.zeek | sort | xargs)"

# Readers of trace events are strict: what they would drop without a word must not pass.
for wrong in '.traceEvents[0].ts |= tostring' '.traceEvents[0].pid |= tostring' 'del(.traceEvents[] | select(.ph == "M"))' '(.traceEvents[] | select(.ph == "b")).id |= null' \
    'del(.traceEvents[] | select(.ph == "e"))' '(.traceEvents[] | select(.ph == "i")).s = "x"' '.traceEvents[0].extra = 1' '.traceEvents += [.traceEvents[] | select(.ph == "b")]'; do
    jq "$wrong" failed.chrome >wrong.chrome
    case_ok "trace events are refused after $wrong" eval '! formats chrome wrong.chrome failed.list >/dev/null'
done

for wrong in 'del(.traceEvents[] | select(.ph == "s"))' 'del(.traceEvents[] | select(.ph == "X"))' '(.traceEvents[] | select(.ph == "f")).ts += 1' \
    '.traceEvents |= reverse' '(.traceEvents[] | select(.pid)).pid += 1'; do
    jq "$wrong" tcp.chrome >wrong.chrome
    case_ok "trace events are refused after $wrong" eval '! formats chrome wrong.chrome tcp.list >/dev/null'
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
case_has "a full disk: line" "^sockatlas: standard output: No space left on device" "$(cat err)"
case_is "an output that cannot be made: status" 1 "$("$sockatlas" export --format csv -o no/such/file tcp 2>err; echo $?)"

finish
