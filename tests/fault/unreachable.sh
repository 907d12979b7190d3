#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs of a run that come to where the trace folder or the shim is not to be had: mounted read-only by the run's own programs, a
# sandbox of bwrap's, another root, another network. Each is followed, or named with the reason.
. "$(dirname "$0")/lib.sh"

rootless=()
[ "$(id -u)" -eq 0 ] || rootless=(--map-root-user)
if ! unshare "${rootless[@]}" -m true 2>err; then
    case_skip "programs that go elsewhere" "no namespaces for this user here: $(tail -n 1 err)"
    finish
fi
sockets='import socket; l = socket.create_server(("127.0.0.1", 0)); socket.create_connection(l.getsockname())'
python=$(realpath "$(type -P python3)")
case $python in /usr/*) ;; *) python=/usr/bin/python3 ;; esac

# named CASE PATTERN COMMAND...: the run has blind spots, and each is this one (an ordinary user's mount(8) is another).
named() {
    local what=$1 pattern=$2
    shift 2
    "$sockatlas" run -d trace "$@" >out 2>said </dev/null
    case_is "$what: the command's own result" "0 " "$? $(cat out)"
    case_has "$what: run tells of it" '[1-9][0-9]* blind spots?$' "$(cat said)"
    case_has "$what: the map says who, and why" "^($pattern)(\|($pattern))*$" \
        "$("$sockatlas" map --format json trace | jq -r '[.coverage[] | "\(.what) \(.detail)" | select(test("[ /]u?mount: setuid") | not)] | join("|")')"
    rm -rf trace trace.old
}
out_of_reach="no_log (python3|sh|env)[^:]*: where it runs, the trace folder cannot be written to \(mounted read-only, or not there\)"
refused="untraced_child [^ ]*(python3[.0-9]*|sh|env): it may not write in the trace folder"
lacking="untraced_child [^ ]*(python3[.0-9]*|sh): libsockatlas.so is not there, or on a file system mounted noexec"

# ---- Mounts ----

remount="mount --bind trace trace && mount -o remount,bind,ro trace"
named "a folder that the run's own shell mounts read-only" "$out_of_reach|$refused" unshare "${rootless[@]}" -m sh -c "$remount && exec '$python' -c '$sockets'"
named "the same, a child of that shell" "$out_of_reach|$refused" unshare "${rootless[@]}" -m sh -c "$remount && '$python' -c '$sockets' && :"
named "the same, by a new environment" "$out_of_reach|$refused" unshare "${rootless[@]}" -m sh -c "$remount && env -i '$python' -c '$sockets'"
if bwrap --ro-bind / / --dev-bind /dev /dev true 2>err; then
    all=(bwrap --ro-bind / / --dev-bind /dev /dev)
    some=(bwrap --ro-bind /usr /usr --symlink usr/lib64 /lib64 --symlink usr/lib /lib --symlink usr/bin /bin --dev /dev --proc /proc)
    named "bwrap, all of it read-only" "$refused|$out_of_reach" "${all[@]}" "$python" -c "$sockets"
    named "bwrap, all of it read-only, a shell" "$refused|$out_of_reach" "${all[@]}" sh -c "'$python' -c '$sockets' && :"
    named "bwrap, all of it read-only, all namespaces" "$refused" "${all[@]}" --unshare-all "$python" -c "$sockets"
    if [ ! -e "/usr/${shim#/usr/}" ]; then
        named "bwrap, another root" "$lacking" "${some[@]}" "$python" -c "$sockets"
        named "bwrap, another root, all namespaces" "$lacking" "${some[@]}" --unshare-all sh -c "'$python' -c '$sockets' && :"
    fi
else
    case_skip "in bwrap" "bwrap does not work here: $(tail -n 1 err)"
fi

# ---- Another root ----

mkdir -p root/bin
cp "$(realpath "$(type -P sh)")" root/bin/sh
ldd root/bin/sh | grep -o '/[^ ]*' | while read -r each; do
    mkdir -p "root${each%/*}" && cp -L "$each" "root$each"
done
named "chroot" "$lacking" unshare "${rootless[@]}" chroot "$work/root" /bin/sh -c ':'

# ---- Another network ----

"$sockatlas" run -d trace unshare "${rootless[@]}" -n sh -c "ip link set lo up; '$python' -c '$sockets'" >out 2>said </dev/null
case_is "another network: followed" "0 1" "$? $("$sockatlas" list --json trace | jq -s '[.[] | select(.role == "client" and .outcome == "established" and .peer_process)] | length')"
case_has "another network: no blind spots" "no blind spots" "$(cat said)"
rm -rf trace
if [ "$(id -u)" -eq 0 ] && ip netns add "$$" 2>err; then
    at_end+=("ip netns delete $$ 2>/dev/null")
    "$sockatlas" run -d trace ip netns exec "$$" sh -c "ip link set lo up; '$python' -c '$sockets'" >out 2>said </dev/null
    case_is "ip netns exec: followed" "0 1" "$? $("$sockatlas" list --json trace | jq -s '[.[] | select(.role == "client" and .outcome == "established" and .peer_process)] | length')"
    case_has "ip netns exec: no blind spots" "no blind spots" "$(cat said)"
    ip netns delete "$$"
    rm -rf trace
else
    case_skip "ip netns exec" "not root, or no such networks here"
fi

# ---- What is said to `run` ----

cat >tell.py <<'E2'
import os, socket, struct, sys
name = b"\0sockatlas/" + os.environ["SOCKATLAS_RUN"].encode()
speaker = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for text in sys.argv[1:]:
    for i in range(100 if text == "many" else 1):
        comm = text.encode() + (b"%d" % i if text == "many" else b"")
        speaker.sendto(struct.pack("I16s", 0x1A7A5, comm), name)
for bad in (b"", b"x", b"x" * 19, b"y" * 21, b"\0" * 20):
    speaker.sendto(bad, name)
E2
said_of() { # WHAT: in so many lines of the map
    "$sockatlas" map --format json trace | jq --arg what "$1" '[.coverage[] | select(.what == "no_log" and (.detail | startswith($what)))] | length'
}
"$sockatlas" run -d trace "$python" tell.py many twice twice >out 2>said </dev/null
case_is "many programs out of reach: the first are named, and that there are more" "0 64 0 1" "$? $(said_of many) $(said_of twice) $(said_of 'other programs:')"
rm -rf trace
"$sockatlas" run -d trace "$python" tell.py twice twice >out 2>said </dev/null
case_is "two of one name are named once; what makes no sense is nothing" "0 1 1" \
    "$? $(said_of twice) $("$sockatlas" map --format json trace | jq '[.coverage[] | select(.what == "no_log")] | length')"
rm -rf trace
if [ "$(id -u)" -eq 0 ] && chmod 755 . && setpriv --reuid 65534 --clear-groups test -r tell.py; then
    "$sockatlas" run -d trace env SOCKATLAS_OFF=1 setpriv --reuid 65534 --clear-groups "$python" tell.py liar >out 2>said </dev/null
    case_is "another user's word is nothing" "0 0" "$? $(said_of liar)"
    rm -rf trace
else
    case_skip "another user's word is nothing" "not root, or another user cannot come here"
fi

# ---- A log without records ----

"$sockatlas" run -d trace "$python" -c 'import os, time; os.setuid(os.getuid()); time.sleep(0.5)' >out 2>said </dev/null
case_has "a log that its program removed, since nothing was in it, is no blind spot" "no blind spots" "$(cat said)"
finish
