#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Conversations of rarer kinds, each by a small program (tests/targets/kinds.c): multicast and broadcast, link-local addresses over a veth
# pair, a simultaneous open, TCP Fast Open, MPTCP, vsock, netlink and packet sockets, processes that share a descriptor table or begin in
# another network, each as what it is.
. "$(dirname "$0")/netns.sh"
space a && a=$netns
space b && b=$netns
ip -n "$a" link add veth0 type veth peer name veth1 netns "$b"
ip -n "$a" address add 10.99.7.1/24 broadcast 10.99.7.255 dev veth0
ip -n "$b" address add 10.99.7.2/24 broadcast 10.99.7.255 dev veth1
ip -n "$b" link set veth1 up nodad 2>/dev/null || ip -n "$b" link set veth1 up
ip netns exec "$a" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/veth0/accept_dad; echo 3 >/proc/sys/net/ipv4/tcp_fastopen' 2>/dev/null
ip netns exec "$b" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/veth1/accept_dad' 2>/dev/null
ip -n "$a" link set veth0 up

kinds() { # KIND [ARGUMENT...]: in the first namespace; the trace in KIND, what it says in KIND.out
    ip netns exec "$a" "$sockatlas" run -d "$1" "$targets/kinds" "$@" >"$1.out" 2>"$1.err" || sed 's/^/# /' "$1.err"
}
edges() { # TRACE
    "$sockatlas" map --format json "$1" | jq -r '. as $map | .edges[] | ($map.nodes[.to]) as $to | ($map.nodes[.from]) as $from |
        "\($from.comm // $from.address) -> \($to.comm // $to.address) \(.transport) \(.server_address):\(.server_port) " +
        "\(.match) \(.connections) \(.failed) \(.bytes_sent) \(.bytes_received)"' | sort
}
sockets() { # TRACE
    "$sockatlas" list --json "$1" | jq -r '"\(.transport) \(.role) \(.state) \(.match) \(.bytes_sent) \(.bytes_received)"'
}

# Multicast and broadcast: an edge to the group, and one to the process that both receivers are of.
for each in "239.1.2.3 127.0.0.1" "239.1.2.3 10.99.7.1" "10.99.7.255 10.99.7.1" "255.255.255.255 10.99.7.1"; do
    set -- $each
    kinds group "$1" "$2"
    port=$(cat group.out)
    case_is "a datagram to $1 from $2" "kinds -> $1 udp $1:$port external 1 0 5 0;kinds -> kinds udp 0.0.0.0:$port exact 2 0 10 0;" \
        "$(edges group | tr '\n' ';')"
done

# Link-local addresses: each end knows the link by its own number.
link_address() { # NETNS INTERFACE
    ip -n "$1" -o address show dev "$2" scope link | awk '{ sub("/.*", "", $4); print $4; exit }'
}
has_link_address() {
    [ -n "$(link_address "$a" veth0)" ] && ! ip -n "$b" -o address show dev veth1 scope link | grep -q tentative
}
until has_link_address; do read -rt 0.05 <> <(:) || :; done
there=$(link_address "$b" veth1)
SOCKATLAS_DIR=$work/link LD_PRELOAD=$shim start ip netns exec "$b" "$targets/kinds" link-server "$there" veth1 >port
server=$!
until [ -s port ]; do read -rt 0.05 <> <(:) || :; done
SOCKATLAS_DIR=$work/link LD_PRELOAD=$shim ip netns exec "$a" "$targets/kinds" link-client "$there" veth0 "$(cat port)"
wait "$server"
here=$(ip -n "$a" -o link show veth0 | cut -d: -f1)
case_is "link-local addresses on a veth pair" "kinds -> kinds tcp $there%$here:$(cat port) exact 1 0 5 3" "$(edges link)"

# Refused, both: nothing has connected.
kinds simultaneous >/dev/null
case_is "two that connect to each other and are refused" 0 \
    "$("$sockatlas" map --format json simultaneous | jq '[.edges[].connections] | add')"
if command -v nft >/dev/null && ip netns exec "$a" nft -f - 2>nft.err <<'END'; then
table ip t {
    chain in {
        type filter hook input priority 0; policy accept;
        tcp flags & (syn | ack) == syn drop
    }
}
END
    rm -rf simultaneous*
    mkfifo said
    (ip netns exec "$a" "$sockatlas" run -d simultaneous "$targets/kinds" simultaneous >said 2>simultaneous.err) &
    open=$!
    read -r line <said
    ip netns exec "$a" nft delete table ip t
    wait "$open"
    case_is "a simultaneous open: both had connected" "both connect" "$line"
    case_is "a simultaneous open is one connection" "tcp exact 1 0 5 3" "$(edges simultaneous | cut -d' ' -f4,6-)"
    case_is "a simultaneous open: each end has the other" "tcp client closed exact 5 3;tcp client closed exact 3 5;" \
        "$(sockets simultaneous | tr '\n' ';')"
