# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every script of the transparency suite starts with: `. "$(dirname "$0")/lib.sh"`. A program's own check runs twice, without
# the shim and with it preloaded into everything the check starts (the shell that runs it included), each time in an empty
# folder; how it ended, what it said and its errors must be the same, and the trace must be whole.
#
#   program_same "what holds" FUNCTION [ARG...]    the two runs, compared; a case each for the outcome and the trace
#   edge "what holds" FROM TO TRANSPORT AT_LEAST   on the trace of the last two runs: who called whom (comm, as patterns)
# With SOCKATLAS_SHOW=1 what was compared is shown.
#
# A check prints what must be the same. Where that bears the run's own numbers, a function named `normalise` (a filter) takes them
# out; it already gets neither the folder's name nor that of the run's ports: a check takes them from `check_port`.

. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

# Users who cannot see the build folder get to load it too.
chmod 755 "$work" && cp "$shim" "$work/" && shim=$work/libsockatlas.so || exit 1
seconds=${SOCKATLAS_CHECK_SECONDS:-120} # for one check, once
root=$([ "$(id -u)" -ne 0 ] || echo yes)

need() { # COMMAND|FILE...: without it the whole script is one failure; the packages are listed in tests/deps
    local each
    for each; do
        command -v "$each" >/dev/null 2>&1 || [ -e "$each" ] && continue
        fail "$each is here" "not found; tests/deps programs installs it"
        finish
    done
}

normalise() {
    cat
}

# check_port: sets `port` to a free one, and has it written PORT in what the check says.
check_port() {
    port=$(env -u LD_PRELOAD "$tools/port" free)
    echo "s/\\b$port\\b/PORT/g" >>"$run.sed"
}

# Waiting and asking around is the suite's, not the program's: outside the trace.
untraced() (
    unset LD_PRELOAD
    "$@"
)

# as_user NAME COMMAND...: where root runs the suite. The user traces into a folder of their own: a trace is private.
as_user() (
    become_user "$@"
)

# The same in place of the shell it is called in: what `start` or `background` knows by its pid.
become_user() {
    local name=$1 traced=${LD_PRELOAD:+LD_PRELOAD=$LD_PRELOAD}
    shift
    unset LD_PRELOAD
    [ -d "$trace.$name" ] || install -d -m 700 -o "$name" "$trace.$name"
    # shellcheck disable=SC2086 # none, or one word
    exec setpriv --reuid "$name" --regid "$(id -g "$name")" --init-groups env SOCKATLAS_DIR="$trace.$name" $traced "$@"
}

# PostgreSQL's programs, which refuse root: as the user whom the package makes where root runs the suite, else as who does.
need_postgres() {
    PATH=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH
    need initdb
    as_postgres true || { fail "a user to run the server as" "postgres, whom the package makes" && finish; }
}

as_postgres() {
    if [ -n "$root" ]; then
        as_user postgres "$@"
    else
        "$@"
    fi
}

# postgres_cluster FOLDER [DATA]: a new folder of that user's, and in it (or in DATA below it) a cluster whose superuser is atlas.
postgres_cluster() {
    mkdir "$1" && { [ -z "$root" ] || chown postgres "$1"; }
    (cd "$1" && as_postgres initdb -D "$1/${2:-}" -U atlas --auth=trust --no-sync --locale=C -E UTF8 >"$work/initdb.out" 2>&1) ||
        { fail "initdb" "$(tail "$work/initdb.out")" && finish; }
}

until_open() { # PORT|PATH
    untraced "$tools/port" wait "$1" 20 || { echo "nothing listens on $1" >&2 && return 1; }
}

until_gone() { # PID
    untraced "$tools/gone" "$1" 20
}

# background COMMAND...: as `start`, but stopped at the end of this one run.
background() {
    "$@" </dev/null &
    started+=($!)
}

stop() { # PID [SIGNAL]: and waits
    kill "-${2:-TERM}" "$1" && until_gone "$1"
}

