# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the fault suites share, on top of tests/e2e/lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
account=$top/build/fault/account
environment=() # more of it for the next programs, as NAME=VALUE

# faulty COMMAND...: runs it with the shim, quietly; its exit status. What it said is in `out`.
faulty() {
    rm -rf trace ledger
    (exec env "LD_PRELOAD=$shim" "SOCKATLAS_DIR=$PWD/trace" ${environment[@]+"${environment[@]}"} "$@") >out 2>&1 </dev/null
} 2>/dev/null

# adds_up CASE STATUS: the program killed itself at its end (so it got there, and nothing went wrong on the way), and each of its
# calls is in the trace or was counted as lost.
adds_up() {
    local said status
    said=$("$account" ledger "${3:-trace}" 2>&1)
    status=$?
    if [ "$2" -ne 137 ]; then
        fail "$1" "exit status $2, not 137" "$(head -5 out)" "$said"
    elif [ $status -ne 0 ]; then
        fail "$1" "$(head -20 <<<"$said")" "$(head -5 out)"
    else
        pass "$1: $(tail -1 <<<"$said")"
    fi
}

# busy CASE PROGRAM ARGUMENT...: one of the busy targets, whose first argument is the ledger.
busy() {
    local what=$1 program=$2
    shift 2
    faulty "$targets/$program" ledger "$@"
    adds_up "$what" $?
}

# unharmed CASE PROGRAM ARGUMENT...: nothing can be recorded, and the program comes to its end all the same.
unharmed() {
    local what=$1 program=$2
    shift 2
    faulty "$targets/$program" ledger "$@"
    case_is "$what" 137 $?
}
