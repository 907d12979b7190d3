#!/bin/bash
# SPDX-License-Identifier: MIT
#
# SIGKILL of programs that make their system calls themselves at random moments, also while sockatlas-patch is about them: every trace reads without complaint,
# nothing is left running, and no call that had returned is missing. N=3000 asks for so many kills; SEED=... repeats a run's choices.
. "$(dirname "$0")/lib.sh"

if [ ! -x "$top/build/sockatlas-patch" ]; then
    case_skip "static programs are killed" "not written for this processor"
    finish
fi
seed=${SEED:-$RANDOM}
count=${N:-300}
RANDOM=$seed
cache=$top/build/go
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$work/go
for cgo in 0 1; do
    CGO_ENABLED=$cgo GO111MODULE=off GOFLAGS='' GOCACHE=$cache go build -o "$work/goes$cgo" "$top/tests/e2e/patched.go" || exit 1
done
printf %s "$work/unix" >socket-path

# ---- each call that returned is in the trace ----

gcc -std=gnu11 -O2 -I"$top" -D_GNU_SOURCE -static -pthread -o busy "$top/tests/targets/busy.c" || exit 1
printf '#!/bin/sh\nexec %s/busy "$@"\n' "$work" >through
chmod +x through
said=$(SOCKATLAS_PATCH=1 "$top/build/fault/kills" "$shim" "$work/through" $((count / 4)) "$seed" 2>&1)
status=$?
if [ $status -eq 0 ]; then pass "C: $(tail -1 <<<"$said") (SEED=$seed)"; else fail "C: no call is missing (SEED=$seed)" "$(tail -20 <<<"$said")"; fi

# ---- killed at any moment ----

rm -rf trace ledger
ours() { # the processes that are these programs, or sockatlas-patch about to follow them
    local each
    for each in /proc/[0-9]*; do
        case $(readlink "$each/exe" 2>/dev/null) in
            "$work"/*) echo "${each#/proc/}" ;;
            */sockatlas-patch) tr '\0' ' ' <"$each/cmdline" 2>/dev/null | grep -F "$work" ;;
        esac
    done
}
killed() { # TRACE PROGRAM ARGUMENT...: after up to 30 ms
    local folder=$1 pid
    shift
    SOCKATLAS_PATCH=1 SOCKATLAS_LIMIT=256K SOCKATLAS_DIR=$work/$folder LD_PRELOAD=$preload sh -c 'exec "$@"' sh "$@" >/dev/null 2>&1 &
    pid=$!
    sleep "0.00$((RANDOM % 10))$((RANDOM % 10))" "0.0$((RANDOM % 3))"
    kill -9 "$pid"
    wait "$pid"
} 2>/dev/null
: >ledger
for ((i = 0; i < count / 4; i++)); do
    killed goes0.trace "$work/goes0" all
    killed goes1.trace "$work/goes1" all
    killed busy.trace "$work/busy" ledger 1 2 0
done
for name in goes0 goes1 busy; do
    said=$("$sockatlas" map --format json $name.trace 2>&1)
    status=$?
    followed=$(jq '[.nodes[] | select(.via == "patch")] | length' <<<"$said" 2>/dev/null)
    case_is "$name: the traces of $((count / 4)) kills, $followed of processes that were followed by then, read without complaint (SEED=$seed)" "0 true" \
        "$status $(jq -c '[.coverage[] | select(.what == "damaged" or .what == "forged")] == []' <<<"$said" 2>&1)"
done
# What a kill leaves to be done takes it a moment.
for ((i = 0; i < 200; i++)); do
    left=$(ours)
    [ -n "$left" ] || break
    sleep 0.05
done
case_is "no process is left" "" "$left"
finish
