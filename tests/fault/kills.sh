#!/bin/bash
# SPDX-License-Identifier: MIT
#
# SIGKILL at random moments, again and again: every trace reads without complaint, and no call that had returned is missing.
# N=5000 asks for so many; SEED=... repeats a run's choices.
. "$(dirname "$0")/lib.sh"

seed=${SEED:-$RANDOM$RANDOM}
said=$("$top/build/fault/kills" "$shim" "$targets/busy" "${N:-250}" "$seed" 2>&1)
status=$?
if [ $status -eq 0 ]; then pass "$(tail -1 <<<"$said") (SEED=$seed)"; else fail "SIGKILL at random moments (SEED=$seed)" "$(tail -20 <<<"$said")"; fi

# That the check can fail: a record taken out of a trace is missed.
faulty "$targets/busy" ledger 1 1 5 kill
adds_up "nothing is missing" $?
printf '\0' | dd of="$(echo trace/*.atlas)" bs=1 seek=4160 conv=notrunc 2>/dev/null
"$account" ledger trace >/dev/null 2>&1
case_is "a missing record is noticed" 1 $?
finish
