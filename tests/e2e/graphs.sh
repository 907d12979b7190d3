#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `map --format dot|mermaid|svg`: the graphs hold what `map --format json` says, whatever processes and paths are called, and
# Graphviz reads them.
. "$(dirname "$0")/lib.sh"

name='a"<b>&\;{%|`#'
cp "$targets/tcp_both_ends" "$name"
cp "$targets/connect_refused" 'end'
"$sockatlas" run -d trace sh -c './"$1"; ./end; "$2"' sh "$name" "$targets/unix_stream" >out 2>&1
"$sockatlas" map --format json -o map.json trace
edges=$(jq '[.edges[] | select(.match != "pair" or .from != .to)] | length' map.json)
failed=$(jq '[.edges[] | select(.failed > 0)] | length' map.json)
case_ok "the trace has edges and a failure to draw" test "$edges" -ge 3 -a "$failed" -eq 1

"$sockatlas" map --format dot -o map.dot trace
"$sockatlas" map --format mermaid -o map.mermaid trace
case_is "dot: an edge each" "$edges" "$(grep -c ' -> ' map.dot)"
case_is "mermaid: an edge each" "$edges" "$(grep -cE '^ +n[0-9]+ (<-->|-->|-\.->)\|' map.mermaid)"
case_is "mermaid: a failed edge is red" "$failed" "$(grep -c 'linkStyle .*stroke:#c62828' map.mermaid)"
case_has "mermaid: a hostile name is entities" 'n[0-9]+\["a#34;#60;b#62;#38;#92;#92;#59;#123;#37;#124;#96;#35; \([0-9]+\)' "$(cat map.mermaid)"
case_has "mermaid: the address served" '\|"tcp 127\.0\.0\.1:[0-9]+<br/>1 connection' "$(cat map.mermaid)"
case_has "dot: the address served" 'label="tcp 127\.0\.0\.1:[0-9]+\\n1 connection' "$(cat map.dot)"
case_is "by program: one box a program" \
    "$(jq '[.edges[] | .from, .to] as $drawn | [.nodes[] | select(.id as $id | $drawn | index($id)) | (.exe // .address)] | unique | length' map.json)" \
    "$("$sockatlas" map --by program --format dot trace | grep -cE '^ +n[0-9]+ \[')"
cp "$targets/tcp_both_ends" one && ln -s one two
trace names sh -c './one; ./two; ./one'
case_is "by program: what one file is called is a program each" "one two" "$("$sockatlas" map --by program names |
    awk '/ ->/ && $1 != "->" { print $1 }' | sort -u | paste -sd' ')"

# 260 processes of 6 programs, each of its servers on a port of its own.
"$top/build/html/generate" many 60 200 2000
case_ok "many processes: the text fits a screen" test "$("$sockatlas" map many | wc -l)" -le 24
case_is "many processes: it is said how they are drawn" "so many processes are drawn by program; --by process draws each" \
    "$("$sockatlas" map many | tail -1)"
case_ok "many processes: each is drawn where that is asked for" test "$("$sockatlas" map --by process many | wc -l)" -gt 600
case_is "many processes: a box for each program in a drawing, and one for the address" 7 "$("$sockatlas" map --format dot many | grep -cE '^ +n[0-9]+ \[')"
# The groups of a picture, and the lines between them, as JSON.
"$sockatlas" map --by program --format json many >many.json
case_is "json: --by, and every node in one group" "program true" \
    "$(jq -r '[.groups[].nodes[]] as $in | "\(.by) \(($in | sort) == [.nodes[].id])"' many.json)"
case_is "json: lines as in summary" "$("$sockatlas" summary --by program --sort connections --json many | jq -cS .)" \
    "$(jq -cS '.lines[] | del(.from_group, .to_group)' many.json)"
case_is "json: a line's groups are called as it says" true \
    "$(jq '(.groups | map({key: "\(.id)", value: .name}) | from_entries) as $name | all(.lines[]; .from == $name["\(.from_group)"] and .to == $name["\(.to_group)"])' many.json)"
case_is "json: no groups where none were asked for" false "$("$sockatlas" map --format json many | jq 'has("groups")')"

if command -v dot >/dev/null; then
    case_ok "many processes: svg is no taller than three screens" test "$("$sockatlas" map --format svg many |
        sed -nE 's/^<svg width="[0-9]+pt" height="([0-9]+)pt".*/\1/p')" -le 2000
    dot -Tjson map.dot >laid.json 2>complaints
    case_is "dot: Graphviz has nothing to complain of" "" "$(cat complaints)"
    case_is "dot: Graphviz sees every edge" "$edges" "$(jq '.edges | length' laid.json)"
    case_is "dot: a hostile name is drawn as it is" 1 "$(jq -r '.objects[]._ldraw_[] | select(.op == "T") | .text' laid.json |
        grep -cF 'a"<b>&\\;{%|`# (')"
    "$sockatlas" map --format svg -o map.svg trace
    case_is "svg: status" 0 $?
    case_is "svg: an edge each" "$edges" "$(grep -c 'class="edge"' map.svg)"
    case_is "svg: no space left" 1 "$("$sockatlas" map --format svg trace >/dev/full 2>/dev/null; echo $?)"
else
    case_skip "Graphviz reads the graph" "no dot here"
fi

echo precious >kept.svg
mkdir empty
PATH=$work/empty "$sockatlas" map --format svg -o kept.svg trace 2>err
case_is "svg without Graphviz: status" 1 $?
case_is "svg without Graphviz: one line" 1 "$(wc -l <err)"
case_has "svg without Graphviz: what is missing" 'needs Graphviz.s program `dot`, which is not installed' "$(cat err)"
case_is "svg without Graphviz: the file is left alone" precious "$(cat kept.svg)"
case_is "no such format: status" 2 "$("$sockatlas" map --format png trace 2>err; echo $?)"
case_has "no such format: those there are" 'no such format \(text, .*mermaid' "$(cat err)"

"$sockatlas" list --csv -o list.csv trace
case_is "list -o writes the file" "$("$sockatlas" list --csv trace)" "$(cat list.csv)"
case_is "list -o to nowhere: status" 1 "$("$sockatlas" list -o nosuch/file trace 2>err; echo $?)"
case_is "list -o to nowhere: line" "sockatlas: nosuch/file: No such file or directory" "$(cat err)"
finish
