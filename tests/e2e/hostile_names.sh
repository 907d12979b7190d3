#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs, hosts, files and names that are called what steers a terminal or ends a format: nothing of it reaches an output or a message
# raw (hostile_names.py says which strings, and what is asked of each output).
. "$(dirname "$0")/lib.sh"

doctors=$top/build/doctor
trace sockets sh -c '"$1/unix_stream"; "$1/connect_refused"; "$1/options"; "$1/fork_listener"; "$1/unix_abstract"; "$1/socketpair"
    "$2/address_in_use"; "$2/inherited_socket"; "$2/connect_failed"' sh "$targets" "$doctors"
port=$(free_port)
trace names python3 -c '
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client = socket.create_connection(("localhost", int(sys.argv[1])))
served, _ = server.accept()
client.sendall(b"x"); served.recv(1); client.close(); served.close()' "$port"
for base in sockets names; do
    "$sockatlas" export --format jsonl -o $base.jsonl $base || exit 1
done
"$sockatlas" export --format jsonl -o kinds.jsonl "$top/tests/traces/v1-kinds" || exit 1
cases_of "$(python3 "$top/tests/e2e/hostile_names.py" "$sockatlas" sockets.jsonl names.jsonl kinds.jsonl 2>&1)"

# ---- As it is traced: a program that calls itself so, while it runs and afterwards
rename='
import ctypes, os, socket
for name in (b"\x1b]0;PWNED\x07", b"\xc2\x9b31mPWNED", b"\x9b31mPWNED", "\u202ePWNED".encode(), b"a\nPWNED", b"=1+1PWNED"):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
        socket.socket().close()
        os._exit(0)
    os.wait()
ctypes.CDLL(None).prctl(15, b"\x1b]0;PWNED\x07", 0, 0, 0)
if os.fork() == 0:
    socket.socket().close()
    os._exit(0)
os.wait()'
"$sockatlas" run --live -d live python3 -c "$rename" >out 2>err
case_is "run --live: status" 0 $?
refused='[\x00-\x08\x0b-\x1f\x7f-\xff]'
case_is "run --live: nothing that steers" "" "$(LC_ALL=C grep -nP "$refused" err)"
case_is "run --live: the names are recognisable" 2 "$(($(grep -c 'PWNED' err) > 1 ? 2 : 0))"
"$sockatlas" events live >out 2>err
case_is "events: nothing that steers" " " "$(LC_ALL=C grep -nP "$refused" out) $(cat err)"
case_is "events: a line an event" "$("$sockatlas" events --json live | wc -l)" "$(wc -l <out)"

# ---- What the shim itself says at load
for variable in SOCKATLAS_DIR SOCKATLAS_LIMIT; do
    for value in $'/nosuch/a\e]0;PWNED\a\nsockatlas: b' $'/nosuch/\xc2\x9b31m\x9b\u202e' "/nosuch/$(printf '\1%.0s' {1..3000})"; do
        env "$variable=$value" LD_PRELOAD="$shim" "$(type -P true)" 2>err
        case_is "$variable: one line, nothing that steers" "1 " "$(wc -l <err) $(LC_ALL=C grep -nP '[^ -~]' err)"
        case_has "$variable: it is told" '^sockatlas: .*; not tracing$' "$(cat err)"
    done
done

# ---- top: the screen of a terminal that shows all of them, and its title
export TMUX_TMPDIR=$work
tm() {
    tmux -f /dev/null -L names "$@"
}
at_end+=("tm kill-server 2>/dev/null")
tm new-session -d -s top -x 200 -y 50 "LC_ALL=C.UTF-8 '$sockatlas' top mixed.jsonl"
before=$(tm display-message -p -t top '#{pane_title}')
on_screen() {
    tm capture-pane -p -t top | grep -q 'X7q'
}
case_ok "top shows them" wait_true on_screen
tm send-keys -t top Enter
in_life() {
    tm capture-pane -p -t top | grep -q 'event by event'
}
case_ok "top shows the life of one" wait_true in_life
tm capture-pane -p -t top >out
case_is "top: the screen has none that steer" "" "$(LC_ALL=C.UTF-8 grep -nP '[\x00-\x08\x0b-\x1f\x7f-\x9f\x{202a}-\x{202e}\x{2066}-\x{2069}]' out)"
case_is "top: the terminal's title stays" "$before" "$(tm display-message -p -t top '#{pane_title}')"
tm send-keys -t top q

finish
