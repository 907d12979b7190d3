#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `sockatlas run`: the command's exit status, signals, environment and standard streams; the trace folder; what it refuses.
. "$(dirname "$0")/lib.sh"

status_of() { # COMMAND...: runs it quietly, prints the exit status
    "$@" >out 2>err </dev/null
    echo $?
}

first_line() {
    head -1 err
}

case_is "exit status 0 is the command's" 0 "$(status_of "$sockatlas" run true)"
case_is "exit status 3 is the command's" 3 "$(status_of "$sockatlas" run sh -c 'exit 3')"
case_is "death by signal is the command's" 143 "$( (status_of "$sockatlas" run sh -c 'kill -TERM $$') 2>/dev/null)"
case_is "a command's options are its own" "-d x --help" "$("$sockatlas" run -- echo -d x --help 2>/dev/null)"
case_is "standard input reaches it" "hello" "$(echo hello | "$sockatlas" run cat 2>/dev/null)"
case_is "argv[0] is as given" "sh" "$("$sockatlas" run sh -c 'tr "\0" " " </proc/$$/cmdline | cut -d" " -f1' 2>/dev/null)"

case_is "no command: status" 2 "$(status_of "$sockatlas" run)"
case_is "no command: line" "sockatlas run: no command given; \`sockatlas run --help\` tells more" "$(cat err)"
case_is "an unknown option: status" 2 "$(status_of "$sockatlas" run --nosuch true)"
case_is "a command not found: status" 127 "$(status_of "$sockatlas" run nosuch-command)"
case_is "a command not found: line" "sockatlas run: nosuch-command: command not found" "$(cat err)"
: >plain
case_is "a command not executable: status" 126 "$(status_of "$sockatlas" run ./plain)"
case_is "a command not executable: line" "sockatlas run: ./plain: Permission denied" "$(cat err)"
case_is "a folder as command: status" 126 "$(status_of "$sockatlas" run ./)"
case_is "no shim: status" 125 "$(SOCKATLAS_SHIM=/nosuch.so status_of "$sockatlas" run true)"
case_is "no shim: line" "sockatlas run: SOCKATLAS_SHIM: /nosuch.so: No such file or directory" "$(cat err)"
for other in "$work/plain" /dev/null "$work"; do
    case_is "$other for a shim: status" 125 "$(SOCKATLAS_SHIM=$other status_of "$sockatlas" run touch started)"
    case_is "$other for a shim: line" "sockatlas run: $other: not a shared object to preload on this machine" "$(cat err)"
    case_ok "$other for a shim: the command is not started" test ! -e started
done
case_is "a folder that cannot be made: status" 125 "$(status_of "$sockatlas" run -d nosuch/folder touch started)"
case_is "a folder that cannot be made: line" "sockatlas run: nosuch/folder: No such file or directory" "$(first_line)"
case_is "a file for a folder: status" 125 "$(status_of "$sockatlas" run -d plain touch started)"
case_is "a file for a folder: line" "sockatlas run: plain: exists and is not a folder" "$(first_line)"
mkdir full && : >full/precious
case_is "a folder of other things: status" 125 "$(status_of "$sockatlas" run -d full touch started)"
case_is "a folder of other things: line" \
    "sockatlas run: full: holds other things than a trace; choose another folder with -d" "$(first_line)"
case_is "a folder of other things keeps them" "full/precious" "$(echo full/*)"
mkdir -m 777 open
case_is "a folder others can write to: status" 125 "$(status_of "$sockatlas" run -d open touch started)"
for limit in "" abc 12k3 63K -1 5T 99999999999999999999; do
    case_is "SOCKATLAS_LIMIT='$limit': status" 125 "$(SOCKATLAS_LIMIT=$limit status_of "$sockatlas" run touch started)"
    case_is "SOCKATLAS_LIMIT='$limit': line" "sockatlas run: SOCKATLAS_LIMIT=$limit: want a size of at least 64K, as 16M" "$(cat err)"
done
case_is "SOCKATLAS_LIMIT=64k: status" 0 "$(SOCKATLAS_LIMIT=64k status_of "$sockatlas" run -d limited true)"
case_is "what cannot be traced was not started" "no" "$([ -e started ] && echo yes || echo no)"

