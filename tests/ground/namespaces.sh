#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Network namespaces and hosts: equal loopback addresses in two namespaces never meet, veth pairs between them do, DNAT, masquerading and
# both at once are `nat` with both sides' tuples, and two hosts' traces given together meet by address whatever their clocks say. A host is made of a namespace and of its log files' boot id, name and clock, which are rewritten afterwards: that proves the
# matching, not the recording on another kernel.
. "$(dirname "$0")/netns.sh"

space a && a=$netns
space b && b=$netns
ip link add "$mine-a" netns "$a" type veth peer name "$mine-b" netns "$b" 2>/dev/null ||
    ip -n "$a" link add veth0 type veth peer name veth0 netns "$b"
for each in "$a 10.99.7.1" "$b 10.99.7.2"; do
    set -- $each
    link=$(ip -n "$1" -o link show type veth | awk -F'[:@ ]+' '{print $2; exit}')
    ip -n "$1" address add "$2/24" dev "$link" && ip -n "$1" link set "$link" up
done

# traced TRACE NETNS COMMAND...
traced() {
    SOCKATLAS_DIR=$work/$1 LD_PRELOAD=$shim exec ip netns exec "$2" "${@:3}"
}
serve() { # TRACE NETNS ADDRESS PORT: answers one connection at a time; its pid in $served
    traced "$1" "$2" python3 -c '
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    end = server.accept()[0]
    end.recv(100)
    end.sendall(b"12345")
    end.close()' "$3" "$4" >"$5" &
    served=$!
    started+=("$served")
    until grep -qs ready "$5"; do read -rt 0.05 <> <(:) || :; done
}
call() { # TRACE NETNS ADDRESS PORT
    (traced "$1" "$2" python3 -c '
import socket, sys
end = socket.create_connection((sys.argv[1], int(sys.argv[2])))
end.sendall(b"123")
end.recv(100)
end.recv(100)
end.close()' "$3" "$4")
}
edges() { # TRACE...
    "$sockatlas" map --format json "$@" | jq -r '. as $map | .edges[] |
        "\($map.nodes[.from].pid // "-") -> \($map.nodes[.to].pid // $map.nodes[.to].address) \(.server_address):\(.server_port) \(.match) \(.connections)"' |
        sort
}
if ! command -v python3 >/dev/null; then
    case_skip "connections in and between network namespaces" "python3 is not installed"
    finish
fi

# One port on 127.0.0.1 in both: each client meets the server of its own namespace.
serve same "$a" 127.0.0.1 7001 ready1
server_a=$served
serve same "$b" 127.0.0.1 7001 ready2
server_b=$served
call same "$a" 127.0.0.1 7001
call same "$b" 127.0.0.1 7001
call same "$b" 127.0.0.1 7001
case_is "equal loopback addresses in two namespaces do not meet" \
    "127.0.0.1:7001 exact 1 to $server_a;127.0.0.1:7001 exact 1 to $server_b;127.0.0.1:7001 exact 1 to $server_b;" \
    "$(edges same | awk '{print $4, $5, $6, "to", $3}' | sort -k5n | tr '\n' ';')"

# Over the veth pair.
serve between "$b" 10.99.7.2 7002 ready3
server=$served
call between "$a" 10.99.7.2 7002
case_has "a veth pair connects two namespaces" "^[0-9]+ -> $server 10.99.7.2:7002 exact 1$" "$(edges between)"

# The address connected to is not the address served.
serve nat "$b" 10.99.7.2 7003 ready4
server=$served
if command -v nft >/dev/null && ip netns exec "$a" nft -f - 2>nft.err <<END; then
table ip t {
    chain out {
        type nat hook output priority -100; policy accept;
        ip daddr 10.99.9.9 tcp dport 80 dnat to 10.99.7.2:7003
    }
}
END
    ip -n "$a" route add 10.99.9.0/24 via 10.99.7.2
    call nat "$a" 10.99.9.9 80
    case_has "DNAT is nat" "^[0-9]+ -> $server 10.99.9.9:80 nat 1$" "$(edges nat)"
    case_is "both sides' tuples are shown" "client 10.99.9.9:80 server 10.99.7.2:7003" \
        "$("$sockatlas" list --json nat | jq -r 'select(.role == "client") | "client \(.peer_address):\(.peer_port)"') $(
            "$sockatlas" list --json nat | jq -r 'select(.role == "server") | "server \(.local_address):\(.local_port)"'
        )"
else
    case_skip "DNAT is nat" "no nftables here: $(head -1 nft.err 2>/dev/null)"
fi

