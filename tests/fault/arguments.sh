#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a program is told by its calls is what it would be told without the shim, whatever it gives them: every entry point that the shim
# stands in for is called with good, null, unreadable, too short and otherwise odd arguments (tests/targets/arguments/calls.def), with the
# shim and without. ALL=1 combines all of them with each other, which takes minutes.
. "$(dirname "$0")/lib.sh"

case_ok "errors that are told once, without the shim" "$targets/kept_errors"
faulty "$targets/kept_errors"
case_is "errors that are told once reach whoever asks" "0 " "$? $(cat out)"

for where in "" handler; do
    case_ok "small stacks${where:+, a signal handler first}, without the shim" "$targets/small_stacks" $where
    faulty "$targets/small_stacks" $where
    case_is "small stacks${where:+, a signal handler first}" "0 " "$? $(cat out)"
done

case_is "every entry point that the shim stands in for is tried" "" \
    "$(comm -23 <(nm -D --defined-only "$shim" | awk '$NF !~ /^sockatlas_/ { print $NF }' | sort -u) <("$targets/arguments" names | sort -u))"

# The same port for both, since addresses are among what is compared.
port=$(free_port)
how=quick
[ -z "${ALL:-}" ] || how=all
"$targets/arguments" "$port" $how >plain 2>err
case_is "the calls without the shim: status" "0 " "$? $(cat err)"
faulty "$targets/arguments" "$port" $how
case_is "the calls with the shim: status" 0 $?

# A case for each: how many calls, or those that differ. What this libc lacks is nowhere but in the shim.
cases_of "$(awk '
    { title = $0; sub(/[(:].*/, "", title) }
    / not in this libc$/ && NR == FNR { absent[title]; next }
    title in absent { next }
    NR == FNR { plain[title, ++count[title]] = $0; if (count[title] == 1) titles[++n] = title; next }
    {
        seen[title]++
        if ($0 != plain[title, seen[title]] && ++differ[title] <= 10)
            told[title] = told[title] "\n  without: " plain[title, seen[title]] "\n  with:    " $0
    }
    END {
        for (i = 1; i <= n; i++) {
            title = titles[i]
            good = !differ[title] && seen[title] == count[title]
            print (good ? "ok" : "not ok"), title ": the same in", count[title], "calls" told[title]
        }
    }' plain out)"
finish