# What a program leaves that is killed before its log has its name: with or without a header; and one that is still at it.
"$sockatlas" run -d half sh -c ': >half/.ask.17.5f; head -c 16384 /dev/zero >half/.a.b.99.c0ffee; : >half/.note' 2>err
case_is "logs half made: removed by run" ".note run.atlas" "$(ls -A half | tr '\n' ' ' | sed 's/ $//')"
case_is "logs half made: the map says whose" "a.b (99) was killed while it made its log, ask (17) was killed while it made its log" \
    "$("$sockatlas" map --format json half | jq -r '[.coverage[] | select(.what == "no_log" and .node == null) | .detail] | sort | join(", ")')"
case_has "logs half made: run's summary counts them" "2 blind spots" "$(cat err)"
"$sockatlas" run -d half sh -c ': >half/.ask.17.5f; exec 3<>half/.ask.17.5f; setsid sleep 20 & echo $! >sleeper' 2>err
case_is "a log being made is left alone" ".ask.17.5f run.atlas" "$(ls -A half | tr '\n' ' ' | sed 's/ $//')"
adopt "$(cat sleeper)"

"$sockatlas" run -d again sh -c ': >again/first.atlas' 2>/dev/null
"$sockatlas" run -d again true 2>/dev/null
case_is "an older trace is kept" "again.old/first.atlas" "$(echo again.old/first*)"
case_is "an older trace is not mixed into" "again/first*" "$(echo again/first*)"
"$sockatlas" run -d again true 2>err
case_is "the trace before that is replaced, which is said" "sockatlas run: again.old: an older trace, deleted: the last one takes its place" \
    "$(grep old err)"
case_is "the trace before that is replaced" "again.old/first*" "$(echo again.old/first*)"
: >again.old/.ask.123.ce3bfc5badf
"$sockatlas" run -d again true 2>/dev/null
case_is "... with what a killed program left half made" "run.atlas" "$(ls -A again.old)"
: >again.old/mine
case_is "what is not a trace's is not deleted: status" 125 "$(status_of "$sockatlas" run -d again true)"
case_is "what is not a trace's is not deleted" "again.old/mine" "$(echo again.old/mine)"
case_is "the folder is private" 700 "$(stat -c %a again)"
case_is "its files are private" 600 "$(stat -c %a again/run.atlas)"

environment() {
    "$sockatlas" run sh -c "echo \$$1" 2>/dev/null
}
case_is "the shim is preloaded" "$preload" "$(environment LD_PRELOAD)"
case_is "the trace's path is absolute" "$(pwd -P)/sockatlas.data" "$(environment SOCKATLAS_DIR)"
libm=$(ldconfig -p | awk '/libm\.so\.6 .*(x86-64|AArch64)/{print $NF; exit}')
case_is "other preloads stay, in front" "$libm:$preload" "$(LD_PRELOAD=$libm environment LD_PRELOAD)"
case_is "the shim is not listed twice" "$shim:$libm" "$(LD_PRELOAD=$shim:$libm environment LD_PRELOAD)"

# The command tells through a pipe that it is ready, and holds its signals, so that no time matters.
mkfifo ready
exec 5<>ready # held open: a fifo reopened for each line would end between two writers
for signal in TERM:7 USR1:8; do
    start "$sockatlas" run "$targets/signals" ready 2>/dev/null
    pid=$!
    read -r _ <&5
    kill -s "${signal%:*}" "$pid"
    wait "$pid"
    case_is "SIG${signal%:*} is handed on" "${signal#*:}" $?
done

# A key on the terminal signals the whole foreground group: once each, not once more through `run`. No shell may stand in
# between: it would die of the second key and hang up on both.
mkfifo keys
exec 4<>keys
env --default-signal=INT,QUIT script -qec "exec '$sockatlas' run '$targets/signals' ready" /dev/null <keys >typescript &
pid=$!
adopt "$pid"
read -r _ <&5
printf '\003' >&4
read -r _ <&5
printf '\034' >&4
wait "$pid"
exec 4>&-
case_has "the terminal's interrupt arrives once" "interrupts: 1" "$(cat typescript)"

if [ "$(id -u)" -eq 0 ]; then
    cp /bin/true guarded && chown 65534 guarded && chmod 4755 guarded
    guarded=./guarded
else
    guarded=$(command -v su)
