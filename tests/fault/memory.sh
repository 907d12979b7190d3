#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a log costs a program in memory: core files, locked memory, a small memory cgroup; and that a limit on files does not kill it.
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
mkdir tmpfs
chmod 755 "$work"
[ "$SOCKATLAS_TEST_NAMESPACE" = none ] || mount -t tmpfs -o size=1G,mode=755 tmpfs tmpfs 2>/dev/null
at_end+=('umount tmpfs 2>/dev/null')

# bare HOW [SOCKETS], traced FOLDER HOW [SOCKETS]: what footprint prints, KiB and status, or what it says.
bare() {
    "$targets/footprint" "$@" 2>&1
}
traced() {
    local folder=$1
    shift
    forget "$folder/trace"
    rm -rf "$folder/trace"
    SOCKATLAS_DIR=$PWD/$folder/trace LD_PRELOAD=$shim "$targets/footprint" "$@" 2>&1
}
# costs_little CASE FOLDER HOW [SOCKETS]: it ends as it does without the shim, with 8 MiB more at most.
costs_little() {
    local what=$1 folder=$2 without with
    shift 2
    without=$(bare "$@")
    with=$(traced "$folder" "$@")
    if [ "${without#* }" != 0 ]; then
        case_skip "$what" "without the shim it ends so: $(tr "\n" " " <<<"$without")"
    elif [ "${with#* }" = 0 ] && [ "${with% *}" -le $((${without% *} + 8192)) ]; then
        pass "$what: ${without% *} KiB, traced ${with% *} KiB"
    else
        fail "$what" "without: $without" "with:    $with"
    fi
}

mkdir here
for folder in here tmpfs; do
    costs_little "one socket, trace in $folder" $folder plain
    costs_little "memory locked, then a socket, trace in $folder" $folder lock-first
    costs_little "a socket, then memory locked, trace in $folder" $folder lock-later
    costs_little "an ordinary user's memory locked, then a socket, trace in $folder" $folder small-first
    costs_little "a socket, then an ordinary user's memory locked, trace in $folder" $folder small-later
    costs_little "no file may grow any more, trace in $folder" $folder no-file 2000
    case_ok "no file may grow any more, trace in $folder: it reads" "$sockatlas" list $folder/trace
done

# ---- Core files ----
core_of() { # COMMAND...: bytes of the core file that it leaves, in an empty folder
    local core
    rm -rf cores && mkdir cores
    (cd cores && "$@" >/dev/null 2>&1)
    core=$(echo cores/core*)
    [ -f "$core" ] && stat -c %s "$core"
}
dumped() {
    env "SOCKATLAS_DIR=$work/$1/trace" "LD_PRELOAD=$shim" "$targets/footprint" core
}
if [[ $(cat /proc/sys/kernel/core_pattern) == core* ]] && without=$(core_of "$targets/footprint" core) && [ -n "$without" ]; then
    for folder in here tmpfs; do
        forget $folder/trace
        rm -rf $folder/trace
        with=$(core_of dumped $folder)
        case_ok "a core file, trace in $folder: $((without / 1024)) KiB, traced $((with / 1024)) KiB" [ "$with" -le $((without + 4194304)) ]
    done
else
    case_skip "core files" "kernel.core_pattern is $(cat /proc/sys/kernel/core_pattern), or no core file is written here"
fi

# ---- A memory cgroup of 64 MiB ----
group=
own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
if [ -n "$own" ]; then
    parent=/sys/fs/cgroup/memory$own limit=memory.limit_in_bytes
else
    parent=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup) limit=memory.max
fi
if mkdir "$parent/sockatlas-test.$$" 2>err; then
    group=$parent/sockatlas-test.$$
    at_end+=("rmdir '$group' 2>/dev/null")
    [ -e "$group/$limit" ] && echo 64M >"$group/$limit" 2>err || { rmdir "$group" && group=; }
fi
in_group() { # COMMAND...
    (echo "$BASHPID" >"$group/cgroup.procs" && exec "$@")
} 2>/dev/null
if [ -n "$group" ]; then
    # 100 MiB of records.
    without=$(in_group "$targets/footprint" plain 800000)
    for folder in here tmpfs; do
        with=$(forget $folder/trace && rm -rf $folder/trace &&
            in_group env "SOCKATLAS_DIR=$work/$folder/trace" "LD_PRELOAD=$shim" "$targets/footprint" plain 800000)
        case_is "a memory cgroup of 64 MiB, trace in $folder" "${without#* }" "${with#* }"
        lost=$("$sockatlas" export --format jsonl $folder/trace 2>/dev/null | head -50 | jq -s '[.[] | select(.event == "image") | .lost] | add')
        case_ok "a memory cgroup of 64 MiB, trace in $folder: what is lost is counted ($lost)" [ -n "$lost" ]
    done
    case_ok "a memory cgroup of 64 MiB: a log in memory stays small" [ "$(du -sk tmpfs/trace | cut -f1)" -le 8192 ]
    rm -rf tmpfs/trace
else
    case_skip "a memory cgroup of 64 MiB" "$(head -1 err 2>/dev/null)"
fi
finish
