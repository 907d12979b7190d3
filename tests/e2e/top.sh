#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `top` on a terminal of 80x24 (tmux): what the screen shows, what the keys do, and the terminal given back at the end.
. "$(dirname "$0")/lib.sh"

export TMUX_TMPDIR=$work
tm() {
    tmux -f /dev/null -L top "$@"
}
at_end+=("tm kill-server 2>/dev/null")
screen() {
    tm capture-pane -p -t top
}
on_screen() {
    screen | grep -qE -- "$1"
}
off_screen() {
    ! on_screen "$1"
}
settles() { # COMMAND...: until it is so; fails after 20 seconds, printing the screen
    local end=$((SECONDS + 20))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { screen && return 1; }
        read -r -t 0.05 <>idle
    done
    return 0
}
shows() { # PATTERN: until some line is like that
    settles on_screen "$1"
}
hides() { # PATTERN: until none is
    settles off_screen "$1"
}
keys() {
    tm send-keys -t top "$@"
}
rows() { # socket lines on the screen
    screen | grep -cE ' (tcp|udp|unix) +(client|server|listener|pair|datagram|unused) '
}

mkfifo idle hold
cat >slow <<SH
exec 3<>hold
'$targets/tcp_both_ends'
'$targets/unix_stream'
read -r _ <&3
'$targets/connect_refused'
read -r _ <&3
SH
exec 4<>hold
mkdir -m 700 trace
start env SOCKATLAS_DIR="$work/trace" LD_PRELOAD="$shim" bash slow
traced=$!
tm new-session -d -s top -x 80 -y 24 "env PS1='prompt> ' TERM=screen bash --norc --noprofile"
case_ok "a terminal is there" shows 'prompt>'
keys "stty -a >before; '$sockatlas' top trace; echo \"status \$?\"; stty -a >after" Enter
case_ok "it shows the sockets" shows 'tcp_both.* tcp +client +closed +tcp_b.* 5 B +0 B$'
case_ok "of all programs" shows 'unix_str.* unix +server '
case_ok "and how many" shows 'sockatlas top +trace: 6 sockets, 0 open'
case_is "nothing is wider than the terminal" "" "$(screen | awk 'length > 80')"
case_ok "a closed server's line tells who was at the other end" shows 'tcp +server +closed +tcp_b.* 0 B +5 B$'
case_ok "bytes stand in the last columns" shows 'tcp_both.*client.* 5 B +0 B$'
echo go >&4
case_ok "what happens meanwhile comes in" shows 'connect_.*ECONNREFUSED'
keys / unix_stream
case_ok "a filter is typed" shows 'filter: unix_stream_'
case_ok "and hides the others" hides 'tcp_both'
case_is "and shows what matches" 3 "$(rows)"
keys Enter
keys Escape
case_ok "Escape shows all again" shows 'tcp_both'
keys s
case_ok "s sorts by another column" shows '^by process'
case_is "the rows are in that order" "$(screen | grep -oE '^(connect_|tcp_both|unix_str)' | sort)" \
    "$(screen | grep -oE '^(connect_|tcp_both|unix_str)')"
keys r
case_ok "r reverses" shows '^by process, reversed'
case_is "the rows are in that order" "$(screen | grep -oE '^(connect_|tcp_both|unix_str)' | sort -r)" \
    "$(screen | grep -oE '^(connect_|tcp_both|unix_str)')"
keys c
case_ok "c hides what is closed" shows 'open only'
case_ok "all of it" shows 'no socket'
keys c
keys / client Enter Home Enter
case_ok "Enter shows the socket's life" shows 'socket [0-9]+, event by event'
case_ok "event by event" shows 'unix_stream +connect\('
keys Escape
case_ok "Escape goes back" shows '^by process'
tm resize-window -t top -x 100 -y 12
case_ok "another size is taken in" shows '^process {16,}over'
tm resize-window -t top -x 80 -y 24
case_ok "and the first again" shows '^process {12,13}over'
tm resize-window -t top -x 120 -y 24
case_ok "a wide one has both, the address and who is there" \
    shows 'tcp +client +closed +127\.0\.0\.1:[0-9]+ +tcp_both_ends \([0-9]+\) +5 B +0 B$'
case_is "and is not wider either" "" "$(screen | awk 'length > 120')"
tm resize-window -t top -x 80 -y 24
case_ok "and back" shows '^process {12,13}over'
keys q
case_ok "q quits" shows '^status 0'
keys "echo done" Enter
case_ok "to the shell" shows '^done'
case_ok "with the terminal as before" cmp before after

