#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a program is told by its calls is what it would be told without the shim, whatever it gives them: every entry point that the shim
# stands in for is called with good, null, unreadable, too short and otherwise odd arguments (tests/targets/arguments/calls.def), with the
# shim and without. WORDS=32 is for 32-bit programs, with one odd argument at a time (the suite arguments-32). ALL=1 combines all of them
# with each other, which takes minutes.
. "$(dirname "$0")/lib.sh"

case_ok "errors that are told once, without the shim" "$targets/kept_errors"
faulty "$targets/kept_errors"
case_is "errors that are told once reach whoever asks" "0 " "$? $(cat out)"

for where in "" handler; do
    case_ok "small stacks${where:+, a signal handler first}, without the shim" "$targets/small_stacks" $where
    faulty "$targets/small_stacks" $where
    case_is "small stacks${where:+, a signal handler first}" "0 " "$? $(cat out)"
done

# The numbers of syscall(2) that the shim watches, from its table.
watched() { # COMPILER'S OPTION...
    "$cc" -E -P -D_GNU_SOURCE -I"$top" "$@" "$top/shim/hook_syscall.c" | tr '\n' ' ' |
        sed 's/.*syscall_kinds\[[^]]*\] *= *{//; s/};.*//; s/\[[0-9]*\] = KIND_END,//g' | grep -oE '\[[0-9]+\]' | tr -d '[]' | sort -u
}

# try WORDS SHIM PROGRAM: in parts, each with and without the shim on a port of its own, since addresses are among what is compared. Into
# the files plain and with.
parts=2
try() {
    local part port status=0 running=()
    for ((part = 0; part < parts; part++)); do
        port=$(free_port)
        (
            "$3" "$port" "$how" "$part/$parts" >"plain.$1.$part" 2>"err.$1.$part" &&
                LD_PRELOAD=$2 SOCKATLAS_DIR=$PWD/trace.$1.$part "$3" "$port" "$how" "$part/$parts" >"with.$1.$part" 2>>"err.$1.$part"
        ) </dev/null &
        running+=($!)
    done
    for part in "${running[@]}"; do
        wait "$part" || status=1
    done
    return $status
}

# A case for each: how many calls, or those that differ. What this libc lacks is nowhere but in the shim.
compare() { # WORDS
    cases_of "$(awk -v words="$1" '
    { title = $0; sub(/[(:].*/, "", title) }
    FNR == 1 { file++ }
    / not in this libc$/ && ARGV[file] ~ /^plain/ { absent[title]; next }
    title in absent { next }
    ARGV[file] ~ /^plain/ { plain[title, ++count[title]] = $0; if (count[title] == 1) titles[++n] = title; next }
    {
        seen[title]++
        if ($0 != plain[title, seen[title]] && ++differ[title] <= 10)
            told[title] = told[title] "\n  without: " plain[title, seen[title]] "\n  with:    " $0
    }
    END {
        for (i = 1; i <= n; i++) {
            title = titles[i]
            good = !differ[title] && seen[title] == count[title]
            print (good ? "ok" : "not ok"), words " bits, " title ": the same in", count[title], "calls" told[title]
        }
    }' plain."$1".* with."$1".*)"
}

how=quick
[ -z "${ALL:-}" ] || how=all
cc=${CC:-gcc}
for words in ${WORDS:-64}; do
    preload=$shim program=$targets/arguments options=()
    if [ "$words" = 32 ]; then
        preload=$top/build/i386/libsockatlas.so program=$top/build/i386/targets/arguments
        cc=gcc options=(-m32 -idirafter /usr/include/x86_64-linux-gnu)
        [ "$how" = all ] || how=alone
    fi
    if [ ! -x "$program" ]; then
        case_skip "$words bits" "this compiler makes no such programs"
        continue
    fi
    case_is "$words bits: every entry point that the shim stands in for is tried" "" \
        "$(comm -23 <(nm -D --defined-only "$preload" | awk '$NF !~ /^sockatlas_/ { print $NF }' | sort -u) <("$program" names | sort -u))"
    numbers=$(watched ${options[@]+"${options[@]}"})
    case_ok "$words bits: the numbers that the shim watches are read" [ "$(wc -l <<<"$numbers")" -ge 50 ]
    case_is "$words bits: each of them is tried" "" "$(comm -23 <(echo "$numbers") <("$program" numbers | sort -u))"
    try "$words" "$preload" "$program"
    case_is "$words bits: the calls with the shim and without: status" "0 " "$? $(cat err."$words".*)"
    compare "$words"
done
finish
