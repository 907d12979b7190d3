#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `attach` from the host to processes in another mount, pid, user and network namespace and below another root: the shim is
# brought there, the log is in a folder of the host's, and what is executed there is named. As root and rootless.
# DEBIAN_ROOT=1: glibc's root is a whole Debian.
. "$(dirname "$0")/lib.sh"

mkfifo told && exec 8<>told && rm told
rootless=()
[ "$(id -u)" -eq 0 ] || rootless=(--map-root-user)
if ! unshare "${rootless[@]}" -mpnf true 2>err; then
    case_skip "processes in other namespaces" "no namespaces for this user here: $(tail -n 1 err)"
    finish
fi

# ---- Roots ----

libraries() { # PROGRAM: with its loader
    ldd "$1" | grep -o '/[^ ]*'
}
make_root() { # FOLDER PROGRAM...
    local root=$1 each
    shift
    mkdir -p "$root/bin" "$root/tmp" "$root/proc" "$root/dev/shm"
    for each in "$@"; do
        cp "$each" "$root/bin/"
        libraries "$each" | while read -r each; do
            mkdir -p "$root${each%/*}" && cp -L "$each" "$root$each"
        done
    done
}
if [ -n "${DEBIAN_ROOT:-}" ]; then
    said=$("$top/tests/tools/debian_root.sh" "$work/glibc") || { case_skip "a Debian root" "$said" && finish; }
    cp "$targets/attach_load" glibc/bin/
else
    make_root glibc "$targets/attach_load" "$(type -P true)" "$(type -P sh)" "$(type -P mount)" "$(type -P umount)"
fi
musl=
if musl-gcc -D_GNU_SOURCE -I "$top" -w -o attach_load "$top/tests/targets/attach_load.c" 2>/dev/null; then
    mkdir -p musl/bin musl/lib musl/tmp musl/proc musl/dev/shm
    cp attach_load musl/bin/
    echo 'int main(void) { return 0; }' >true.c && musl-gcc -o musl/bin/true true.c
    cp -L /lib/ld-musl-*.so.1 musl/lib/
    musl=musl
fi

# ---- Each place ----

below() { # PID: the process attach_load that descends from it
    local child
    [ "$(cat "/proc/$1/comm" 2>/dev/null)" != attach_load ] || { echo "$1" && return; }
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
        below "$child" && return
    done
    return 1
}

# recorded PLACE COMMAND...: what COMMAND starts is attached to, records, and is let go.
recorded() {
    local place=$1 pid first=$cases starter port
    shift
    rm -rf trace stop
    start "$@" >&8 2>load.err
    starter=$!
    read -r -t 20 _ port <&8
    pid=$(below "$starter") || { fail "$place: it runs" "$(cat load.err)" && return; }
    said=$("$sockatlas" attach -d trace "$pid" 2>&1)
    case_is "$place: status" 0 $?
    case_has "$place: says where it is recorded" "^sockatlas attach: $pid \(attach_load\): recorded into $work/trace, with [0-9]+ sockets open$" "$said"
    enough() { [ "$("$sockatlas" list --json trace | jq -s --argjson port "$port" '[.[] | select(.role == "client" and .peer_port == $port and .opened_us and .end == "closed")] | length')" -gt 20 ]; }
    case_ok "$place: what it does is recorded" wait_true enough
    named() { "$sockatlas" map --format json trace | jq -e '[.coverage[] | select(.what == "untraced_child" and (.detail | test("libsockatlas.so is not there")))] | length > 0' >/dev/null; }
    case_ok "$place: what it executes is named, with the reason" wait_true named
    said=$("$sockatlas" attach -d trace "$pid" 2>&1)
    case_has "$place: attached to once more: refused" "it is traced already$" "$said"
    case_ok "$place: detach" "$sockatlas" detach "$pid"
    said=$("$sockatlas" attach -d trace "$pid" 2>&1)
    case_is "$place: and again" 0 $?
    case_ok "$place: detach again" "$sockatlas" detach "$pid"
    "$sockatlas" list --json trace >list
    case_is "$place: the listener from before is known" "listening null" \
        "$(jq -r --argjson port "$port" 'select(.role == "listener" and .local_port == $port) | "\(.state) \(.opened_us)"' list)"
    case_is "$place: nothing failed" 0 "$(jq -s '[.[] | select(.outcome == "failed" or .outcome == "unanswered")] | length' list)"
    case_is "$place: it has no descriptor of ours" "" "$(find "/proc/$pid/fd" -printf '%l\n' 2>/dev/null | grep -E 'libsockatlas|\.atlas')"
    case_is "$place: nothing but logs is in the trace" "" "$(find trace -type f ! -name '*.atlas')"
    touch "/proc/$pid/root/tmp/stop" stop 2>/dev/null
    wait "$starter"
    case_is "$place: the program noticed nothing" "0 " "$? $(grep -v '^mount' load.err)"
    read -r -t 20 connections <&8
    case_is "$place: nothing is left there" "" "$(find glibc musl -name '*sockatlas*' 2>/dev/null)"
    [ "$cases" -gt "$first" ]
}