# bash drops the rest of a line whose command died of an interrupt.
keys "clear; stty -a >before; bash -c 'echo \$\$ >pid; exec \"$sockatlas\" top trace'" Enter
case_ok "it starts again" shows 'q: quit'
keys C-c
case_ok "an interrupt ends it" hides 'q: quit'
keys "echo \"status \$?\"; stty -a >after; echo done" Enter
case_ok "by the signal" shows '^status 130'
case_ok "the shell goes on" shows '^done'
case_ok "the terminal is as before" cmp before after
keys "clear; bash -c 'echo \$\$ >pid; exec \"$sockatlas\" top trace'" Enter
case_ok "it starts once more" shows 'q: quit'
kill -TERM "$(cat pid)"
case_ok "SIGTERM ends it" hides 'q: quit'
keys "echo \"status \$?\"; stty -a >after; echo done" Enter
case_ok "by that signal" shows '^status 143'
case_ok "the shell goes on again" shows '^done'
case_ok "the terminal is as before once more" cmp before after
keys "clear; '$sockatlas' top nowhere; echo \"status \$?\"" Enter
case_ok "no such trace: line" shows '^nowhere: No such file or directory'
case_ok "no such trace: status" shows '^status 1'
"$sockatlas" export --format jsonl -o trace.jsonl trace
keys "clear; '$sockatlas' top <(cat trace.jsonl)" Enter
case_ok "a pipe is read" shows 'tcp_both.* tcp +client +closed '
keys / client Enter Home Enter
case_ok "a life in it too" shows ' connect\('
keys Escape q "clear; '$sockatlas' top -; echo \"status \$?\"" Enter
case_ok "keys and a trace cannot both come from standard input" shows '^status 2'
case_is "without a terminal: status" 2 "$("$sockatlas" top trace </dev/null 2>err; echo $?)"
case_has "without a terminal: line" "needs a terminal" "$(cat err)"
echo go >&4
wait_gone "$traced"

# ---- What is overwritten before it can be read
mkdir -m 700 small
mkfifo more
exec 5<>more
SOCKATLAS_DIR="$work/small" SOCKATLAS_LIMIT=65536 LD_PRELOAD="$shim" "$targets/busy_phases" ledger 3 400 <&5 >phases &
adopt $!
wait_true grep -q ready phases
keys "clear; '$sockatlas' top small" Enter
case_ok "what was overwritten before it began is said" shows \
    '^[0-9]+ gaps?, busy_phases \([0-9]+\): overwritten before [0-9-]+ [0-9:]+: [0-9]+ records'
case_is "and takes no row from the keys" 1 "$(screen | grep -c 'q: quit')"
before=$(screen | grep -oE '^[0-9]+ gap' | grep -oE '^[0-9]+')
again() { [ "$(screen | grep -oE '^[0-9]+ gap' | grep -oE '^[0-9]+')" -gt "$before" ]; }
printf x >&5
case_ok "what is overwritten meanwhile, too" settles again
keys q

# ---- Bytes of what is still open
cat >open.py <<'PY'
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
peer = server.accept()[0]
for step in range(2):
    client.sendall(b"x" * 700)
    assert len(peer.recv(4096, socket.MSG_WAITALL if step else 0)) <= 1400
    open("opened", "w").write("x")
    open("hold").read(1)
PY
exec 4<&-
for io in 0 1; do
    rm -f opened
    mkdir -m 700 "open$io"
    start env SOCKATLAS_IO=$io SOCKATLAS_DIR="$work/open$io" LD_PRELOAD="$shim" /usr/bin/python3 open.py
    held=$!
    keys "clear; '$sockatlas' top open$io" Enter
    if [ $io = 0 ]; then
        case_ok "bytes of an open connection are not known as a rule" shows ' tcp +client +established +python3 \([0-9]+\) +- +-$'
    else
        case_ok "where transfers are recorded, they are" shows ' tcp +client +established +python3 \([0-9]+\) +700 B +0 B$'
        echo >hold
        case_ok "and grow" shows ' tcp +client +established +python3 \([0-9]+\) +1.4 kB +0 B$'
        keys s s s s
        case_ok "sorted by bytes" shows '^by bytes'
        case_has "the most comes first" ' client .* 1.4 kB ' "$(screen | sed -n 4p)"
    fi
    keys q
    kill "$held"
    wait_gone "$held"
done

# ---- Who is at the other end of what is open: not traced but seen by `run`, traced, and nobody that is known
cat >serve.py <<'PY'
import os, socket
server = socket.create_server(("127.0.0.1", 0))
open("port.new", "w").write(str(server.getsockname()[1]))
os.rename("port.new", "port")
peers = []
while True:
    peers.append(server.accept()[0])
PY
cat >ask.py <<'PY'
import socket
untraced = socket.create_connection(("127.0.0.1", int(open("port").read())))
here, there = socket.socketpair()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect(("127.0.0.1", 9))
open("hold").read(1)
PY
start /usr/bin/python3 serve.py
server=$!
for ((i = 0; i < 400; i++)); do [ ! -s port ] || break; read -r -t 0.05 <>idle; done
start "$sockatlas" run -d ends /usr/bin/python3 ask.py 2>run.err
ask=$!
for ((i = 0; i < 400; i++)); do [ ! -d ends ] || break; read -r -t 0.05 <>idle; done
keys "clear; '$sockatlas' top ends" Enter
case_ok "an untraced process at the other end of an open connection is named" \
    shows " tcp +client +established +python3 \\($server\\) +- +-\$"
case_ok "so is the other end of a socket pair" shows ' unix +pair +[a-z]+ +python3 \([0-9]+\) '
case_ok "an address stays where nobody is known" shows ' udp +datagram +[a-z]+ +127\.0\.0\.1:9 '
tm resize-window -t top -x 120 -y 24
case_ok "a wide screen says who is not traced" \
    shows "established +127\\.0\\.0\\.1:[0-9]+ +python3 \\($server\\), u.* - +-\$"
keys / ", untraced"
case_ok "and is filtered by it" shows 'filter: , untraced_'
case_is "to that one" 1 "$(rows)"
keys Enter q
tm resize-window -t top -x 80 -y 24
echo >hold
wait_gone "$ask"
kill "$server"
wait_gone "$server"

finish
