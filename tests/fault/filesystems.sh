#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The trace on each file system that this kernel has, from a loop file in a mount namespace of the suite's own: a disk that is filled while
# the log's pages are written back, a copy that shares its blocks, a parent that exits before its child, kills. The program lives, what is
# lost is counted and said, records resume when there is space again.
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

. "$top/tests/fault/mounts.sh" || exit 1
mkdir said_of

# ---- What is done on each ----

# Takes all that is free, whatever it takes: in one piece, then in smaller ones.
fill() {
    local n=0 block
    sync -f disk
    for block in 1M 64k 4k; do
        while dd if=/dev/zero of="disk/filler.$n" bs=$block count=16 conv=fsync 2>/dev/null && [ $n -lt 2000 ]; do
            n=$((n + 1))
        done
    done
    sync -f disk
}
make_space() {
    rm -f disk/filler.*
    sync -f disk
}

# phases NAME ARGUMENT...: starts busy_phases on `disk`, its output in descriptor 8, its input 7; its pid in `program`.
phases() {
    rm -rf ledger go out && mkfifo go out
    (exec env "LD_PRELOAD=$shim" "SOCKATLAS_DIR=$PWD/disk/trace" "$targets/busy_phases" ledger "$@" <go >out 2>said_of/err) &
    program=$!
    exec 7>go 8<out
}
hears() { # WORD: the program's next line
    local line=
    read -r -t 60 -u 8 line
    [ "$line" = "$1" ]
}
tell() { # a program that was killed ends only this subshell
    (printf x >&7)
}
phases_end() { # the exit status in `status`
    exec 7>&- 8<&-
    wait "$program" 2>/dev/null
    status=$?
}
lost_of() { # TRACE: the losses that it admits
    "$sockatlas" export --format jsonl "$1" 2>/dev/null | jq -s '[.[] | select(.event == "image") | .lost] | add'
}

# The log's pages are written back, the disk fills, they are written again, new ones are needed, space is back.
filled_and_freed() { # NAME SHARE: SHARE copies the log so that copy and log have blocks in common, where there is such a thing
    local said before after
    phases 4 500
    if ! hears ready; then
        fail "$1, filled: the first records" "$(cat said_of/err)"
        phases_end
        return
    fi
    [ -z "$2" ] || cp --reflink=auto disk/trace/*.atlas disk/copy
    sync -f disk
    fill
    tell && hears ready && fill
    tell && hears ready
    before=$(lost_of disk/trace)
    make_space
    tell && hears "done"
    phases_end
    after=$(lost_of disk/trace)
    said=$("$account" ledger disk/trace 2>&1)
    if [ $status -ne 137 ]; then
        fail "$1, filled${2:+ after a copy}" "exit status $status, not 137" "$said" "$(cat said_of/err)"
    elif ! "$account" ledger disk/trace >/dev/null 2>&1; then
        fail "$1, filled${2:+ after a copy}" "$said"
    else
        pass "$1, filled${2:+ after a copy}: the program lives; $(tail -1 <<<"$said")"
    fi
    case_is "$1, filled${2:+ after a copy}: nothing is lost once there is space again" "$before" "$after"
    unset before after
}

# The maker of the log exits, its child goes on in it, at last beyond what was there when the maker left.
orphaned() { # NAME
    local said
    phases 3 200 orphan
    hears ready && tell && hears ready
    wait "$program"
    status=$?
    if [ $status -ne 0 ]; then fail "$1: a maker that exits" "exit status $status" "$(cat said_of/err)"; fi
    tell
    if hears "done"; then
        said=$("$account" ledger disk/trace 2>&1)
        if "$account" ledger disk/trace >/dev/null 2>&1; then
            pass "$1: a child that outlives the log's maker; $(tail -1 <<<"$said")"
        else
            fail "$1: a child that outlives the log's maker" "$said"
        fi
        hears "end of file"
        case_is "$1: once the child has exited nothing is in memory" "" "$(in_memory disk/trace)"
        [[ $1 == overlay-* ]] || case_is "$1: once the child has exited the log is cut" "" "$(find disk/trace -size +1M)"
    else
        fail "$1: a child that outlives the log's maker" "it did not come to its end" "$(cat said_of/err)"
    fi
    exec 7>&- 8<&-
}

# Kills at random moments.
killed() { # NAME
    local said seed=$RANDOM$RANDOM
    said=$(cd disk && "$top/build/fault/kills" "$shim" "$targets/busy" 12 "$seed" 2>&1)
    if [ $? -eq 0 ]; then pass "$1: $(tail -1 <<<"$said")"; else fail "$1: kills (seed $seed)" "$said"; fi
}

# Under `run`: all comes to the trace's folder, cut to what it holds; and on a disk that becomes full, what is lost is said.
told() { # NAME LOSES: yes where the log itself is on the disk
    local lost
    mkdir disk/own
    rm -f ledger
    "$sockatlas" run -d disk/own/trace "$targets/busy" ledger 1 1 100 >run.out 2>&1
    case_is "$1: under run: exit status" 0 $?
    case_has "$1: under run: all is recorded" "no blind spots" "$(cat run.out)"
    case_is "$1: under run: nothing stays in memory" "" "$(in_memory disk/own/trace)"
    case_is "$1: under run: it adds up" 0 "$("$account" ledger disk/own/trace >acc 2>&1; echo $?)"
    # overlayfs: only where no process starts anywhere while run looks at all mappings.
    [[ $1 == overlay-* ]] || case_is "$1: under run: the logs are cut" "" "$(find disk/own -size +1M)"
    rm -rf disk/own/*
    rm -f ledger
    head -c "$([ "$2" = yes ] && echo 96k || echo 8M)" /dev/zero >disk/spare
    fill
    rm disk/spare
    sync -f disk
    ("$sockatlas" run -d disk/own/trace "$targets/busy" ledger 1 1 1000 kill >run.out 2>&1) 2>/dev/null
    case_is "$1: under run, full: exit status" 137 $?
    case_is "$1: under run, full: it adds up" 0 "$("$account" ledger disk/own/trace >acc 2>&1; echo $?)"
    lost=$(lost_of disk/own/trace)
    if [ "$2" = yes ]; then
        case_ok "$1: under run, full: losses are counted" [ "${lost:-0}" -gt 0 ]
        case_has "$1: under run, full: and said" "[1-9][0-9]* blind spot" "$(cat run.out)"
    else
        case_is "$1: under run, full: nothing is lost" 0 "$lost"
    fi
    forget disk/own
    rm -rf disk/own disk/filler.*
} 2>/dev/null # bash tells of kills
in_memory() { # FOLDER: its logs whose records are in memory
    local log
    for log in "$1"/*.atlas; do
        [ ! -e "/dev/shm/sockatlas-${log##*/}" ] || echo "$log"
    done
}