# refused PLACE REASON COMMAND...
refused() {
    local place=$1 reason=$2 pid starter
    shift 2
    start "$@" >&8 2>load.err
    starter=$!
    read -r -t 20 _ <&8
    pid=$(below "$starter") || { fail "$place: it runs" "$(cat load.err)" && return; }
    said=$("$sockatlas" attach -d none "$pid" 2>&1)
    case_is "$place: status" 1 $?
    case_has "$place: the reason, in one line" "^sockatlas attach: $pid \(attach_load\): $reason$" "$said"
    case_is "$place: nothing is changed" "" "$(grep libsockatlas "/proc/$pid/maps")"
    kill -KILL "$pid"
    wait "$starter"
}

enter=(unshare "${rootless[@]}" -mpnf)
up='ip link set lo up;'
recorded "another root, without /proc" unshare "${rootless[@]}" chroot "$work/glibc" /bin/attach_load /tmp/stop
rm -f glibc/tmp/stop
recorded "mount, pid and network namespaces, a read-only root" \
    "${enter[@]}" sh -c "$up mount --bind '$work/glibc' '$work/glibc' && mount -t proc none '$work/glibc/proc' && mount -t tmpfs -o noexec none '$work/glibc/tmp' &&
            mount -o remount,bind,ro '$work/glibc' && exec chroot '$work/glibc' /bin/attach_load /tmp/stop"

# musl's dlopen() wants a shim of its own kind.
if [ -n "$musl" ] && [ -e "${shim%/*}/musl/libsockatlas.so" ]; then
    recorded "musl, another root, without /proc" unshare "${rootless[@]}" chroot "$work/musl" /bin/attach_load /tmp/stop
    rm -f musl/tmp/stop
    recorded "musl, mount, pid and network namespaces, a read-only root" \
        "${enter[@]}" sh -c "$up mount --bind '$work/musl' '$work/musl' && mount -t proc none '$work/musl/proc' && mount -t tmpfs -o noexec none '$work/musl/tmp' &&
                mount -o remount,bind,ro '$work/musl' && exec chroot '$work/musl' /bin/attach_load /tmp/stop"
    mkdir alone && cp "$shim" alone/ && cp "$sockatlas" alone/
    rm -f musl/tmp/stop
    sockatlas=$work/alone/sockatlas refused "musl, without its shim" "its C library is musl, and there is no musl/libsockatlas.so beside the other one" \
        unshare "${rootless[@]}" chroot "$work/musl" /bin/attach_load /tmp/stop
else
    case_skip "musl" "no musl-gcc here, or a processor on which processes are not attached to"
fi

# ---- Where it is impossible ----

refused "no /proc and nowhere to load from" "it sees other files than we, no /proc, and no folder that a library can be loaded from" \
    "${enter[@]}" sh -c "$up mount --bind '$work/glibc' '$work/glibc' && mount -o remount,bind,ro '$work/glibc' && exec chroot '$work/glibc' /bin/attach_load /tmp/stop"
finish
