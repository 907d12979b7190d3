#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How much of the program's stack the shim's wrappers need beyond what the real calls do, as TAP: signal handlers run on small ones. No
# more than OPEN bytes once there is a log, EXEC to execute a program, MAKE where the log is to be made.
set -u
cd "$(dirname "$0")/../.." || exit 1
OPEN=3072 EXEC=3584 MAKE=5632
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

echo 1..3
if ! echo 'int x;' | ${CC:-cc} -fcallgraph-info=su -x c -c -o "$work/try.o" - 2>/dev/null; then
    for i in 1 2 3; do echo "ok $i - the stack that wrappers need # SKIP this compiler does not tell"; done
    exit 0
fi
# As the Makefile compiles it.
make --no-print-directory -n -B V=1 build/libsockatlas.so CC="${CC:-cc}" CFLAGS="-O2 -g" | grep -E -- ' -c -o build/shim/[a-z_]+\.o ' |
    sed "s|-o build/shim/|-fcallgraph-info=su -o $work/|; s|-MMD -MP||" | xargs -P 2 -d '\n' -n 1 sh -c
nm -D --defined-only build/libsockatlas.so | awk '{ print $NF }' | python3 tests/check/stack.py "$work"/*.ci >"$work/depth"

cases=0
within() { # KIND LIMIT CASE
    local found
    found=$(awk -v kind="$1" -v limit="$2" '$1 == kind && $2 > limit' "$work/depth")
    cases=$((cases + 1))
    if [ "$(grep -c "^$1 [1-9]" "$work/depth")" -gt 0 ] && [ -z "$found" ]; then
        echo "ok $cases - $3, at most $2 bytes (the deepest: $(grep "^$1 " "$work/depth" | sort -k2nr | head -1 | cut -d' ' -f2,3))"
    else
        echo "not ok $cases - $3, at most $2 bytes"
        sed 's/^/#   /' <<<"$found"
    fi
}
within open $OPEN "what a wrapper needs of the stack"
within exec $EXEC "what one that executes a program needs"
within make $MAKE "what one needs that makes the log"
