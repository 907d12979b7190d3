# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every end-to-end script starts with: `. "$(dirname "$0")/lib.sh"`. A temporary folder ($work, the current one), the built
# programs, free ports, background programs that are stopped by pid at the end, and cases reported as TAP.
#
#   case_is "what holds" EXPECTED SEEN      case_has "what holds" PATTERN TEXT     case_ok "what holds" COMMAND...
#   case_skip "what would hold" "why not"   cases_of SAID     finish

set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sockatlas=$top/build/sockatlas
shim=$top/build/libsockatlas.so
targets=$top/build/targets
tools=$top/build/tools
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C NO_COLOR=1
unset SOCKATLAS_DIR SOCKATLAS_LIMIT SOCKATLAS_IO SOCKATLAS_OFF LD_PRELOAD
# With SOCKATLAS_TEST_LIMIT=64K all logs are as small as can be, so that each that is busy is written full many times.
[ -z "${SOCKATLAS_TEST_LIMIT:-}" ] || export SOCKATLAS_LIMIT=$SOCKATLAS_TEST_LIMIT

work=$(mktemp -d "${TMPDIR:-/tmp}/sockatlas-test.XXXXXX") || exit 1
cd "$work" || exit 1
cases=0 failures=0 started=() at_end=()

# forget FOLDER: removes what the logs in it have in memory, where its file system does not keep space.
forget() {
    local log name
    find "$1" -type f \( -name '*.atlas' -o -name '.*.*.*' \) 2>/dev/null | while read -r log; do
        name=${log##*/}
        name=${name#.}
        rm -f "/dev/shm/sockatlas-${name%.atlas}.atlas"
    done
}

clean_up() {
    local pid step
    [ "$BASHPID" -eq $$ ] || return # a child that got a signal before it had forgotten the traps
    for pid in ${started[@]+"${started[@]}"}; do
        kill -TERM "$pid" 2>/dev/null
    done
    for pid in ${started[@]+"${started[@]}"}; do
        "$tools/gone" "$pid" 5 || kill -KILL "$pid" 2>/dev/null
    done
    for step in ${at_end[@]+"${at_end[@]}"}; do
        eval "$step"
    done
    forget "$work"
    cd / && rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# start COMMAND...: runs it in the background; $! is its pid; stopped at the end of the script.
start() {
    "$@" </dev/null &
    started+=($!)
}

# adopt PID...: a daemon's pid, to be stopped at the end like what `start` started.
adopt() {
    started+=("$@")
}

# free_port [COUNT]: so many ports, no two alike; those of two calls may be.
free_port() {
    "$tools/port" free "${1:-1}"
}

# wait_port PORT|PATH: until something accepts there; fails after 20 seconds.
wait_port() {
    "$tools/port" wait "$1" 20 || { echo "# nothing listens on $1" && return 1; }
}

# wait_gone PID: until that process is no more; fails after 20 seconds.
wait_gone() {
    "$tools/gone" "$1" 20
}

# wait_true COMMAND...: for what no event tells of, asked again for at most 20 seconds.
wait_true() {
    local tries=400
    while ! "$@" 2>/dev/null; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        env -u LD_PRELOAD sleep 0.05
    done
}

pass() {
    cases=$((cases + 1))
    echo "ok $cases - $1"
}

fail() { # CASE [LINE...]
    cases=$((cases + 1)) failures=$((failures + 1))
    echo "not ok $cases - $1"
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/#   /'
}

case_is() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected: $2" "seen:     $3"; fi
}

# The pattern is an extended regular expression that some line must match.
case_has() {
    if grep -qE -- "$2" <<<"$3"; then pass "$1"; else fail "$1" "expected a line like: $2" "seen:" "$3"; fi
}

case_ok() {
    local what=$1 said status
    shift
    said=$("$@" 2>&1)
    status=$?
    if [ $status -eq 0 ]; then pass "$what"; else fail "$what" "exit status $status of: $*" "$said"; fi
}

case_skip() {
    cases=$((cases + 1))
    echo "ok $cases - $1 # SKIP $2"
}

# cases_of SAID: another program's lines `ok WHAT` and `not ok WHAT` as cases, others as comments.
cases_of() {
    local line
    while IFS= read -r line; do
        case $line in
        'ok '*) pass "${line#ok }" ;;
        'not ok '*) fail "${line#not ok }" ;;
        *) echo "# $line" ;;
        esac
    done <<<"$1"
}

# trace DIR COMMAND...: what the command and sockatlas print is not looked at.
trace() {
    local dir=$1
    shift
    "$sockatlas" run -d "$dir" "$@" >/dev/null 2>&1 </dev/null
}

finish() {
    echo "1..$cases"
    exit $((failures > 0))
}