# A router between: the server sees the router's address for the client's, the client another for the server's, or both.
space r && r=$netns
wire() { # NETNS ADDRESS, and the router's ADDRESS: a link of its own
    local link=v$((links += 1))
    ip -n "$r" link add "$link" type veth peer name "$link" netns "$1"
    ip -n "$1" address add "$2/24" dev "$link" && ip -n "$1" link set "$link" up
    ip -n "$r" address add "$3/24" dev "$link" && ip -n "$r" link set "$link" up
}
links=0
wire "$a" 10.99.8.2 10.99.8.1
wire "$b" 10.99.9.2 10.99.9.1
ip netns exec "$r" sysctl -qw net.ipv4.ip_forward=1 2>/dev/null || ip netns exec "$r" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip -n "$a" route replace 10.99.9.0/24 via 10.99.8.1
ip -n "$a" route add 10.99.10.0/24 via 10.99.8.1
tuples() { # TRACE
    "$sockatlas" list --json "$1" | jq -rs 'map(select(.role == "client" or .role == "server")) | sort_by(.role)[] |
        "\(.role) \(.local_address) \(.peer_address) \(if .role == "client" then .peer_port else .local_port end) \(.match)"' | tr '\n' ';'
}
if command -v nft >/dev/null && ip netns exec "$r" nft -f - 2>nft.err <<END; then
table ip t {
    chain in {
        type nat hook prerouting priority -100; policy accept;
        ip daddr 10.99.10.1 tcp dport 80 dnat to 10.99.9.2:7012
        ip daddr 10.99.9.99 tcp dport 80 dnat to 10.99.9.2:7013
    }
    chain out {
        type nat hook postrouting priority 100; policy accept;
        tcp dport { 7011, 7012 } masquerade
        tcp dport 7014 masquerade to :20000-20100
    }
}
END
    serve snat "$b" 10.99.9.2 7011 ready8
    server=$served
    call snat "$a" 10.99.9.2 7011
    call snat "$a" 10.99.9.2 7011
    case_has "masquerading is nat" "^[0-9]+ -> $server 10.99.9.2:7011 nat 1$" "$(edges snat)"
    case_is "masquerading: both sides' tuples are shown" \
        "client 10.99.8.2 10.99.9.2 7011 nat;client 10.99.8.2 10.99.9.2 7011 nat;server 10.99.9.2 10.99.9.1 7011 nat;server 10.99.9.2 10.99.9.1 7011 nat;" \
        "$(tuples snat)"
    serve both "$b" 10.99.9.2 7012 ready9
    server=$served
    call both "$a" 10.99.10.1 80
    case_has "both addresses rewritten are nat" "^[0-9]+ -> $server 10.99.10.1:80 nat 1$" "$(edges both)"
    case_is "both addresses rewritten: both sides' tuples are shown" \
        "client 10.99.8.2 10.99.10.1 80 nat;server 10.99.9.2 10.99.9.1 7012 nat;" "$(tuples both)"
    # Where the router gives another port too, nothing that both ends know is left.
    serve ports "$b" 10.99.9.2 7014 ready10
    call ports "$a" 10.99.9.2 7014
    case_is "an end that nothing proves is an address" "server 10.99.9.1 external;" "$("$sockatlas" list --json ports |
        jq -r 'select(.role == "server") | "\(.role) \(.peer_address) \(.match)"' | tr '\n' ';')"
    case_has "and the client's side is said to be half" half_matched \
        "$("$sockatlas" map --format json ports | jq -r '.coverage[].what')"
else
    case_skip "masquerading is nat" "no nftables here: $(head -1 nft.err 2>/dev/null)"
fi

# The header's boot id (offset 96), host name (136) and clock (40: CLOCK_REALTIME).
as_host() { # FILE BOOT_ID NAME SECONDS
    python3 - "$@" <<'END'
import struct, sys
path, boot, name, seconds = sys.argv[1:]
with open(path, "r+b") as file:
    header = bytearray(file.read(4096))
    real, = struct.unpack_from("=Q", header, 40)
    struct.pack_into("=Q", header, 40, real + int(seconds) * 10**9)
    header[96:136] = boot.encode().ljust(40, b"\0")
    header[136:208] = name.encode().ljust(72, b"\0")
    file.seek(0)
    file.write(header)
END
}

# A host each, an hour apart; then both on one 127.0.0.1 port, where only addresses could mislead.
serve host-b "$b" 10.99.7.2 7004 ready5
server=$served
call host-a "$a" 10.99.7.2 7004
serve host-b "$b" 127.0.0.1 7005 ready6
call host-b "$b" 127.0.0.1 7005
serve host-a "$a" 127.0.0.1 7005 ready7
call host-a "$a" 127.0.0.1 7005
for pid in "${started[@]}"; do
    kill -TERM "$pid" 2>/dev/null
    wait_gone "$pid"
done
for file in host-a/*.atlas; do
    as_host "$file" 11111111-1111-4111-8111-111111111111 alpha 0
done
for file in host-b/*.atlas; do
    as_host "$file" 22222222-2222-4222-8222-222222222222 beta 3600
done
case_has "two hosts meet by address, an hour apart" "^[0-9]+ -> $server 10.99.7.2:7004 exact 1$" "$(edges host-a host-b)"
case_is "in whichever order they are given" "$(edges host-a host-b)" "$(edges host-b host-a)"
case_is "each keeps its own loopback" 2 "$(edges host-a host-b | grep -c '127.0.0.1:7005 exact 1$')"
case_is "both are named" "alpha beta" \
    "$("$sockatlas" map --format json host-a host-b | jq -r '[.hosts[].name] | sort | join(" ")')"
case_is "one of them alone has an address for the other" "10.99.7.2" \
    "$("$sockatlas" map --format json host-a | jq -r '.nodes[] | select(.kind == "external") | .address')"

# The clock of one of a host's files jumps: one boot id has one clock.
for file in between/*.atlas; do
    as_host "$file" 33333333-3333-4333-8333-333333333333 gamma "$((RANDOM % 2 * 86400))"
done
case_has "a stepped clock does not tear a connection" "10.99.7.2:7002 exact 1$" "$(edges between)"

finish