# What a program of one socket asks the kernel for beyond the same program untraced: the calls are counted, since their time is not the
# same twice. Without SOCKATLAS_FOLDER each part of the folder's path is looked at, so that is taken off.
calls_of() { # PRELOAD
    strace -f -o calls -E LD_PRELOAD="$1" -E SOCKATLAS_DIR="$PWD/disk/born" "$top/build/bench/one_socket" && grep -c '(' calls
}
born() { # NAME MOST
    local bare with parts
    if ! strace -o calls true 2>err; then
        case_skip "$1: one socket asks little" "strace cannot trace here: $(head -1 err)"
        return
    fi
    mkdir -m 700 disk/born
    bare=$(calls_of "$top/build/bench/empty.so")
    with=$(calls_of "$shim")
    parts=$(tr -cd / <<<"$PWD/disk/born" | wc -c)
    case_ok "$1: one socket asks $((with - bare - parts)) times, $2 at most" [ $((with - bare - parts)) -le "$2" ]
    case_is "$1: ... and is in the trace" 1 "$("$sockatlas" list --json disk/born | wc -l)"
    rm -rf disk/born
}
# The file system is asked by requests, each of which another process has to be woken for.
served() { # MOST
    local before
    mkdir -m 700 disk/born
    before=$(grep -c opcode bindfs.out)
    LD_PRELOAD=$shim SOCKATLAS_DIR=$PWD/disk/born "$top/build/bench/one_socket"
    stat disk/born/*.atlas >stat.out
    before=$(($(grep -c opcode bindfs.out) - before))
    case_ok "fuse: one socket makes $before requests, $1 at most" [ $before -le "$1" ]
}

# ---- The file in memory ----

# The trace is on btrfs and so its records in /dev/shm, which is one of the suite's own.
memory() {
    local said name
    mkdir shared
    mount --bind /dev/shm shared
    mount -t tmpfs -o size=256k,mode=1777 tmpfs /dev/shm
    phases 2 1000
    hears ready && tell && hears "done"
    phases_end
    said=$("$account" ledger disk/trace 2>&1)
    case_is "memory that is full: exit status" 137 "$status"
    case_has "memory that is full: losses are counted" " [1-9][0-9]* (lost|overwritten)" "$said"
    case_ok "memory that is full: it adds up" "$account" ledger disk/trace
    case_ok "memory that is full: half is left to others" [ "$(df --output=avail -k /dev/shm | tail -1)" -ge 128 ]
    name=$(basename disk/trace/*.atlas)
    case_is "killed without run: the records stay in memory" "/dev/shm/sockatlas-$name" "$(echo /dev/shm/*)"
    cp /dev/shm/sockatlas-* foreign
    rm /dev/shm/sockatlas-*
    "$sockatlas" list disk/trace >list.out 2>&1
    case_is "a file in memory that is gone: exit status" 1 $?
    case_is "a file in memory that is gone: one line" \
        "disk/trace/$name: its records are in memory, in /dev/shm/sockatlas-$name, which is not there any more, or not on this machine" \
        "$(grep memory list.out)"
    printf 'another' | dd of=foreign bs=1 seek=104 conv=notrunc 2>/dev/null # its boot_id
    cp foreign "/dev/shm/sockatlas-$name"
    "$sockatlas" list disk/trace >list.out 2>&1
    case_has "another file under its name is not read" "not there any more" "$(cat list.out)"
    rm -rf disk/trace /dev/shm/*

    # What run moves away for the second time is removed, in memory too.
    mv_old=("$sockatlas" run -d disk/own true)
    (SOCKATLAS_DIR=$PWD/disk/own LD_PRELOAD=$shim "$targets/busy" ledger 1 1 5 kill) 2>/dev/null
    case_is "a trace is there" 1 "$(find /dev/shm -name 'sockatlas-busy*' | wc -l)"
    "${mv_old[@]}" 2>/dev/null
    case_is "moved away, it keeps its records" 1 "$(find /dev/shm -name 'sockatlas-busy*' | wc -l)"
    "${mv_old[@]}" 2>/dev/null
    case_is "removed, it does not" "" "$(ls /dev/shm)"
    umount /dev/shm

    # No memory to be had: no log, and that is said.
    mkdir disk/none
    mount --bind disk/none /dev/shm
    rm -f ledger
    "$sockatlas" run -d disk/own "$targets/busy" ledger 1 1 5 >run.out 2>&1
    case_is "no memory to be had: exit status" 0 $?
    case_has "no memory to be had: said" "does not keep space for logs, and /dev/shm cannot be used instead" "$(cat run.out)"
    case_has "no memory to be had: the map says so" "cannot be used instead" "$("$sockatlas" map disk/own 2>&1)"
    SOCKATLAS_DIR=$PWD/disk/plain LD_PRELOAD=$shim "$targets/footprint" plain >plain.out 2>&1
    case_is "no memory to be had, without run: one line" \
        "sockatlas: $PWD/disk/plain: its file system does not keep space for logs, and /dev/shm cannot be used instead; not tracing" \
        "$(grep -v '^[0-9]' plain.out)"
    umount /dev/shm
    umount shared

    # A program that goes on when run ends: its records are where they are, and come to the trace when it has ended.
    rm -f ledger
    rm -rf disk/own
    mkfifo stop
    "$sockatlas" run -d disk/own bash -c '"$0" ledger 2 5 <>stop >phases.out 2>&1 & n=0; until grep -q ready phases.out || [ $((n += 1)) -gt 5000 ]; do :; done' \
        "$targets/busy_phases" >run.out 2>&1
    case_has "a program that goes on: run says where its records are" "records of 1 log are still in /dev/shm" "$(cat run.out)"
    case_ok "a program that goes on: they can be read" "$sockatlas" list disk/own
    echo x >stop
    wait_true grep -q "done" phases.out
} 2>/dev/null

if [ "$SOCKATLAS_TEST_NAMESPACE" != none ] && why=$(mount_of btrfs); then
    memory
    unmount
else
    case_skip "the file in memory" "${why:-no mount namespace here}"
fi

if [ "$SOCKATLAS_TEST_NAMESPACE" != none ] && why=$(fuse_options=-d mount_of fuse); then
    served 30
    unmount
else
    ! mountpoint -q layers || umount layers
    case_skip "fuse: one socket makes few requests" "${why:-no mount namespace here}"
fi

for name in "${FILE_SYSTEMS[@]}"; do
    if [ "$SOCKATLAS_TEST_NAMESPACE" = none ]; then
        why="no mount namespace here"
    elif why=$(mount_of $name) && why=; then
        case $name in
        *xfs | *btrfs) loses=no shares=share ;;
        fuse) loses=no shares= ;;
        *) loses=yes shares= ;;
        esac
        filled_and_freed $name "$shares"
        forget disk && rm -rf disk/*
        orphaned $name
        forget disk && rm -rf disk/*
        killed $name
        case $loses in
        yes) born $name 92 ;;
        no) born $name 105 ;;
        esac
        told $name $loses
        unmount
        continue
    fi
    ! mountpoint -q layers || umount layers
    case_skip "$name" "${why:-it cannot be mounted}"
done
finish
