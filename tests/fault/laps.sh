#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A server over a hundred laps of its log's ring, prefork and threaded: without a collector, with one, with one that is killed at random and
# started again, on a disk that is filled and freed, after chroot, setuid and in a sandbox. Connections made = connections in the trace or
# counted as overwritten, exactly. CONNECTIONS, RATE (in a second, at most) and RING (bytes) make it longer: tests/check/slow/laps-long.sh.
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

connections=${CONNECTIONS:-16000} rate=${RATE:-8000} ring=${RING:-65536}
seed=${SEED:-$RANDOM}
RANDOM=$seed
mkdir disk
folder=$work/trace # of the trace
at_end+=('mountpoint -q disk && umount disk')

# serve RATE processes|threads [WHAT...]: in the background; its pid in `server`.
serve() {
    local pace=$1 how=$2
    shift 2
    rm -rf ledger "$folder"
    mkdir -m 700 "$folder"
    [ -z "$collects" ] || collect
    (exec env "LD_PRELOAD=$shim" "SOCKATLAS_DIR=$folder" "SOCKATLAS_LIMIT=$ring" \
        "$targets/busy_server" ledger "$how" 3 "$connections" "$pace" "$@") >out 2>&1 </dev/null &
    server=$!
} 2>/dev/null
served() { # CASE: waits until all were served
    wait "$server" 2>/dev/null
    status=$?
    [ -z "$collects" ] || end_collection
    adds_up "$1" $status "$folder"
    case_ok "$1: a hundred laps" [ "$(laps)" -ge 100 ]
    figures
}
laps() {
    local log
    log=$(echo "$folder"/*.atlas)
    echo $(($(number_at "$log" 512) / $(number_at "$log" 256)))
}
number_at() { # FILE OFFSET: of 8 bytes
    od -An -t u8 -j "$2" -N 8 "$1" | tr -d ' '
}

collects= # while a collector is to run
most=0    # KiB of memory that one had
collect() {
    "$sockatlas" collect -q "$folder" 2>>said &
    collector=$!
    started+=("$collector")
}
note_memory() {
    local peak
    peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$collector/status" 2>/dev/null)
    [ "${peak:-0}" -le "$most" ] || most=$peak
}
kill_collector() {
    note_memory
    kill -KILL "$collector"
    wait "$collector" 2>/dev/null
}
is_cut() { # all of the log is in segments
    [ "$(stat -c %s "$folder"/*.atlas)" -eq 4096 ]
}
end_collection() {
    wait_true is_cut || echo "# the log was not brought in as a whole"
    note_memory
    kill -TERM "$collector"
    wait "$collector"
}

has_segments() {
    compgen -G "$folder/*.zst" >/dev/null
}

# What it took, for reading: nothing here can fail.
figures() {
    local log segments
    log=$(stat -c %b "$folder"/*.atlas | awk '{print $1 / 2}')
    segments=$(cat "$folder"/*.zst 2>/dev/null | wc -c)
    echo "#   the log has $log KiB, $(fincore -n -b -o RES "$folder"/*.atlas 2>/dev/null | awk '{print $1 / 1024}') of it in memory;" \
        "segments $((segments / 1024)) KiB, $((segments / connections)) bytes a connection; a collector at most $most KiB"
}

for how in processes threads; do
    collects=
    serve 0 $how
    served "$how, nobody collects"
    collects=1
    serve "$rate" $how
    while kill -0 "$server" 2>/dev/null; do
        sleep 0.$((RANDOM % 30 + 10))
        kill_collector
        sleep 0.0$((RANDOM % 10))
        collect
    done
    served "$how, the collector killed at random (SEED=$seed)"
done

if [ "$(id -u)" -eq 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
    for how in processes threads; do
        serve "$rate" $how chroot setuid seccomp
        sleep 0.3
        kill_collector
        sleep 0.1
        collect
        served "$how, after chroot, setuid and in a sandbox, the collector killed once"
    done
else
    case_skip "after chroot, setuid and in a sandbox" "needs root"
fi

serve "$rate" threads
served "threads, collected"

# ---- A disk that is filled and freed

lapped_since() {
    [ "$(laps)" -ge $((full + 2)) ]
}
# on_disk CASE: on the file system at `disk`, which stays full for two laps.
on_disk() {
    folder=$work/disk/trace
    : >said
    serve "$rate" processes
    wait_true has_segments
    while head -c 64k /dev/zero >>disk/filler 2>/dev/null; do :; done
    wait_true grep -q 'until that changes: No space left' said
    case_ok "$1: that nothing can be collected is said" grep -q 'until that changes: No space left' said
    full=$(laps)
    wait_true lapped_since
    rm disk/filler
    wait_true grep -q 'is collected again' said
    case_ok "$1: that it goes on is said" grep -q 'is collected again' said
    served "$1"
    case_has "$1: the gap is said" 'overwritten +before [0-9-]+ [0-9:]+: [0-9]+ records' "$("$sockatlas" map "$folder")"
    folder=$work/trace
}
if [ "$SOCKATLAS_TEST_NAMESPACE" != none ] && mount -t tmpfs -o size=16M,mode=700 tmpfs disk 2>err; then
    on_disk "a tmpfs that is filled and freed"
    umount disk
else
    case_skip "a tmpfs that is filled and freed" "no mount namespace here: $(head -1 err 2>/dev/null)"
fi
if [ "$(id -u)" -eq 0 ] && command -v mkfs.ext4 >/dev/null && truncate -s 16M image && mkfs.ext4 -q -F -m 0 image 2>/dev/null &&
    mount -o loop image disk 2>err; then
    on_disk "an ext4 that is filled and freed"
    umount disk
else
    case_skip "an ext4 that is filled and freed" "not root, or no loop device here"
fi
finish