fi
status_of "$sockatlas" run "$guarded" --version >/dev/null
case_has "a setuid command is said" "sockatlas run: $guarded will not be traced: it runs with rights of its own" "$(cat err)"
case_is "a static command runs" 5 "$(status_of "$sockatlas" run --no-patch "$targets/static_exit" 5)"
case_has "a static command is said" "static_exit will not be traced: it is statically linked" "$(cat err)"
case_has "a static command is a blind spot" "1 blind spot" "$(cat err)"
case_is "a static command is on the map" "untraced_child $targets/static_exit: statically linked" \
    "$("$sockatlas" map --format json | jq -r '.coverage[] | "\(.what) \(.detail)"')"
other=/usr/lib/klibc/bin/true # dynamic, by a loader that ignores LD_PRELOAD
"$sockatlas" run -d klibc "$other" 2>err
case_has "a command of another libc is said" "true will not be traced: its C library's loader does not preload" "$(cat err)"
"$sockatlas" run -d klibc sh -c "$other; exec $other" 2>err
case_is "children of another libc are said in the map" "$other: its C library's loader does not preload" \
    "$("$sockatlas" map --format json klibc | jq -r '.coverage[] | select(.what == "untraced_child") | .detail' | sort -u)"
printf '#!%s\n' "$targets/static_exit" >script && chmod +x script
status_of "$sockatlas" run --no-patch ./script >/dev/null
case_has "a script is judged by its interpreter" "script will not be traced: it is statically linked" "$(cat err)"
# What loads no shim is not traced, whatever else is right.
mounts=(unshare --mount)
[ "$(id -u)" -eq 0 ] || mounts+=(--map-root-user)
bind='import socket; socket.socket().bind(("127.0.0.1", 0))'
untraced_of() { # TRACE: what the map says was not traced
    "$sockatlas" map --format json "$1" | jq -r '.coverage[] | select(.what == "untraced_child") | .detail' | sort -u
}
cp "$shim" "$work/for-another-machine.so" && printf '\xf3\x00' | dd of=for-another-machine.so bs=1 seek=18 conv=notrunc status=none # RISC-V
case_is "a shim for another machine: status" 125 "$(SOCKATLAS_SHIM=$work/for-another-machine.so status_of "$sockatlas" run touch started)"
case_is "a shim for another machine: line" \
    "sockatlas run: $work/for-another-machine.so: not a shared object to preload on this machine" "$(cat err)"
if "${mounts[@]}" true 2>unshare.err; then
    mkdir mount
    case_is "a shim that is mounted noexec: status" 125 "$(status_of "${mounts[@]}" sh -c "mount -t tmpfs -o noexec none mount &&
        cp '$top/build/libsockatlas.so' mount && SOCKATLAS_SHIM=$work/mount/libsockatlas.so '$sockatlas' run touch started")"
    case_is "a shim that is mounted noexec: line" \
        "sockatlas run: $work/mount/libsockatlas.so: on a file system mounted noexec, from which nothing can be preloaded" "$(cat err)"
    case_ok "a shim that cannot be loaded: the command is not started" test ! -e started
    for how in "mount -t tmpfs -o ro none" "mount --bind -o noexec,remount" "chroot"; do
        mkdir -p "copy/lib" && cp "$top/build/libsockatlas.so" copy/
        case $how in
        *remount) there="mount --bind copy copy && mount -o remount,bind,noexec copy && exec python3 -c '$bind'" ;;
        chroot) there="mkdir root && mount --rbind / root && mount -t tmpfs none root/$work/copy && exec chroot root /usr/bin/python3 -c '$bind'" ;;
        *) there="$how copy && exec python3 -c '$bind'" ;;
        esac
        SOCKATLAS_SHIM=$work/copy/libsockatlas.so "$sockatlas" run -d away "${mounts[@]}" sh -c "$there" 2>err
        case_has "the shim is gone ($how): run's summary" "1 blind spot" "$(cat err)"
        case_has "the shim is gone ($how): the map says whose" \
            "(python3|chroot): libsockatlas.so is not there, or on a file system mounted noexec" "$(untraced_of away)"
    done
else
    case_skip "a shim on a mount of its own" "$(tail -1 unshare.err)"
fi

