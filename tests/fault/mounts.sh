# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Each file system that this kernel has, mounted on ./disk from a loop file; for scripts in a mount namespace of their own.
#
#   mount_of NAME [FOLDER]   mounts one; else prints why not and fails         unmount   what is mounted on ./disk
#   FILE_SYSTEMS             the names

mkdir disk layers
at_end+=('forget "$work"; umount disk 2>/dev/null; umount layers 2>/dev/null; [ ! -e bindfs.pid ] || kill "$(cat bindfs.pid)"')

# ---- File systems: NAME, what makes one in `image` or says why it cannot ----

# on_loop FOLDER MKFS...: makes a file system in `image` and mounts it.
on_loop() {
    local folder=$1
    shift
    command -v "$1" >/dev/null || { echo "no $1 here" && return 1; }
    [ "$(id -u)" -eq 0 ] || { echo "only root has loop devices" && return 1; }
    rm -f image && truncate -s "${size:-320M}" image
    "$@" image >mkfs.out 2>&1 || { echo "$1: $(tail -1 mkfs.out)" && return 1; }
    mount -o "loop${options:+,$options}" image "$folder" 2>&1
}
# on_fuse: a file system that a process serves, from a small tmpfs; with fuse_options=-d it writes each request to bindfs.out.
on_fuse() {
    command -v bindfs >/dev/null || { echo "no bindfs here" && return 1; }
    mount_of tmpfs layers || return 1
    bindfs -f ${fuse_options:+"$fuse_options"} layers disk >bindfs.out 2>&1 &
    echo $! >bindfs.pid
    wait_true fuse_decided
    mountpoint -q disk || { echo "bindfs: $(tail -1 bindfs.out)" && return 1; }
}
fuse_decided() {
    mountpoint -q disk || ! kill -0 "$(cat bindfs.pid)"
}
# over NAME: overlayfs whose files are on the file system NAME.
over() {
    mount_of "$1" layers || return 1
    mkdir layers/{lower,upper,work}
    mount -t overlay overlay -o "lowerdir=$PWD/layers/lower,upperdir=$PWD/layers/upper,workdir=$PWD/layers/work" disk 2>&1
}
# mount_of NAME [FOLDER]: mounts one; else prints why not and fails.
mount_of() {
    local folder=${2:-disk} size='' options=''
    case $1 in
    tmpfs) mount -t tmpfs -o size=16M,mode=700 tmpfs "$folder" 2>&1 ;;
    ext2 | ext3 | ext4) size=16M && on_loop "$folder" "mkfs.$1" -q -F -m 0 ;;
    ext4-journal) size=32M options=data=journal && on_loop "$folder" mkfs.ext4 -q -F -m 0 ;;
    xfs) on_loop "$folder" mkfs.xfs -q -f ;;
    xfs-alone) on_loop "$folder" mkfs.xfs -q -f -m reflink=0 ;;
    fuse) on_fuse ;;
    btrfs) size=128M && on_loop "$folder" mkfs.btrfs -q -f -M ;;
    overlay-*) over "${1#overlay-}" ;;
    esac
}
unmount() {
    forget disk
    rm -rf disk/* 2>/dev/null
    umount disk
    [ ! -e bindfs.pid ] || { wait_gone "$(cat bindfs.pid)" && rm bindfs.pid; }
    ! mountpoint -q layers || umount layers
}

FILE_SYSTEMS=(tmpfs ext2 ext3 ext4 ext4-journal xfs xfs-alone btrfs fuse overlay-tmpfs overlay-ext4 overlay-xfs overlay-btrfs)
