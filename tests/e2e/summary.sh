#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `summary` and its figures, groups by unit, container and host, and the filters that all commands share: of one trace whose sockets are
# known from `list`.
. "$(dirname "$0")/lib.sh"

trace t sh -c "for i in 1 2 3 4 5 6 7 8 9; do '$targets/tcp_both_ends'; done; '$targets/connect_refused'; '$targets/socketpair';
    '$targets/reset_bytes'; '$targets/unix_stream'"
"$sockatlas" list --json t >list
"$sockatlas" summary --json t >summary

of_list() { # FILTER: how many sockets of the list it is true of
    jq -s "map(select($1)) | length" list
}
clients='.transport == "tcp" and .role == "client"'

# ---- Figures ----

case_is "connections" "$(of_list "$clients and .outcome == \"established\"")" \
    "$(jq -s 'map(select(.transport == "tcp") | .connections) | add' summary)"
case_is "failures" "$(of_list '.failures > 0')" "$(jq -s 'map(.failed) | add' summary)"
case_is "and why" '{"error":"ECONNREFUSED","count":1}' "$(jq -c '.errors[]' summary)"
for key in connect_us tcp.rtt_us; do
    column=${key#tcp.}
    column=${column%_us}
    for percent in 50 90 99; do
        # Nearest rank, of the pair that most of the connections are of.
        expected=$(jq -s --argjson p "$percent" "[.[] | select($clients and .comm == \"tcp_both_ends\") | .$key | select(. > 0)] | sort
            | .[((length * \$p + 99) / 100 | floor) - 1]" list)
        case_ok "$column p$percent is that of the list, within 0.8 %" jq -s -e --argjson expected "$expected" \
            "[.[] | select(.from == \"tcp_both_ends\" and .transport == \"tcp\") | .${column}_p${percent}_us] | length == 1 and
            (.[0] - \$expected | fabs) <= 0.008 * \$expected + 1" summary
    done
done
case_is "one service, nine processes" "9 9" \
    "$(jq -r 'select(.from == "tcp_both_ends") | "\(.connections) \(.from_processes)"' summary)"
case_is "by process they are nine" 9 "$("$sockatlas" summary --by process --json t | jq -s 'map(select(.from | startswith("tcp_both_ends"))) | length')"
case_is "--sort: the largest first" "$(jq -s -c 'map(.bytes // -1) | sort | reverse' summary)" \
    "$("$sockatlas" summary --sort bytes --json t | jq -s -c 'map(.bytes // -1)')"
case_is "--top" 2 "$("$sockatlas" summary --top 2 --json t | wc -l)"
case_has "--top of text says what is left out" "more: --top 0 shows all" "$("$sockatlas" summary --top 1 t)"
case_is "csv has as many lines" "$(($(wc -l <summary) + 1))" "$("$sockatlas" summary --format csv t | wc -l)"
case_is "csv's columns are the keys" "$(head -1 summary | jq -r 'keys_unsorted | join(",")')" "$("$sockatlas" summary --format csv t | head -1 | tr -d '\r')"
for width in 80 120; do
    case_is "text keeps within $width columns" "" "$(COLUMNS=$width "$sockatlas" summary t | LC_ALL=C.UTF-8 grep -E ".{$((width + 1))}")"
done
case_has "what stands out" "most failing +1 connect_refused" "$("$sockatlas" summary t)"
case_has "--columns" "^from +to +over +failed +connect p50" "$("$sockatlas" summary --columns failed,connect_p50 t)"
case_has "map --columns" "over +failed +rtt p50 *$" "$("$sockatlas" map --columns failed,rtt_p50 t)"
case_is "map's edges have the same percentiles" \
    "$(jq -c 'select(.from == "reset_bytes") | [.connect_p50_us, .connect_p99_us, .rtt_p50_us]' summary)" \
    "$("$sockatlas" map --json --comm reset_bytes t | jq -c '.edges[] | [.connect_p50_us, .connect_p99_us, .rtt_p50_us]')"

# ---- Groups ----

id=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
"$sockatlas" export --format jsonl t | jq -c "if .event == \"image\" and .comm == \"tcp_both_ends\" then .cgroup = \"/system.slice/web.service\"
    elif .event == \"image\" and .comm == \"reset_bytes\" then .cgroup = \"/system.slice/docker-$id.scope\" else . end" >units.jsonl
case_is "unit and container in list" "[\"web.service\",null] [null,null] [\"docker-$id.scope\",\"$id\"]" \
    "$("$sockatlas" list --json units.jsonl | jq -s -r -c 'map(select(.comm | IN("tcp_both_ends", "reset_bytes", "socketpair")))
        | unique_by(.comm) | sort_by(.comm | {tcp_both_ends: 0, socketpair: 1, reset_bytes: 2}[.]) | map([.unit, .container] | tojson) | join(" ")')"
case_is "and in map" "web.service" "$("$sockatlas" map --json units.jsonl | jq -r '.nodes[] | select(.comm == "tcp_both_ends") | .unit' | sort -u)"
case_has "map --by unit" "web.service x9" "$("$sockatlas" map --by unit units.jsonl)"
case_has "a process in no unit is its program" "connect_refused" "$("$sockatlas" map --by unit units.jsonl)"
case_has "map --by container" "${id:0:12} +-> +${id:0:12}" "$("$sockatlas" map --by container units.jsonl)"
case_has "map --by host" "^$(hostname | cut -c1-20)" "$("$sockatlas" map --by host units.jsonl)"
case_is "summary --by unit" "web.service 9" "$("$sockatlas" summary --by unit --json units.jsonl | jq -r 'select(.from == "web.service") | "\(.from) \(.connections)"')"
case_has "list --by unit" "^ *[0-9]+ .*web.service" "$("$sockatlas" list --by unit units.jsonl)"
case_has "dot --by unit" "web.service" "$("$sockatlas" map --format dot --by unit units.jsonl)"

# ---- Names ----

printf '127.0.0.1 localhost\n10.9.8.7\tdb db.example # old\n10.9.8.9 %s\n10.9.8.8\nfe80::1 near\n' "$(uname -n)" >hosts
if unshare --user --map-root-user --net --mount --propagation private true 2>/dev/null; then
    unshare --user --map-root-user --net --mount --propagation private sh -c 'mount --bind hosts /etc/hosts && ip link set lo up &&
        ip addr add 10.9.8.7/32 dev lo && exec "$@"' - "$sockatlas" run -d named /usr/bin/python3 -c \
        'import socket; socket.socket().connect_ex(("10.9.8.7", 1))' 2>/dev/null
    case_is "an edge has the name of /etc/hosts" db "$("$sockatlas" map --json named | jq -r '.edges[].name')"
    case_has "which the map shows" "10.9.8.7:1 .*db" "$("$sockatlas" map named)"
    case_is "no other name is kept" db "$("$sockatlas" events --json named | jq -r 'select(.event == "name" and .comm != "python3") | .name')"
    "$sockatlas" events --json named >named.jsonl
    case_ok "its events are as the schema says" /usr/bin/python3 -W ignore "$top/tests/e2e/schema.py" events named.jsonl
else
    case_skip "names of /etc/hosts" "no namespaces of one's own"
fi

# ---- Filters ----

filtered() { # FILTER...: how many sockets
    "$sockatlas" list --json "$@" | wc -l
}
while IFS='|' read -r options condition; do
    # shellcheck disable=SC2086
    case_is "list $options" "$(jq -s "map(select($condition)) | length" units.list)" "$(filtered $options units.jsonl)"
done < <("$sockatlas" list --json units.jsonl >units.list; port=$(jq -s '[.[] | select(.role == "listener")][0].local_port' list); cat <<END
--comm tcp_both_ends|.comm == "tcp_both_ends"
--comm !tcp_both_ends|.comm != "tcp_both_ends"
--comm tcp_*,!reset_bytes|.comm == "tcp_both_ends"
--port $port|.local_port == $port or .peer_port == $port
--port !$port|.local_port != $port and .peer_port != $port
--port 1-65535|.local_port != null or .peer_port != null
--address 127.0.0.0/8|(.local_address // "" | startswith("127.")) or (.peer_address // "" | startswith("127."))
--address !127.0.0.0/8|((.local_address // "" | startswith("127.")) or (.peer_address // "" | startswith("127."))) | not
--transport !tcp|.transport != "tcp"
--role !client,!server|.role != "client" and .role != "server"
--end reset|.end == "reset"
--end !reset|.end != "reset"
--failed|.failures > 0
--failed=no|.failures == 0
--unit web.service|.unit == "web.service"
--unit !web.*|.unit != "web.service"
--container ${id:0:6}|.container != null
--container !${id:0:12}|.container == null
--min-duration 100us|.closed_us - (.opened_us // .connected_us) >= 100
--min-duration !100us|.closed_us - (.opened_us // .connected_us) < 100
END
)
case_is "map: what is wanted at one end" "$(jq -s 'map(select(.from == "tcp_both_ends"))[0].connections' summary)" \
    "$("$sockatlas" map --json --comm tcp_both_ends t | jq '[.edges[].connections] | add')"
case_is "map: nobody else is drawn" tcp_both_ends "$("$sockatlas" map --json --comm tcp_both_ends t | jq -r '.nodes[].comm' | sort -u)"
case_is "map: what is not wanted at neither" 0 "$("$sockatlas" map --json --comm '!tcp_both_ends' t | jq '[.nodes[] | select(.comm == "tcp_both_ends")] | length')"
case_is "summary --failed" '["connect_refused"]' "$("$sockatlas" summary --failed --json t | jq -s -c 'map(.from)')"
case_is "events --comm '!...'" 0 "$("$sockatlas" events --comm '!tcp_both_ends' --json t | jq -s 'map(select(.comm == "tcp_both_ends" and .event != "image")) | length')"
case_is "events --unit" "$("$sockatlas" events --comm tcp_both_ends units.jsonl | wc -l)" "$("$sockatlas" events --unit web.service units.jsonl | wc -l)"
case_is "tuned of nobody" "" "$("$sockatlas" tuned --json --comm nobody t)"
case_is "doctor of one that does nothing wrong" 0 "$("$sockatlas" doctor --comm socketpair t >/dev/null; echo $?)"
case_is "doctor of one that does" 3 "$("$sockatlas" doctor --comm connect_refused t >/dev/null; echo $?)"
case_is "doctor by the port" 3 "$("$sockatlas" doctor --failed t >/dev/null; echo $?)"
case_is "diff of the same part" 0 "$("$sockatlas" diff --comm reset_bytes t t >/dev/null; echo $?)"
case_is "diff of one part" 0 "$("$sockatlas" diff --comm socketpair t units.jsonl >/dev/null; echo $?)"
"$sockatlas" export --format jsonl --comm reset_bytes t >part.jsonl
case_is "an exported part is a trace" "$("$sockatlas" map --json --comm reset_bytes t | jq '[.edges[].connections] | add')" \
    "$("$sockatlas" map --json part.jsonl | jq '[.edges[].connections] | add')"
case_is "export csv" "$(filtered --comm reset_bytes t)" "$(($("$sockatlas" export --format csv --comm reset_bytes t | wc -l) - 1))"
case_is "show: one that passes" 0 "$("$sockatlas" show --comm tcp_both_ends 1 t >/dev/null; echo $?)"
case_is "show: one that does not" 1 "$("$sockatlas" show --comm nobody 1 t >/dev/null 2>&1; echo $?)"
case_is "pairs within one process are left out" 0 "$("$sockatlas" list --comm socketpair t | grep -c ' pair ')"
case_has "which is said" "^[0-9]+ ends of socket pairs within one process not listed: --internal" "$("$sockatlas" list t)"
case_is "--internal has them" "$(of_list '.role == "pair" and .comm == "socketpair" and .peer_process == .process')" \
    "$("$sockatlas" list --internal --comm socketpair t | grep -c ' pair ')"
case_has "and draws them" "socket pair" "$("$sockatlas" map --internal --comm socketpair t | grep -- '->')"

while IFS='|' read -r command line; do
    # shellcheck disable=SC2086
    "$sockatlas" $command t >out 2>err
    case_is "$command: status" 2 $?
    case_has "$command: line" "^sockatlas ${command%% *}: $line\$" "$(head -1 err)"
done <<'END'
list --end rest|--end rest: not an end \(closed, reset, broken, open\); did you mean reset\?
list --role cleint|--role cleint: .*; did you mean client\?
map --transport tpc|--transport tpc: .*; did you mean tcp\?
list --port 9-x|--port 9-x: neither a port nor FROM-TO
list --port 20-10|--port 20-10: neither a port nor FROM-TO
list --pid x|--pid x: not a process id
list --address 300.1.1.1|--address 300.1.1.1: not an address
list --address 10.0.0.0/33|--address 10.0.0.0/33: not an address
list --comm !|--comm !: a value is missing
list --min-duration x|--min-duration x: not a duration .*
list --failed=maybe|--failed=maybe: yes or no
events --end reset|--end: an event does not know how its socket will end; `sockatlas list` does
export --json --end reset|--end: an event does not know how its socket will end; another format does
summary --sort fialed|--sort fialed: no such column .*; did you mean failed\?
summary --top x|--top x: not a number
map --by unti|--by unti: process, program, unit, container or host; did you mean unit\?
map --columns x|--columns x: no such column .*
END

finish
