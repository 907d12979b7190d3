#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The trace folder stops taking files in the middle of a run: by its mode, by a read-only mount over it, because its disk is full. The
# programs that start meanwhile do what they do and say nothing; what they could not record is counted where `run` can show it.
# As root it runs in a mount namespace of its own, and as an ordinary user, whom a mode can stop, where a case needs one.
if [ -z "${SOCKATLAS_TEST_NAMESPACE:-}" ]; then
    export SOCKATLAS_TEST_NAMESPACE=1
    [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null || exec unshare -m --propagation private "$0" "$@"
    SOCKATLAS_TEST_NAMESPACE=none
fi
. "$(dirname "$0")/lib.sh"

# Where an ordinary user gets at them.
chmod 755 "$work"
cp "$targets/busy" "$sockatlas" "$shim" .
ordinary=()
if [ "$(id -u)" -eq 0 ]; then
    ordinary=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${ordinary[@]}" true 2>/dev/null || ordinary=(none)
fi

# A folder without its write mode cannot be emptied by its user.
clear_home() {
    [ ! -e home ] || chmod -R u+rwX home
    rm -rf home
}
at_end+=(clear_home)

# session CASE COMMAND: what a shell runs under `run`, in the folder `home`, trace in home/trace; nothing is said but by `run`.
session() {
    local what=$1 said
    shift
    clear_home
    mkdir home
    [ ${#as[@]} -eq 0 ] || chown 65534 home
    (cd home && exec "${as[@]}" ../sockatlas run -d trace sh -c "$1") >out 2>err </dev/null
    case_is "$what: the programs' own results" "0" $?
    case_is "$what: they say nothing" "" "$(grep -v '^sockatlas: [0-9]* process\|^sockatlas: the trace is in\|^sockatlas: next: ' out err)"
    said=$("$account" home/ledger "${2:-home/trace}" 2>&1)
    case_is "$what: records and losses add up to the calls" 0 $?
    echo "# $(tail -1 <<<"$said")"
}

notes() { # [FOLDER]
    "$sockatlas" map --format json "${1:-home/trace}" | jq -r '.coverage[] | select(.what == "no_log" or .what == "lost") | "\(.node) \(.detail)"'
}

if [ "${ordinary[0]:-}" != none ]; then
    as=(${ordinary[@]+"${ordinary[@]}"})
    session "the folder's mode" '
        ../busy ledger 1 2 20 && chmod 500 trace && ../busy ledger 1 2 20 && ../busy ledger 1 1 10 &&
        chmod 700 trace && ../busy ledger 1 2 20'
    case_has "the folder's mode: the map says how much is missing" '^null [1-9][0-9]* records lost by programs that could make no log$' "$(notes)"
    session "the folder's mode, to the end" '../busy ledger 1 2 20 && chmod 500 trace && ../busy ledger 1 2 20'
    case_has "the folder's mode, to the end: the map says how much is missing" '^null [1-9][0-9]* records lost by programs that could make no log$' "$(notes)"
    case_has "the folder's mode, to the end: run's summary tells of it" '[1-9][0-9]* blind spot' "$(cat err)"
    session "a program killed without a log" 'chmod 500 trace; { ../busy ledger 1 2 20 kill; } 2>killed; test $? -eq 137 && echo Killed | cmp - killed'
    session "processes of one without a log" 'chmod 500 trace; ../busy ledger 1 1 20; for each in 1 2 3 4 5; do ../busy ledger 1 4 10 & done; wait'
else
    case_skip "a folder's mode" "no setpriv here"
fi

as=()
if [ "$SOCKATLAS_TEST_NAMESPACE" != none ] && mkdir disk && mount -t tmpfs -o size=16k tmpfs disk 2>err; then
    mkdir disk/home
    (cd disk/home && exec ../../sockatlas run -d trace sh -c '../../busy ../../ledger 1 2 20') >out 2>err </dev/null
    case_is "no space for a log: the program's own result" 0 $?
    said=$("$account" ledger disk/home/trace 2>&1)
    case_is "no space for a log: losses add up to the calls" 0 $?
    case_has "no space for a log: the map says so" '^null [1-9][0-9]* records lost by programs that could make no log$' "$(notes disk/home/trace)"
    umount disk

    # Nothing can be written any more, not even a count: that this is so is all that can be said.
    rm -rf home && mkdir home
    (cd home && exec ../sockatlas run -d trace sh -c '
        ../busy ledger 1 2 20 && mount --bind trace trace && mount -o remount,ro,bind trace && ../busy other 1 2 20') >out 2>err </dev/null
    case_is "a read-only mount: the programs' own results" 0 $?
    "$account" home/ledger home/trace >/dev/null 2>&1
    case_is "a read-only mount: what was recorded before stays whole" 0 $?
    case_has "a read-only mount: the map says so" '^null the trace folder could not be written to any more: ' "$(notes)"
    case_has "a read-only mount: run's summary tells of it" '[1-9][0-9]* blind spot' "$(cat err)"
    umount home/trace
else
    case_skip "a full disk and a read-only mount" "not root, or no mount namespace here"
fi
finish
