#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A program traced under bad conditions behaves as without the shim: same results, descriptor numbers and errno from every call, same
# exit status, same output; at most one line on stderr when tracing cannot work.
. "$(dirname "$0")/lib.sh"

"$targets/outcomes" plain 20 || exit 1

# same WHAT FILE COMMAND...: COMMAND has a traced program write FILE: is that what happened without?
same() {
    local what=$1 file=$2 status
    shift 2
    "$@" >out 2>err
    status=$?
    if [ $status -ne 0 ]; then
        fail "$what" "exit status $status" "$(cat err)"
    elif ! cmp -s plain "$file"; then
        fail "$what" "$(diff plain "$file" | head -20)"
    elif [ -s out ] || [ "$(wc -l <err)" -gt 1 ]; then
        fail "$what" "it said:" "$(cat out err)"
    else
        pass "$what"
    fi
}

preloaded() { # DIR FILE [ROUNDS]
    SOCKATLAS_DIR=$1 LD_PRELOAD=$shim "$targets/outcomes" "$2" "${3:-20}"
}

same "an ordinary folder" a preloaded "$work/trace" a
case_is "an ordinary folder: nothing is said" "" "$(cat err)"
case_is "an ordinary folder: nothing is lost" 0 "$("$sockatlas" export --format jsonl trace | jq -s '[.[] | select(.event == "image") | .lost] | add')"

# The calls of a program without sockets, but for the loader's mappings, with an object preloaded and under `run`'s variables.
calls() {
    strace -o calls -E LD_PRELOAD="$1" -E SOCKATLAS_DIR="$work/trace" -E SOCKATLAS_FOLDER="$(stat -c %d:%i trace):$work/trace" true
    sed -n 's/(.*//p' calls | grep -v '^mmap$\|^mprotect$'
}
if ! strace -o calls true 2>err; then
    case_skip "a program without sockets asks the kernel nothing" "strace cannot trace here: $(head -1 err)"
else
    case_is "a program without sockets asks the kernel nothing under \`run\`" "$(calls "$top/build/bench/empty.so")" "$(calls "$shim")"
fi

: >file
same "a file for a folder" b preloaded "$work/file" b
case_has "a file for a folder is said" . "$(cat err)"
same "a folder that cannot be" c preloaded /proc/nosuch/folder c
mkdir -m 777 open
same "a folder of everybody's" d preloaded "$work/open" d

# Closed streams give the program's sockets their numbers, with the shim as without.
closed() { # NAME REDIRECTIONS DIR
    bash -c '"$0" closed-plain 5'" $2" "$targets/outcomes"
    SOCKATLAS_DIR=$3 bash -c 'LD_PRELOAD=$1 "$0" closed 5'" $2" "$targets/outcomes" "$shim"
    case_is "$1: status" 0 $?
    case_ok "$1: outcomes" cmp closed-plain closed
}
closed "stderr closed" "2>&-" "$work/trace.stderr"
closed "stdout and stderr closed" ">&- 2>&-" "$work/trace.out"
closed "all streams closed" "<&- >&- 2>&-" "$work/trace.all"
closed "stderr closed, a folder that cannot be" "2>&-" /proc/nosuch
case_has "all streams closed: traced" '"connect"' "$("$sockatlas" events --json trace.all)"

# Limits: FILE "-" is stdout, a pipe, which no limit concerns.
limited() { # LIMIT... : with `ulimit LIMIT`, both ways
    local name="ulimit $*"
    bash -c "ulimit $*"' && exec "$0" - 5' "$targets/outcomes" 2>/dev/null | cat >limited-plain
    SOCKATLAS_DIR=$work/trace.limited bash -c "ulimit $*"' && LD_PRELOAD=$1 exec "$0" - 5' "$targets/outcomes" "$shim" 2>err | cat >limited
    case_is "$name: the outcomes" "$(cat limited-plain)" "$(cat limited)"
    case_has "$name: it ran to its end" "connect of no socket = -1" "$(cat limited)"
    rm -rf trace.limited
}
limited -f 0
limited -f 8
limited -n 10
limited -v 65536

# A private mount namespace, for file systems of the test's own: as root, or in a user namespace where that is allowed.
for enter in "unshare -m" "unshare -rm" ""; do
    [ -z "$enter" ] || ! $enter mount -t tmpfs none "$work" 2>/dev/null || break
done
mounted() { # OPTIONS DIR SCRIPT: SCRIPT with a tmpfs on DIR
    mkdir -p "$2"
    $enter bash -c 'mount -t tmpfs -o "$1" none "$2" && '"$3" - "$1" "$2" "$shim" "$targets/outcomes" "$sockatlas"
}
if [ -n "$enter" ]; then
    same "a read-only file system" h mounted ro,mode=700 "$work/mount" 'SOCKATLAS_DIR=$2/trace LD_PRELOAD=$3 "$4" h 20'
    same "a read-only trace folder" i mounted ro,mode=700 "$work/mount" 'SOCKATLAS_DIR=$2 LD_PRELOAD=$3 "$4" i 20'
    # The header, a few steps, then nothing. The loss is counted and what was written reads.
    same "a full disk" j mounted size=16k,mode=700 "$work/mount" \
        'SOCKATLAS_DIR=$2/trace LD_PRELOAD=$3 "$4" j 20 && "$5" export --format jsonl "$2/trace" >j.jsonl'
    case_has "a full disk: losses are counted" '"lost": *[1-9]' "$(grep '"event": *"image"' j.jsonl)"
    case_has "a full disk: for want of space" '"lost_reason": *"space' "$(grep '"event": *"image"' j.jsonl)"
    case_has "a full disk: what came before is kept" '"event": *"connect"' "$(head -50 j.jsonl)"
    same "a disk full from the start" k mounted size=4k,mode=700 "$work/mount" 'SOCKATLAS_DIR=$2/trace LD_PRELOAD=$3 "$4" k 20'
    same "no inode left" l mounted nr_inodes=2,mode=700 "$work/mount" 'SOCKATLAS_DIR=$2/trace LD_PRELOAD=$3 "$4" l 20'
else
    for what in "a read-only file system" "a read-only trace folder" "a full disk" "a disk full from the start" "no inode left"; do
        case_skip "$what" "mounting is not allowed here"
    done
fi
if [ "$(id -u)" -ne 0 ]; then
    mkdir -m 500 readonly
    same "a folder without write permission" m preloaded "$work/readonly" m
fi
finish
