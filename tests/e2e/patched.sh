#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs without a libc to interpose on: a Go program (patched.go), statically linked and otherwise, is followed from its first instruction
# on, is not disturbed, and what the map has of it is what it did. Where it cannot be followed it runs as it is, and that is said.
. "$(dirname "$0")/lib.sh"

if [ ! -x "$top/build/sockatlas-patch" ]; then
    case_skip "Go programs are followed" "not written for this processor"
    finish
fi
program=$work/patched
cache=$top/build/go
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$work/go
build() { # CGO OUT [FLAG...]
    CGO_ENABLED=$1 GO111MODULE=off GOFLAGS='' GOCACHE=$cache go build "${@:3}" -o "$2" "$top/tests/e2e/patched.go" || exit 1
}
printf %s "$work/unix" >socket-path

run() { # ARG...: `sockatlas run`, whose words go to run.err; the trace is in $work/trace
    rm -rf trace
    "$sockatlas" run -d trace "$@" 2>run.err
}
edges() { # FILTER: of the map's edges
    "$sockatlas" map --format json trace | jq -c "[.edges[] | select($1)]"
}

# ---- not disturbed, and what it did ----

followed() { # WHAT: of $program
    rm -f unix
    "$program" all >alone.out
    local alone=$?
    rm -f unix
    run "$program" all >traced.out
    case_is "$1: the exit status is its own" "$alone" "$?"
    case_is "$1: it says the same, of itself too: its children, tracer, signal masks, descriptors" "$(cat alone.out)" "$(cat traced.out)"
    case_has "$1: nothing is not seen" "no blind spots" "$(cat run.err)"
    case_is "$1: each of 300 connections between its goroutines has its bytes" "300 1500 900" \
        "$("$sockatlas" list --json trace | jq -sr '[.[] | select(.transport == "tcp" and .role == "client" and .outcome == "established" and .comm == "patched")
            | select(.bytes_sent == 5 and .bytes_received == 3)] | group_by(.pid) | max_by(length) | "\(length) \(map(.bytes_sent) | add) \(map(.bytes_received) | add)"')"
    case_is "$1: and ended" "0" "$("$sockatlas" list --json trace | jq -s '[.[] | select(.role == "client" and .outcome == "established" and .end != "closed" and .transport != "udp")] | length')"
    case_is "$1: both ends are found for all, children's too" "0" "$(edges '.transport == "tcp" and .failed == 0 and .to == null' | jq length)"
    case_is "$1: datagrams are counted" "7 4" "$(edges '.transport == "udp"' | jq -r '.[] | "\(.bytes_sent) \(.bytes_received)"')"
    case_is "$1: a unix socket is found" "1" "$(edges '.transport == "unix"' | jq '.[0].connections')"
    case_is "$1: a refused connect is one" "1" "$(edges '.failed == 1' | jq length)"
    case_is "$1: followed by redirecting its calls, as are its children, one of which got an empty environment" '["patch"] 3' \
        "$("$sockatlas" map --format json trace | jq -r '"\([.nodes[] | select(.comm == "patched") | .via] | unique) \([.edges[] | select(.transport == "tcp" and .connections > 0)] | length)"')"
}

# Part of it is C: it is dynamic, and what libc does (looking up names) is in the same log.
build 1 "$program"
followed "with C in it"
case_is "with C in it: it is dynamic" 1 "$(readelf -dW "$program" | grep -c NEEDED)"
GODEBUG=netdns=cgo run "$program" name localhost >/dev/null
case_is "with C in it: a name that libc looks up is in the log of the process that dials" '["patched"]' \
    "$("$sockatlas" list --json trace | jq -sc '[.[] | select(.peer_name == "localhost") | .comm] | unique')"
run --no-patch "$program" dial 127.0.0.1:1 >/dev/null
case_has "with C in it, --no-patch: it is said" "will not be traced: it is a Go program" "$(cat run.err)"
cp "$program" "$work/with-c"
# It has a loader, and no library.
build 0 "$program" -buildmode=pie
followed "at a random address"
build 1 "$program" -buildmode=pie
followed "with C in it, at a random address"
build 0 "$program"
followed "static"

# ---- ends ----

"$sockatlas" run -d server "$program" serve >address 2>/dev/null &
started+=($!)
until [ -s address ]; do sleep 0.05; done
rm -rf killed
"$sockatlas" run -d killed "$program" die "$(cat address)" 2>/dev/null
case_is "killed, it dies of the same signal" 137 "$?"
case_is "and what it did is there" "5 3" \
    "$("$sockatlas" list --json killed | jq -sr '.[] | select(.role == "client") | "\(.bytes_sent) \(.bytes_received)"')"

