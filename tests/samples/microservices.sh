#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/microservices: the map has every edge of the shop and no other, and shows as a page. SOCKATLAS_SHOTS=DIR keeps its picture.
. "$(dirname "$0")/lib.sh"

sample_told microservices
case_is "the map's edges" "cart > redis-server exact 1
catalog > postgres exact 2
catalog > redis-server exact 1
curl > nginx exact 2
nginx > cart exact some
nginx > catalog exact 1
nginx > nginx pair 2
wrk > nginx exact 5" "$(edges | awk '
    { total[$1 " " $2 " " $3 " " $6] += $7; left += $8 + $9 }
    END { for (each in total) print each, each ~ /nginx > cart/ && total[each] <= 8 ? "some" : total[each]; if (left) print left, "open or failed" }' | sort)"
case_is "each of its connections goes to the port its program listens on" "" "$(map -r '
    (.nodes | map({key: (.id | tostring), value: .comm}) | from_entries) as $comm
    | ([.listeners[] | {key: (.port | tostring), value: $comm[.node | tostring]}] | from_entries) as $served
    | .edges[] | select(.transport == "tcp" and ($served[.server_port | tostring] != $comm[.to | tostring] or .server_address != "127.0.0.1"))')"
case_is "who listens" "cart catalog nginx postgres redis-server" "$(map -r '
    (.nodes | map({key: (.id | tostring), value: .comm}) | from_entries) as $comm | [.listeners[] | $comm[.node | tostring]] | sort | join(" ")')"
case_is "each listener accepted what the edges brought it" "" "$(map '
    . as $map | .listeners[] | .port as $port | select(.accepted != ([$map.edges[] | select(.server_port == $port) | .connections] | add))')"
case_is "PostgreSQL's two connections are two processes" 2 "$(map '
    [.nodes[] | select(.comm == "postgres") | .id] as $postgres | [.edges[].to | select(. as $to | $postgres | index($to))] | unique | length')"
case_is "nobody is untraced or outside" "" "$(map -r '.nodes[] | select(.kind != "process") | [.kind, .comm, .address] | tostring')"
case_is "nothing went unseen" "[]" "$(map .coverage)"
case_is "the doctor finds nothing" "" "$("$sockatlas" doctor --format json trace)"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if ! "$sockatlas" map --format html -o /dev/null trace 2>/dev/null; then
    case_skip "the page in a browser" "this build is without d3"
elif [ -z "$browser" ] || [ ! -d "$top/build/npm/node_modules/puppeteer-core" ]; then
    case_skip "the page in a browser" "\`make deps-html\` was not run"
else
    cp trace/map.html microservices.html
    map . >microservices.json
    seen=$(node "$top/tests/html/look.js" "$browser" "$work" microservices 2>complaints)
    case_is "the browser's script ends well" "0 " "$? $(cat complaints)"
    cases_of "$seen"
fi
finish
