#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `attach` and `detach`: a program under load goes on as before, what was open and what comes is on the map, and a process that cannot be
# attached to is left as it is, with a reason.
. "$(dirname "$0")/lib.sh"

# What background programs say: a pipe with both ends here.
mkfifo told && exec 8<>told && rm told

# in_state STATE [COMMAND...]: starts attach_state (under COMMAND); `pid` is the number that it told.
in_state() {
    local state=$1
    shift
    start "$@" "$targets/attach_state" "$state" >&8
    read -r -t 20 pid <&8
}
attach() { # [OPTION...] PID...: its status in `status`, what it said in `said`
    said=$("$sockatlas" attach "$@" 2>&1)
    status=$?
}
is_loaded() { # PID
    grep -q libsockatlas "/proc/$1/maps" 2>/dev/null && echo loaded
}
refused() { # CASE REASON PID
    attach -d refusals "$3"
    case_is "$1: status" 1 "$status"
    case_has "$1: the reason, in one line" "^sockatlas attach: $3 \([^)]*\): $2$" "$said"
    case_is "$1: nothing is changed" "" "$(is_loaded "$3")"
}

# ---- Under load ----

start "$targets/attach_load" "$work/stop" >&8 2>load.err
load=$!
read -r -t 20 pid port <&8
attach -d trace "$pid"
case_is "a threaded program under load: status" 0 "$status"
case_has "... says where it is recorded" "^sockatlas attach: $pid \(attach_load\): recorded into $work/trace, with [0-9]+ sockets open$" "$said"
attach -d trace "$pid"
case_is "attached to once more: status" 1 "$status"
case_has "... says why" "it is traced already$" "$said"
sleep 1
# The kernel's view: who listens there, and the connection that was there before.
ss -tnH "sport = :$port" | grep -q ESTAB || fail "the connection that stays" "$(ss -tn)"
case_ok "detach" "$sockatlas" detach "$pid"
"$sockatlas" list --json trace >list
case_is "the listener from before is known" "1 null listening" \
    "$(jq -r --argjson port "$port" 'select(.role == "listener" and .local_port == $port) | "1 \(.opened_us) \(.state)"' list)"
# Both of its ends were open before; the descriptor of the older one is the lower.
case_is "the connection from before has both its ends, and is open" "client established open null 1
server established open null 1" \
    "$(jq -r --argjson port "$port" 'select(.opened_us == null and .state == "established") | select((.role == "client" and .peer_port == $port) or (.role == "server" and .local_port == $port)) | select(.peer_socket) | select(.end == "open") | select(.bytes_sent == null) | "\(.role) \(.state) \(.end) \(.opened_us) 1"' list | sort -u)"
case_is "... with TCP's own figures" 2 "$(jq -s '[.[] | select(.opened_us == null and .end == "open" and .tcp.rtt_us > 0)] | length' list)"
case_is "connections made meanwhile are paired" "" \
    "$(jq -r --argjson port "$port" 'select(.role == "client" and .peer_port == $port and .opened_us and .state == "closed" and .match != "cookie" and .match != "exact" and .peer_socket == null)' list | head -20)"
case_is "... some" true "$(jq -s --argjson port "$port" '[.[] | select(.role == "client" and .peer_port == $port and .opened_us and .end == "closed")] | length > 20' list)"
case_is "nothing failed" 0 "$(jq -s '[.[] | select(.outcome == "failed" or .outcome == "unanswered")] | length' list)"
"$sockatlas" map --format json trace >map
case_is "the map says how it is traced" "attach true" "$(jq -r --argjson pid "$pid" '.nodes[] | select(.pid == $pid) | "\(.via) \(.attached_us > 0)"' map)"
case_is "... and that it began late, and ended" "attached detached" "$(jq -r '[.coverage[] | select(.what == "attached" or .what == "detached") | .what] | unique | join(" ")' map)"
case_is "children are followed over fork and exec" true "$(jq '[.nodes[] | select(.kind == "process")] | length > 2' map)"
# A connection that nobody had accepted yet has one half.
case_is "no process of the tree is a blind spot" "" "$(jq -r '.coverage[] | select(.what != "attached" and .what != "detached" and .what != "half_matched") | "\(.what): \(.detail)"' map)"

# Detached, nothing more is recorded, and the slots are as they were.
"$sockatlas" events --json trace | wc -l >before
sleep 0.3
case_is "once detached, nothing is recorded" "$(cat before)" "$("$sockatlas" events --json trace | wc -l)"
said=$("$sockatlas" detach "$pid" 2>&1)
case_is "detached once more: status" 1 $?
case_has "... says why" "it is not traced$" "$said"

for i in $(seq 40); do
    attach -d trace "$pid"
    [ "$status" -eq 0 ] && "$sockatlas" detach "$pid" 2>>said.again || break
done
case_is "again and again" "40 0" "$i $status"

# Killed at any instant of it: what is begun is brought to its end.
gently() { [ -z "$(grep -v '^TracerPid:.0$' <(grep TracerPid "/proc/$pid/task/"*/status -h 2>/dev/null))" ]; }
for i in $(seq 30); do
    "$sockatlas" attach -d trace "$pid" 2>/dev/null &
    killed=$!
    sleep "0.00$((i % 10))" && kill -KILL "$killed"
    wait "$killed"
    wait_true gently
    "$sockatlas" detach "$pid" 2>/dev/null