# In a subshell of its own: stops what this run started, however the check ends.
run_check() { # MODE FUNCTION [ARG...]
    run=$work/$1
    started=()
    trap stop_started EXIT
    trap 'exit 124' TERM
    rm -rf "$run" && mkdir "$run" && cd "$run" || exit 125
    chmod 755 "$run"
    : >"$run.sed"
    if [ "$1" = traced ]; then
        export SOCKATLAS_DIR=$trace LD_PRELOAD=$shim
    fi
    shift
    "$@"
}

stop_started() {
    local pid
    unset LD_PRELOAD
    for pid in ${started[@]+"${started[@]}"}; do
        kill -TERM "$pid" 2>/dev/null
    done
    for pid in ${started[@]+"${started[@]}"}; do
        "$tools/gone" "$pid" 10 || kill -KILL "$pid" 2>/dev/null
    done
}

outcome() { # MODE: what the comparison sees
    echo "exit status $(cat "$work/$1.status")"
    for stream in out err; do
        sed -e "s|$work/$1|DIR|g" -f "$work/$1.sed" "$work/$1.$stream" | normalise | sed "s/^/$stream: /"
    done
}

program_same() { # WHAT FUNCTION [ARG...]
    local what=$1 mode pid watch
    shift
    trace=$work/atlas
    rm -rf "$trace"*
    for mode in plain traced; do
        set -m # a process group of its own, so that a check which hangs can be ended whole
        (run_check "$mode" "$@") >"$work/$mode.out" 2>"$work/$mode.err" </dev/null &
        pid=$!
        set +m
        sleep "$seconds" &
        watch=$!
        wait -n $pid $watch
        if kill -0 $pid 2>/dev/null && ! kill -0 $watch 2>/dev/null; then
            echo "stopped after $seconds seconds" >>"$work/$mode.err"
            kill -TERM -- -$pid
        fi
        wait $pid
        echo $? >"$work/$mode.status"
        kill $watch 2>/dev/null
        wait $watch 2>/dev/null
        outcome "$mode" >"$work/$mode.outcome"
    done
    if cmp -s "$work/plain.outcome" "$work/traced.outcome"; then
        pass "$what: the same with the shim"
    else
        fail "$what: the same with the shim" "$(diff -U3 "$work/plain.outcome" "$work/traced.outcome" | tail -n +3 | head -40)"
    fi
    [ -z "${SOCKATLAS_SHOW:-}" ] || sed 's/^/#   /' "$work/plain.outcome"
    # A check that fails in both runs shows nothing.
    if [ "$(cat "$work/plain.status")" -eq 0 ]; then
        pass "$what: its own check holds without"
    else
        fail "$what: its own check holds without" "$(tail -30 "$work/plain.outcome")"
    fi
    trace_whole "$what"
}

# The trace reads without a complaint, tells of sockets, and lost nothing.
trace_whole() {
    local said status
    "$sockatlas" map --format json "$trace"* >"$work/map.json" 2>"$work/map.err"
    status=$?
    said=$("$sockatlas" list --json "$trace"* 2>&1 >"$work/list.json")
    case_is "$1: the trace reads" "0 " "$((status + $?)) $(cat "$work/map.err")$said"
    case_is "$1: the trace is not empty and lost nothing" "yes" "$(jq -r --slurpfile sockets "$work/list.json" '
        if ($sockets | length) == 0 then "no socket"
        elif any(.coverage[]; .what == "lost") then [.coverage[] | select(.what == "lost") | .detail] | join("; ")
        else "yes" end' "$work/map.json" 2>&1)"
}

edge() { # WHAT FROM TO TRANSPORT AT_LEAST
    case_is "$1" "$5 or more" "$(jq -r --arg from "^($2)$" --arg to "^($3)$" --arg transport "$4" --argjson least "$5" '
        (.nodes | map({key: (.id | tostring), value: .comm}) | from_entries) as $comm
        | [.edges[] | select(.transport == $transport and ($comm[.from | tostring] // "" | test($from))
            and ($comm[.to | tostring] // "" | test($to))) | .connections] | add // 0
        | if . >= $least then "\($least) or more" else . end' "$work/map.json" 2>&1)"
}