# Programs without a loader of their own that are traced all the same.
loader=$(readelf -l "$targets/tcp_both_ends" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
for how in "" "sh -c"; do
    # shellcheck disable=SC2086 # words
    "$sockatlas" run -d loaded $how "$loader${how:+ $targets/tcp_both_ends; true}" "$targets/tcp_both_ends" 2>err
    case_has "a program that its loader is told to load${how:+, as a child}: nothing is missing" \
        "3 sockets, .* no blind spots" "$(cat err)"
    case_is "a program that its loader is told to load${how:+, as a child}: no line says otherwise" 3 "$(wc -l <err)"
done

if command -v valgrind >/dev/null; then
    "$sockatlas" run -d grinder valgrind -q --log-file=valgrind.said "$targets/tcp_both_ends" 2>err
    case_has "a program that valgrind runs: nothing is missing" "3 sockets, .* no blind spots" "$(cat err)"
else
    case_skip "a program that valgrind runs" "no valgrind"
fi
# A static program that executes a traced one stays a blind spot.
printf '#include <unistd.h>\nint main(int argc, char **argv) { return argc > 1 ? execv(argv[1], argv + 1) : 0; }\n' >steps.c
gcc -static -o steps_on steps.c
"$sockatlas" run --no-patch -d steps sh -c "./steps_on $targets/tcp_both_ends; true" 2>err
case_is "a static program that executes a traced one is said" "./steps_on: statically linked" "$(untraced_of steps)"

# Go's linker leaves a note. Such a program makes its system calls itself, though libc may be there and the shim loaded.
cat >go.c <<'C'
__asm__(".pushsection .note.go.buildid,\"a\",@note\n.long 4, 4, 4\n.asciz \"Go\"\n.byte 0\n.asciz \"id.\"\n.popsection");
int main(void)
{
    return 0;
}
C
gcc -o like_go go.c
"$sockatlas" run --no-patch -d go ./like_go 2>err
case_has "a Go program that is dynamic is said" "run: ./like_go will not be traced: it is a Go program" "$(cat err)"
case_has "a Go program that is dynamic is a blind spot" "1 blind spot" "$(cat err)"
"$sockatlas" run --no-patch -d go sh -c "./like_go; true" 2>err
case_is "... also as a child" "./like_go: a Go program, which makes system calls without the C library" "$(untraced_of go)"

SOCKATLAS_OFF=1 status_of "$sockatlas" run true >/dev/null
case_has "tracing switched off is said" "SOCKATLAS_OFF=1 is set: nothing will be traced" "$(cat err)"
case_has "tracing switched off is a blind spot" "1 blind spot" "$(cat err)"

case_ok "make install" make -C "$top" -s install DESTDIR="$work/image" PREFIX=/opt
case_is "it finds the shim from any prefix" "$(pwd -P)/image/opt/lib/sockatlas${preload#"$top/build"}" \
    "$(image/opt/bin/sockatlas run sh -c 'echo $LD_PRELOAD' 2>/dev/null)"

# A log that somebody removes while its program runs.
"$sockatlas" run -d cleaned sh -c 'exec python3 -c "
import glob, os, socket, time
listener = socket.create_server((\"127.0.0.1\", 0))
time.sleep(1)
for name in glob.glob(\"cleaned/python3.*\"): os.remove(name)
time.sleep(1)"' 2>err
# Both `run` and the program, in its new log, say so.
case_has "a log that was removed is a blind spot" "2 blind spots" "$(cat err)"
case_has "... and the map says whose" '^no_log python3\.[0-9]+\.[0-9a-f]+\.atlas, the log of process [0-9]+, was removed' \
    "$("$sockatlas" map --format json cleaned | jq -r '.coverage[] | "\(.what) \(.detail)"')"

# In a namespace of process ids of its own, a process has another number than its parent was told, and is one all the same.
apart=(unshare --pid --fork --mount-proc)
[ "$(id -u)" -eq 0 ] || apart+=(--map-root-user)
if "${apart[@]}" true 2>unshare.err; then
    "$sockatlas" run -d apart "${apart[@]}" "$targets/tcp_both_ends" 2>err
    case_is "a command in another pid namespace: nobody goes on recording" "" "$(grep -o '; .* recording' err)"
    case_is "... and each process is one" "1 tcp_both_ends, 1 unshare" "$("$sockatlas" map --format json apart |
        jq -r '[.nodes[].comm] | sort | group_by(.) | map("\(length) \(.[0])") | join(", ")')"
    "${apart[@]}" sh -c "'$sockatlas' run -d within '$targets/tcp_both_ends'" 2>err
    case_is "... as is one of \`run\` itself" "1 process, 0 recording" \
        "$(grep -o '[0-9]* process' err), $(grep -c recording err) recording"
else
    case_skip "a command in another pid namespace" "$(tail -1 unshare.err)"
fi

finish
