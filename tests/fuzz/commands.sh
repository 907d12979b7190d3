#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every subcommand on mutated traces, as a whole program with AddressSanitizer and UndefinedBehaviorSanitizer: it ends by itself with a
# status of its own, within bounds of time and memory, and without a report. SOCKATLAS_FUZZ_SECONDS (15): so long; FROM (1): the first seed of
# the mutations, which are the same every time. What is found stands in build/fuzz/found/.
. "$(dirname "$0")/../e2e/lib.sh"

seconds=${SOCKATLAS_FUZZ_SECONDS:-15} seed=${FROM:-1}
program=$top/build/fuzz/sockatlas mutate=$top/build/fuzz/mutate found=$top/build/fuzz/found
export ASAN_OPTIONS=quarantine_size_mb=8:abort_on_error=0:exitcode=99:detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
unset COUNT_FILE
commands=(
    "map" "map -f json" "map -f html" "map -f svg" "map -f dot" "map -f mermaid" "list" "list --json" "list --csv" "doctor"
    "doctor --format json" "doctor --format sarif" "tuned" "tuned --json" "events" "events --json" "show 1" "show --json 2"
    "export -f jsonl" "export -f csv" "export -f zeek" "export -f chrome" "diff" "diff --json"
)
seeds=("$top"/tests/fuzz/corpus/log/* "$top"/tests/fuzz/corpus/jsonl/*)
declare -A runs=() statuses=()
bad=0 total=0 begun=$SECONDS
mkdir -p "$found"

while ((SECONDS - begun < seconds && bad < 5)); do
    from=${seeds[seed % ${#seeds[@]}]}
    "$mutate" "$seed" "$from" mutated || break
    for ((i = 0; i < 6; i++)); do
        command=${commands[(seed * 6 + i) % ${#commands[@]}]}
        read -ra words <<<"$command"
        [[ $command != diff* ]] || words+=("$from")
        : >said
        read -r status kib _ < <("$tools/spent" 10 "$program" "${words[@]}" mutated 2>said)
        runs[$command]=$((${runs[$command]:-0} + 1))
        statuses[$status]=$((${statuses[$status]:-0} + 1))
        total=$((total + 1))
        [[ $status = [0123] && $kib -lt 524288 ]] && ! grep -q 'Sanitizer\|runtime error' said && continue
        bad=$((bad + 1))
        cp mutated "$found/command-$seed"
        fail "$command, seed $seed ($found/command-$seed)" "status $status, $kib KiB" "$(grep -m 12 'Sanitizer\|runtime error\|#[0-9]' said)"
    done
    seed=$((seed + 1))
done
((bad > 0 || total == 0)) || pass "$total runs of ${#commands[@]} commands, seeds ${FROM:-1} to $((seed - 1)): statuses$(for s in "${!statuses[@]}"; do echo " $s:${statuses[$s]}"; done | sort | tr -d '\n')"
case_ok "every command ran" [ ${#runs[@]} -eq ${#commands[@]} ]
finish