else
    case_skip "a simultaneous open" "no nftables here: $(head -1 nft.err 2>/dev/null)"
fi

for each in fast-send fast-connect; do
    kinds $each
    case_is "TCP Fast Open ($each)" "kinds -> kinds tcp exact 2 0 10 6" "$(edges $each | cut -d' ' -f1-4,6-)"
done
case_has "TCP Fast Open by sendto() is a connect" '"event":"connect".*"call":"sendto"' "$("$sockatlas" events --json fast-send)"

if [ "$(cat /proc/sys/net/mptcp/enabled 2>/dev/null)" = 1 ]; then
    kinds mptcp
    case_is "MPTCP" "kinds -> kinds mptcp exact 1 0 5 3" "$(edges mptcp | cut -d' ' -f1-4,6-)"
    kinds mptcp-reset
    case_is "MPTCP after a reset: the server's counts are right or unknown" "[5,null] [0,null]" \
        "$("$sockatlas" events --json mptcp-reset | jq -s -r '[.[] | select(.event == "close" and .tcp)]
            | [[.[].bytes_sent | select(. != 0)], [.[].bytes_received | select(. != 5)]] | map(tojson) | join(" ")')"
else
    case_skip "MPTCP" "this kernel has none"
fi

# Without a loopback transport there is nobody to connect to: that is shown as well.
if [ -e /dev/vsock ]; then
    kinds vsock
    port=$(head -1 vsock.out)
    if [ "$(wc -l <vsock.out)" -eq 1 ]; then
        case_is "vsock" "kinds -> kinds vsock 1:$port exact 1 0 5 3" "$(edges vsock | sed 's/:null / /')"
    else
        case_is "vsock: nobody there" "kinds -> 1:$port vsock 1:$port external 0 1 null null" "$(edges vsock | sed 's/:null / /')"
        case_has "vsock: why" "vsock client failed" "$(sockets vsock)"
    fi
    case_is "vsock: what is listened on" "vsock *:$port" "$("$sockatlas" map --format json vsock |
        jq -r '.listeners[] | "\(.transport) \(.address)"')"
else
    case_skip "vsock" "this kernel has none"
fi

# A child that begins in another network: its loopback is not its parent's.
ip netns exec "$a" "$sockatlas" run -d newnet "$targets/raw_newnet" >newnet.out 2>&1 || sed 's/^/# /' newnet.out
case_is "clone(CLONE_NEWNET) by syscall(): the parent's listener is not the child's" \
    "raw_newnet -> 127.0.0.1 external 0 1 null null;raw_newnet -> raw_newnet exact 1 0 5 0;" \
    "$(edges newnet | sed -E 's/ tcp [0-9.]+:[0-9]+//' | tr '\n' ';')"

# Two processes with one descriptor table: neither knows what the other does to it, which is said.
"$sockatlas" run -d shared "$targets/shared_table" >shared.out 2>&1 || sed 's/^/# /' shared.out
case_is "clone(CLONE_FILES): both processes are said to share" "clone_files clone_files" \
    "$("$sockatlas" map --format json shared | jq -r '[.coverage[].what] | join(" ")')"
case_is "clone(CLONE_FILES): what either sent is unknown" "null null" \
    "$("$sockatlas" map --format json shared | jq -r '[.edges[] | .bytes_sent | tojson] | join(" ")')"

kinds netlink
case_has "netlink: who is asked" "netlink port [0-9]+ kernel 20" "$("$sockatlas" list --json netlink |
    jq -r '"\(.transport) \(.local_address) \(.peer_address) \(.bytes_sent)"')"
kinds packet veth0
case_has "packet: a frame to all" "packet datagram closed null 5 0" "$(sockets packet)"
case_has "packet: protocol, interface and hardware address" " 0x88b5:if[0-9]+ [0-9a-f:]{17} +0x88b5:if[0-9]+ ff:ff:ff:ff:ff:ff " "$("$sockatlas" list packet)"
for kind in netlink packet; do
    "$sockatlas" export --format jsonl -o $kind.jsonl $kind
    case_is "$kind: an export reads back" "$("$sockatlas" list --json $kind; cat $kind.jsonl)" \
        "$("$sockatlas" list --json $kind.jsonl; "$sockatlas" export --format jsonl $kind.jsonl)"
done
finish
