#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Whatever bytes stand where a trace should, or an answer of the kernel: no crash, hang, unbounded memory or sanitizer report. Each target
# first reads its corpus (small real inputs, and every one that once found something), then mutations of it for SOCKATLAS_FUZZ_SECONDS (15;
# a third of that where an input is read in microseconds): `make fuzz N=3600` is the long run. What is found stands in build/fuzz/found/. NAME...: only these targets.
. "$(dirname "$0")/../e2e/lib.sh"

seconds=${SOCKATLAS_FUZZ_SECONDS:-15}
export ASAN_OPTIONS=quarantine_size_mb=8:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
found=$top/build/fuzz/found
mkdir -p "$found"

fuzz() { # TARGET BYTES SECONDS: longest input, how long
    local target=$1 seconds=$3 corpus=$top/tests/fuzz/corpus/${1#fuzz_} status
    "$top/build/fuzz/$target" -runs=0 -timeout=10 -rss_limit_mb=512 -artifact_prefix="$found/$target-" "$corpus" >said 2>&1
    status=$?
    [ $status -eq 0 ] || cp said "$found/$target.log"
    case_is "$target: reads its corpus: status" 0 $status
    [ $status -eq 0 ] || sed 's/^/# /' said | tail -n 40
    mkdir -p grown
    "$top/build/fuzz/$target" -max_total_time="$seconds" -max_len="$2" -timeout=10 -rss_limit_mb=512 -print_final_stats=1 \
        -artifact_prefix="$found/$target-" grown "$corpus" >said 2>&1
    status=$?
    [ $status -eq 0 ] || cp said "$found/$target.log"
    case_is "$target: $seconds seconds of mutations: status" 0 $status
    [ $status -eq 0 ] || sed 's/^/# /' said | tail -n 40
    sed -n 's/^stat::number_of_executed_units: */# inputs: /p; s/^stat::peak_rss_mb: */# peak MB: /p' said
    rm -rf grown
}

targets=("$@")
[ $# -gt 0 ] || targets=(fuzz_log fuzz_jsonl fuzz_segment fuzz_diag fuzz_notice fuzz_proc)
for target in "${targets[@]}"; do
    case $target in
    fuzz_log | fuzz_segment) fuzz "$target" 32768 "$seconds" ;;
    fuzz_diag | fuzz_notice | fuzz_proc) fuzz "$target" 4096 $(((seconds + 2) / 3)) ;;
    *) fuzz "$target" 16384 "$seconds" ;;
    esac
done
finish
