#!/bin/bash
# SPDX-License-Identifier: MIT
#
# No space for the trace, or less and less: the program goes on as if nothing were, and records and losses add up to its calls.
# Runs in a mount namespace of its own, for small file systems.
if [ -z "${SOCKATLAS_TEST_NAMESPACE:-}" ]; then
    export SOCKATLAS_TEST_NAMESPACE=1
    if [ "$(id -u)" -eq 0 ]; then
        unshare -m true 2>/dev/null && exec unshare -m --propagation private "$0" "$@"
    else
        unshare -rm true 2>/dev/null && exec unshare -rm "$0" "$@"
    fi
    SOCKATLAS_TEST_NAMESPACE=none
fi
. "$(dirname "$0")/lib.sh"

# on_disk CASE: two threads that record some 300 KiB, in the folder `disk`.
on_disk() {
    local what=$1
    environment=("SOCKATLAS_DIR=$PWD/disk/trace")
    faulty "$targets/busy" ledger 1 2 350 kill
    adds_up "$what" $? disk/trace
    environment=()
}

mkdir disk
if [ "$SOCKATLAS_TEST_NAMESPACE" != none ] && mount -t tmpfs -o size=64k tmpfs disk 2>err; then
    umount disk
    for kibibytes in 28 32 36 64 $((RANDOM % 200 + 40)) $((RANDOM % 200 + 40)) $((RANDOM % 200 + 40)) 4096; do
        mount -t tmpfs -o size=${kibibytes}k tmpfs disk
        on_disk "tmpfs of $kibibytes KiB"
        umount disk
    done
    mount -t tmpfs -o size=4k tmpfs disk
    environment=("SOCKATLAS_DIR=$PWD/disk/trace")
    unharmed "tmpfs without space for a log" busy 1 2 50 kill
    environment=()
    umount disk

    # Another program takes the space in the middle, and gives it back.
    mount -t tmpfs -o size=300k tmpfs disk
    # Once there is a log: without one, losses are counted nowhere.
    (while [ ! -e stop ]; do
        compgen -G 'disk/trace/*.atlas' >/dev/null || continue
        head -c 300k /dev/zero >disk/filler 2>/dev/null
        rm -f disk/filler
    done) &
    filler=$!
    on_disk "space that comes and goes"
    : >stop && wait $filler
    umount disk
else
    case_skip "a full tmpfs" "no mount namespace here: $(head -1 err 2>/dev/null)"
fi

if [ "$(id -u)" -eq 0 ] && command -v mkfs.ext4 >/dev/null && truncate -s 2M image && mkfs.ext4 -q -F -N 64 image 2>/dev/null &&
    mount -o loop image disk 2>err; then
    head -c $(($(df --output=avail -k disk | tail -1) - 40 - RANDOM % 160))k /dev/zero >disk/filler
    on_disk "ext4 nearly full"
    rm -rf disk/filler disk/trace
    head -c 100M /dev/zero >disk/filler 2>/dev/null
    environment=("SOCKATLAS_DIR=$PWD/disk/trace")
    unharmed "ext4 full" busy 1 2 50 kill
    environment=()
    umount disk
else
    case_skip "a full ext4" "not root, or no loop device here"
fi

# ---- Folders ----

# Until the log stands under its name.
log_there() {
    local tries
    for ((tries = 0; tries < 2000; tries++)); do
        compgen -G 'trace/*.atlas' >/dev/null && return
        sleep 0.005
    done
    return 1
}

(faulty "$targets/busy" ledger 2 2 4000 kill; echo $? >status) &
running=$!
# Nobody looks at it before: what has ended of it would change meanwhile.
if log_there && mkdir kept && ln trace/*.atlas kept/ && command rm -rf trace && wait $running; then
    adds_up "the folder is removed meanwhile" "$(cat status)" kept
    case_is "it stays removed" "no" "$([ -e trace ] && echo yes || echo no)"
else
    fail "the folder is removed meanwhile" "no log appeared"
fi

# As an ordinary user, whom a folder's mode can stop, and who need not be able to read where this was built.
user=()
cp "$targets/busy" busy
cp "$shim" libsockatlas.so
if [ "$(id -u)" -eq 0 ]; then
    chmod 755 "$work"
    user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${user[@]}" true 2>/dev/null || user=()
fi
as_user() { # CASE MODE: a folder of the user's with that mode
    local what=$1 mode=$2
    rm -rf own && mkdir own && : >ledger && chmod 666 ledger
    [ ${#user[@]} -eq 0 ] || chown 65534 own
    chmod "$mode" own
    (exec ${user[@]+"${user[@]}"} env LD_PRELOAD="$PWD/libsockatlas.so" SOCKATLAS_DIR="$PWD/own/trace" ./busy ledger 2 2 20 kill) \
        >out 2>&1 </dev/null
    case_is "$what" 137 $?
    case_is "$what: nothing was made" "" "$(ls own)"
    chmod 700 own
} 2>/dev/null
if [ "$(id -u)" -ne 0 ] || [ ${#user[@]} -gt 0 ]; then
    as_user "a folder that cannot be written" 500
    as_user "a folder that cannot be entered" 0
else
    case_skip "a folder that cannot be written" "no setpriv here"
fi
: >plain
environment=("SOCKATLAS_DIR=$PWD/plain")
unharmed "a file where the folder should be" busy 1 1 20 kill
environment=("SOCKATLAS_DIR=/proc/sockatlas")
unharmed "a folder that cannot be made" busy 1 1 20 kill
environment=()
finish
