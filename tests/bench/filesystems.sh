#!/bin/bash
# SPDX-License-Identifier: MIT
#
# filesystems.sh [COUNT]: what a program of one socket costs with its trace on each file system that this kernel has, whose device reads ahead
# 8 MiB: CPU time (user and system) of COUNT (300) such programs, less the same with an empty preload, in milliseconds each; and how much
# each left in the page cache. As root.
count=${1:-300}
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare -m --propagation private "$0" "$count"
. "$(dirname "$0")/../fault/lib.sh"
. "$top/tests/fault/mounts.sh"

cpu() { # PRELOAD FOLDER: ms of CPU of all the programs
    rm -rf "$2" && mkdir -m 700 "$2"
    ( cd "$2" && TIMEFORMAT='%U %S' && time for ((i = 0; i < count; i++)); do
        LD_PRELOAD=$1 SOCKATLAS_DIR=$2 "$top/build/bench/one_socket"
    done ) 2>&1 | awk '{ print ($1 + $2) * 1000 }'
}
cached() { # KiB in the page cache of the files in a folder
    fincore -bno RES "$1"/*.atlas 2>/dev/null | awk '{ sum += $1 } END { print int(sum / 1024) }'
}

printf '%-16s %14s %22s\n' "file system" "ms a program" "KiB in the page cache"
for name in "${FILE_SYSTEMS[@]}"; do
    if ! why=$(mount_of "$name"); then
        ! mountpoint -q layers || umount layers
        printf '%-16s %s\n' "$name" "${why:-it cannot be mounted}"
        continue
    fi
    for device in $(losetup -nO NAME -j image 2>/dev/null); do
        blockdev --setra 16384 "$device"
    done
    bare=$(cpu "$top/build/bench/empty.so" "$PWD/disk/bare")
    with=$(cpu "$shim" "$PWD/disk/with")
    printf '%-16s %14s %22s\n' "$name" "$(awk -v a="$with" -v b="$bare" -v n="$count" 'BEGIN { printf "%.2f", (a - b) / n }')" \
        "$(($(cached disk/with) / count))"
    unmount
done
