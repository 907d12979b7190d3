#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Go's own short tests of net and net/http, statically linked and with C in them: the same outcome of each case with the shim as without.
SOCKATLAS_CHECK_SECONDS=250 # each time; other suites run beside it
. "$(dirname "$0")/../lib.sh"

if [ ! -x "$top/build/sockatlas-patch" ]; then
    case_skip "Go's tests" "not written for this processor"
    finish
fi
need go "$(go env GOROOT)/src/net/net_test.go"
export SOCKATLAS_PATCH=$top/build/sockatlas-patch
cache=$top/build/go
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$work/go
GOROOT=$(go env GOROOT)
export GOROOT GOCACHE=$cache GOFLAGS=''

# How each case ended, without how long it took. Who executes a static program has it followed, so that is a traced shell.
cases_of() { # PROGRAM PACKAGE
    cd "$GOROOT/src/$2" || return
    sh -c '"$@"' sh "$1" -test.short -test.v -test.timeout 240s >"$run.log" 2>&1
    sed -nE 's/^( *--- (PASS|FAIL|SKIP): [^ ]*) \(.*/\1/p' "$run.log" | LC_ALL=C sort
    [ "$(grep -c '^--- PASS' "$run.log")" -gt "$3" ] || tail -20 "$run.log"
}

for cgo in 0 1; do
    how=$([ $cgo = 0 ] && echo "statically linked" || echo "with C in them")
    for package in net net/http; do
        program=$work/${package//\//_}.$cgo
        (cd "$GOROOT/src" && CGO_ENABLED=$cgo go test -c -o "$program" "$package") || exit 1
        program_same "Go's tests of $package, $how" cases_of "$program" "$package" 200
        edge "Go's tests of $package, $how: over TCP" "$(basename "$program").*" "$(basename "$program").*" tcp 200
    done
done
finish
