#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/ground/scenarios.sh [SEED]: plays scenarios whose true map is known and compares it with ours, exactly, while the processes live and
# after they are gone. One case is a hundred seeds; N=1000 plays so many (300), FROM=5000 begins there (1); KIND=leap
# takes a step of that name (step.h) more often. With SEED only that one, and
# its folder is kept: both maps, the trace, and in `told` what was done, call by call. A failing seed is told with the difference and the
# command that plays it again; with SOCKATLAS_KEEP=FOLDER its folder is kept there.
. "$(dirname "$0")/../e2e/lib.sh"
ground=$top/build/ground

export SOCKATLAS_GROUND_KIND=${KIND:-}

play() { # SEED FOLDER: prints the difference, if any
    mkdir -p "$2" && "$ground/ground" "$1" "$2" "$sockatlas" "$shim" "$ground/actor" "$ground/compare" 2>&1
}

if [ $# -gt 0 ]; then
    trap - EXIT
    if play "$1" "$work/$1"; then
        echo "seed $1: both maps agree"
        exit 0
    fi
    echo "seed $1: see $work/$1/{told,live,done}"
    exit 1
fi

# An actor's sockets are looked at from outside.
mkdir probe
if ! "$ground/ground" 0 "$work/probe" "$sockatlas" "$shim" "$ground/actor" "$ground/compare" >probe.out 2>&1 &&
    grep -q pidfd_getfd probe.out; then
    case_skip "the true map of generated scenarios" "this system does not let a parent use pidfd_getfd(2)"
    finish
fi

from=${FROM:-1} seeds=${N:-300}
for ((first = from; first < from + seeds; first += 100)); do
    last=$((first + 99 < from + seeds - 1 ? first + 99 : from + seeds - 1))
    differ=()
    for ((seed = first; seed <= last; seed++)); do
        if said=$(play "$seed" "$work/ground"); then
            rm -rf "$work/ground"
            continue
        fi
        [ -z "${SOCKATLAS_KEEP:-}" ] || cp -r "$work/ground" "$(mktemp -d "$SOCKATLAS_KEEP/seed.$seed.XXXXXX")"
        differ+=("seed $seed (again: ${KIND:+KIND=$KIND }tests/ground/scenarios.sh $seed):" "$(head -40 <<<"$said" | cut -c1-400)")
        rm -rf "$work/ground"
    done
    if [ ${#differ[@]} -eq 0 ]; then
        pass "the true map, seeds $first to $last"
    else
        fail "the true map, seeds $first to $last" "${differ[@]}"
    fi
done

finish