done 2>/dev/null
case_ok "attach killed 30 times: the program lives" kill -0 "$pid"
attach -d trace "$pid"
case_is "... and is attached to again" "0 " "$status $("$sockatlas" detach "$pid" 2>&1 >/dev/null | grep -v 'no longer')"
touch stop
wait "$load"
case_is "the program noticed nothing" "0 " "$? $(cat load.err)"
read -r -t 20 connections <&8
case_is "... and made its connections" true "$([ "$connections" -gt 50 ] && echo true)"

# ---- What becomes of the call that it was stopped in ----

in_state receive
attach -d trace2 "$pid"
case_is "recv() with a timeout goes on" "0 yes" "$status $(sleep 0.2 && kill -0 "$pid" && echo yes)"
mkfifo input && exec 6<>input
"$targets/attach_state" stdin <input >&8 6>&- &
started+=($!)
read -r -t 20 pid <&8
echo one >&6 && read -r -t 20 one <&8
attach -d trace2 "$pid"
echo two >&6 && read -r -t 20 two <&8
case_is "a read() goes on, and the same folder is added to" "0 one two" "$status $one $two"
exec 6>&-
in_state call
attach -d trace2 "$pid"
case_is "a handler that came in a call that waits is no obstacle" 0 "$status"

# ---- Refused ----

refused "a process that there is not" "no such process" 4194303
case_has "a word that is no number" "no process's number|not a process's number" "$("$sockatlas" attach x 2>&1)"
"$sockatlas" attach x >/dev/null 2>&1
case_is "... status" 2 $?
"$sockatlas" attach >/dev/null 2>&1
case_is "none given: status" 2 $?
in_state compute
refused "a program that makes no system call" "none of its threads came to a system call that waits within 5 s" "$pid"
in_state mutex
refused "one that waits for a mutex alone" "none of its threads came to a system call that waits within 5 s" "$pid"
in_state handler
refused "one in a handler that came in a computation" "none of its threads came to a system call that waits within 5 s" "$pid"
in_state vfork
refused "one whose child runs in its memory" "none of its threads came to a system call that waits within 5 s" "$pid"
in_state filter
refused "one under a seccomp filter" "it is under a seccomp filter, .*" "$pid"
in_state ignore
refused "one that ignores SIGSEGV" "it ignores SIGSEGV, .*" "$pid"
in_state traced
refused "one that is traced" "process [0-9]+ \(attach_state\) traces it" "$pid"
in_state zombie
refused "one that has ended" "it has ended and waits for its parent" "$pid"
in_state thread
refused "a thread" "it is a thread of process [0-9]+" "$pid"
in_state wait
kill -STOP "$pid"
wait_true grep -q 'State:.*T' "/proc/$pid/status"
refused "one that is stopped" "it is stopped; continue it first" "$pid"
kill -CONT "$pid"
start "$targets/attach_static" >&8
read -r -t 20 pid <&8
refused "a static program" "it is statically linked, .*" "$pid"
if [ -r /proc/2/comm ] && [ -z "$(cat /proc/2/cmdline)" ]; then
    refused "a thread of the kernel's" "it is a thread of the kernel's|not permitted: .*" 2
else
    case_skip "a thread of the kernel's" "none to be seen here"
fi
printf 'int poll(void *, unsigned long, int); int getpid(void); int printf(const char *, ...); int fflush(void *);\nint main(void) { printf("%%d\\n", getpid()); fflush(0); for (;;) poll(0, 0, -1); }\n' >small.c
if ${CC:-gcc} -m32 -w -o small small.c 2>/dev/null; then
    start ./small >&8
    read -r -t 20 pid <&8
    refused "a program of another word size" "it is built for another machine or word size than libsockatlas.so" "$pid"
else
    case_skip "a program of another word size" "no compiler for 32 bits here"
fi
# A mount namespace of its own, where something else stands over the trace folder.
if unshare -rm true 2>/dev/null; then
    start unshare -rm sh -c "mount -t tmpfs none '$work' && exec '$targets/attach_state' wait" >&8
    read -r -t 20 pid <&8
    attach -d refusals "$pid"
    case_is "one that sees other files: attached to all the same" 0 "$status"
    case_ok "... its log is in the folder" test -s refusals/attach_state."$pid".*.atlas
else
    case_skip "one that sees other files" "no namespaces for this user here"
fi
if [ "$(id -u)" -eq 0 ]; then
    chmod 755 "$work"
    in_state wait setpriv --reuid nobody --regid nogroup --clear-groups
    refused "another user's, in a folder of root's own" "it is the process of user [0-9]+, who cannot record into $work/refusals; --across-users lets them" "$pid"
    attach --across-users -d shared "$pid"
    case_is "... with --across-users" 0 "$status"
    case_is "... its log is its user's, and read" "nobody 1" "$(stat -c %U shared/attach_state.* ) $("$sockatlas" map --format json shared 2>/dev/null | jq '[.nodes[] | select(.via == "attach")] | length')"
    in_state wait
    said=$(setpriv --reuid nobody --regid nogroup --clear-groups "$sockatlas" attach -d /tmp/nobody.$$ "$pid" 2>&1)
    case_has "root's process, asked for by another user" "not permitted: it is another user's; root may$" "$said"
    rm -rf "/tmp/nobody.$$"
else
    attach -d refusals 1
    case_has "root's process, asked for by another user" "not permitted: it is another user's; root may$|not permitted" "$said"
fi
if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ]; then
    case_skip "kernel.yama.ptrace_scope" "this kernel has no Yama, or it lets attach"
else
    in_state wait setsid -f
    refused "kernel.yama.ptrace_scope" "not permitted: kernel.yama.ptrace_scope is .*" "$pid"
fi
finish
