#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The system calls that each wrapper adds are those that the table in tests/bench/README.md names: counted under ptrace, without and with the shim.
# What they cost is not looked at.
. "$(dirname "$0")/../e2e/lib.sh"

said=$("$top/build/bench/bench" -n 1 call 2>&1)
if grep -q 'no ptrace' <<<"$said"; then
    case_skip "each call adds the system calls that tests/bench/README.md names" "ptrace does not work here"
    finish
fi

# added TITLE: what stands in the last column of TITLE's line. Space for a datagram socket's peers is mapped for many at once, and the
# addresses of a socket that is not TCP's or has other holders are asked for again where a record about it begins another section of the log
# than the one before: both are said as a part of a call, and that README has them in words.
added() {
    grep "^$1  " <<<"$said" | sed -E 's/.*\.\.[+-][0-9]+ +//; s/mmap [0-9.]+ //; s/\bget(sock|peer)name 0\.[0-9]+ ?//g; s/(get(sock|peer)name) 1\.[0-9]+/\1/g; s/ +$//; s/^$/-/'
}

while IFS='|' read -r title expected; do
    case_is "$title adds $expected" "$expected" "$(added "$title")"
done <<'EXPECTED'
socket|SO_COOKIE
setsockopt TCP_NODELAY|-
setsockopt SO_RCVBUF|SO_RCVBUF
getsockopt SO_ERROR|-
bind, port 0|getsockname
listen, port 0|getsockname
connect, TCP|rt_sigprocmask getsockname
accept, no address|SO_COOKIE
accept, address|SO_COOKIE
send, TCP|-
recv, TCP|-
sendto, UDP, first|getsockname
sendto, UDP, more|-
read, no socket|-
write, no socket|-
poll, one socket|-
epoll_wait, nothing|-
fcntl F_SETFL|-
dup|-
shutdown, TCP|-
close, unconnected|-
close, connected TCP|TCP_INFO
close, no socket|-
EXPECTED
finish
