#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/two-choices: an edge for each transport, and what became of each parameter. MPTCP is looked at where the kernel has it.
. "$(dirname "$0")/lib.sh"

if ! /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)' 2>/dev/null; then
    case_skip "two-choices: the README shows what is seen" "this kernel has no MPTCP"
    SAMPLE_TRACE=$work/trace "$top/samples/two-choices/run.sh" >told
else
    sample_told two-choices
    case_is "mptcp" 1000 "$(map '.edges[] | select(.transport == "mptcp") | .bytes_sent')"
fi
case_is "the map's edges" "tcp exact 7
udp exact 1
unix path 2" "$(map -r '[.edges[] | select(.transport != "mptcp")] | group_by(.transport)[] | "\(.[0].transport) \(.[0].match) \(map(.connections) | add)"')"
case_is "1000 bytes each way, each time" "[[1000,1000]]" "$(map '[.edges[] | [.bytes_sent, .bytes_received]] | unique')"
verdicts=$("$sockatlas" tuned trace)
case_has "a buffer is doubled" 'SO_SNDBUF +100000 +-> +200000 +doubled' "$verdicts"
case_has "a buffer is clamped" "SO_RCVBUF +1073741824 +-> .*CLAMPED to $(cat /proc/sys/net/core/rmem_max)" "$verdicts"
case_has "a buffer is raised" 'SO_RCVBUF +1 +-> .*RAISED' "$verdicts"
case_has "a name is as asked for" 'TCP_CONGESTION +reno$' "$verdicts"
case_has "a name is refused" 'TCP_CONGESTION +nosuch .*REFUSED ENOENT' "$verdicts"
case_is "the buffers in force at the end" "SO_RCVBUF $((2 * $(cat /proc/sys/net/core/rmem_max))) SO_SNDBUF 200000" "$("$sockatlas" tuned --json trace |
    jq -r 'select(.transport == "tcp" and .end_least) | select(.name != "TCP_MAXSEG") | "\(.name) \(.end_least)"' | sort | tr '\n' ' ' | sed 's/ $//')"
case_has "the segment size at the end" 'TCP_MAXSEG +600 +588 at the end$' "$verdicts"
case_has "keepalive" 'TCP_KEEPIDLE +30$' "$verdicts"
case_has "linger" 'SO_LINGER +\{on, 0 s\}$' "$verdicts"
case_has "no delay" 'TCP_NODELAY +on$' "$verdicts"
case_is "the congestion control in force" '["reno"]' "$("$sockatlas" list --json --role client trace | jq -sc '[.[].tcp.congestion // empty] | unique')"
case_is "the segment size in force" "[588]" "$("$sockatlas" list --json --role client trace | jq -sc '
    [.[] | select(any(.options[]; .name == "TCP_MAXSEG")) | .tcp.snd_mss]')"
finish