for each in "$program" ./with-c; do
    rm -rf taken left taken.address
    "$sockatlas" run -d taken "$program" take >taken.address 2>/dev/null &
    taker=$!
    started+=($taker)
    until [ -s taken.address ]; do sleep 0.05; done
    "$sockatlas" run -d left "$each" leave "$(cat taken.address)" 2>/dev/null
    status=$?
    case_is "$(basename "$each") ends while its goroutines send: its own status" 4 "$status"
    wait $taker
    case_is "... and what it is said to have sent is what came" "8 []" \
        "$("$sockatlas" list --json taken left | jq -sc '[.[] | select(.role == "client" or .role == "server")] | group_by([.local_port, .peer_port] | sort)
            | "\(length) \(map(select(.[0].bytes_sent != .[1].bytes_received or .[1].bytes_sent != .[0].bytes_received)) | map(map([.bytes_sent, .bytes_received])))"' | jq -r .)"
done

# ---- asked for or not ----

run --no-patch "$program" dial "$(cat address)"
case_is "--no-patch: it runs" 7 "$?"
case_has "--no-patch: it is said" "will not be traced: it is statically linked" "$(cat run.err)"
case_is "--no-patch: nothing of it is recorded" 0 "$("$sockatlas" list --json trace 2>/dev/null | wc -l)"
SOCKATLAS_DIR=$work/hand LD_PRELOAD=$preload bash -c "'$program' dial $(cat address); true"
case_is "a preload by hand leaves it alone" 0 "$("$sockatlas" list --json hand 2>/dev/null | wc -l)"
rm -rf hand
SOCKATLAS_PATCH=1 SOCKATLAS_DIR=$work/hand LD_PRELOAD=$preload bash -c "'$program' dial $(cat address); true"
case_is "and with SOCKATLAS_PATCH=1 it does not" 1 "$("$sockatlas" list --json hand | wc -l)"

# ---- left alone ----

# One byte of the comparison behind each system call is another: the program does the same, and is none that is known.
LC_ALL=C sed 's/\x0f\x05\x48\x3d\x01\xf0\xff\xff/\x0f\x05\x48\x3d\x02\xf0\xff\xff/g' "$program" >other
chmod +x other
run ./other dial "$(cat address)"
case_is "whose calls are not as expected: it runs as it is" 7 "$?"
case_has "and why is said" "not where they were expected" "$(cat run.err)"
case_has "by the map too" "not where they were expected" "$("$sockatlas" map trace)"
with_c=$(LC_ALL=C sed 's/\x0f\x05\x48\x3d\x01\xf0\xff\xff/\x0f\x05\x48\x3d\x02\xf0\xff\xff/g' with-c | tee other-with-c | wc -c)
chmod +x other-with-c
run ./other-with-c dial "$(cat address)"
case_is "with C in it: it runs as it is" "7 true" "$? $([ "$with_c" -gt 0 ] && echo true)"
case_has "with C in it: and why is said" "not where they were expected" "$(cat run.err)"
case_is "with C in it: once, by the map" 1 "$("$sockatlas" map --format json trace | jq '[.coverage[] | select(.detail | test("not where they were expected"))] | length')"
run bash -c "./other-with-c dial $(cat address); exit \$?"
case_has "with C in it, as a child: the map says why" "not where they were expected" "$("$sockatlas" map trace)"
run bash -c "./other dial $(cat address); exit \$?"
case_is "as a child it runs as it is" 7 "$?"
case_has "and the map says why" "not where they were expected" "$("$sockatlas" map trace)"

# Neither libc nor Go: the loader has nothing that the shim could take from elsewhere.
printf 'void _start(void) { __asm__ volatile("syscall" : : "a"(60), "D"(7) : "rcx", "r11"); }' |
    gcc -nostdlib -fPIE -pie -Wl,--dynamic-linker=/lib64/ld-linux-x86-64.so.2 -o bare -x c -
run ./bare
case_is "a dynamic program without a libc runs" 7 "$?"

run strace -f -o /dev/null "$program" dial "$(cat address)"
case_is "under strace it runs as it is" 7 "$?"
case_has "and the map says why" "may not be traced by ptrace" "$("$sockatlas" map trace)"

if [ "$(id -u)" -eq 0 ]; then
    install -m 4755 -o 65534 "$program" setuid
    run ./setuid id >id.out
    case_is "a setuid program keeps its rights" "0 65534" "$(cat id.out)"
    case_has "and why it is left alone is said" "rights of its own" "$(cat run.err)"
else
    case_skip "a setuid program keeps its rights" "only root can make one of another user's"
    case_skip "and why it is left alone is said" "only root can make one of another user's"
fi
forged trace
finish
