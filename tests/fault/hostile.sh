#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/fault/hostile.sh [FAMILY...]: traces made to cost their reader much, each kind small and ten times as large, read by every command.
# Ten times the input takes at most twelve times the work: basic blocks that ran (tests/fault/count.c), which are as many on a busy machine
# as on an idle one. Memory stays below 64 MiB and 64 bytes for each byte of the trace. What is printed does not depend on the key of the
# hash tables, which is another in every run. N=5000: the larger size (2000).
. "$(dirname "$0")/lib.sh"
hostile=$top/build/fault/hostile counted=$top/build/counted/sockatlas
export COUNT_FILE=$work/count
large=${N:-2000}
small=$((large / 10))
start=200000 # blocks that a command may take for beginning, whatever it reads

commands=(
    "map" "map -f json" "map -f html" "list" "list --json" "doctor" "tuned" "events" "show 1" "export -f jsonl" "export -f zeek"
    "export -f chrome" "diff" "top"
)

spent() { # TRACE COMMAND: status, KiB, blocks
    local -a words at=()
    read -ra words <<<"$2"
    [ "$2" != diff ] || words+=("$1")
    [ "$2" != top ] || at=("$tools/at_terminal" q)
    "$tools/spent" 60 ${at[@]+"${at[@]}"} "$counted" "${words[@]}" "$1" 2>>said
}

trace_of() { # FOLDER: what to read of it
    [ -e "$1/lines.jsonl" ] && echo "$1/lines.jsonl" || echo "$1"
}

look() { # FAMILY
    local command bad=() limit status kib blocks before few many
    if ! "$hostile" "$1" "$small" small || ! "$hostile" "$1" "$large" large; then
        fail "$1" "not made"
        return
    fi
    few=$(trace_of small) many=$(trace_of large)
    limit=$((64 * 1024 + 64 * $(du -sk large | cut -f1))) # holes take nothing
    for command in "${commands[@]}"; do
        : >said
        read -r status kib before < <(spent "$few" "$command")
        read -r status kib blocks < <(spent "$many" "$command")
        [[ $status = [0123] && $blocks -gt 0 ]] || bad+=("$command: status $status: $(head -3 said)")
        ((kib <= limit)) || bad+=("$command: $kib KiB, more than $limit")
        ((blocks <= 12 * before + start)) || bad+=("$command: $before blocks, then $blocks: $((blocks / before)) times")
    done
    for command in "map -f json" "list --json" "doctor --format json"; do
        # shellcheck disable=SC2086
        "$sockatlas" $command "$many" >one 2>&1
        # shellcheck disable=SC2086
        "$sockatlas" $command "$many" >other 2>&1
        cmp -s one other || bad+=("$command: another output the second time: $(diff one other | head -3)")
    done
    rm -rf small large
    if [ ${#bad[@]} -eq 0 ]; then
        pass "$1"
    else
        fail "$1" "${bad[@]}"
    fi
}

while read -r family; do
    [ $# -eq 0 ] || [[ " $* " = *" $family "* ]] || continue
    look "$family"
done < <("$hostile")
finish
