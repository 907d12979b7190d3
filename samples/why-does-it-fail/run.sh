#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/why-does-it-fail/run.sh: six programs with a trouble each, and what `doctor` says of it. It happens in network namespaces of its
# own: this machine, and a test host that drops packets. `run.sh inside` builds them, `run.sh traffic FOLDER` is what is traced.
. "$(dirname "$0")/../lib.sh"

programs() {
    local each
    for each in "$@"; do
        ln -s "$top/samples/$name/fail.py" "$work/$each" || exit 1
    done
}

# serve FILE COMMAND...: started, and waited for without asking it.
serve() {
    start "${@:2}" >"$1"
    until_true grep -q ready "$1"
}

other_network() {
    [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# The test host: a network of its own at the other end of a cable. Its firewall drops port 8080, and all TCP over IPv6.
test_host() {
    local host
    start unshare --net -- sleep infinity
    host=$!
    until_true other_network "$host"
    there() { nsenter --target "$host" --net -- "$@"; }
    ip link add cable type veth peer name cable netns "$host" &&
        ip address add 192.0.2.1/24 dev cable && ip address add 2001:db8::1/64 dev cable nodad &&
        ip link set cable up && there ip link set cable up &&
        there ip address add 192.0.2.2/24 dev cable && there ip address add 2001:db8::2/64 dev cable nodad &&
        there nft 'table inet host {
            chain input {
                type filter hook input priority 0
                tcp dport 8080 drop
                meta nfproto ipv6 meta l4proto tcp drop
            }
        }' || exit 1
    serve "$work/host.ready" nsenter --target "$host" --net -- "$work/host"
}

# A name server, and nothing else, is asked for names. Seen in this mount namespace alone.
name_server() {
    echo "nameserver 127.0.0.1" >"$work/resolv.conf"
    echo "hosts: dns" >"$work/nsswitch.conf"
    mount --bind "$work/resolv.conf" /etc/resolv.conf && mount --bind "$work/nsswitch.conf" /etc/nsswitch.conf || exit 1
    serve "$work/names.ready" "$work/names"
}

case ${1:-} in
'')
    sample_ready
    rootless=$([ "$(id -u)" -eq 0 ] || echo --map-root-user)
    # shellcheck disable=SC2086
    refused=$(unshare $rootless --net --mount true 2>&1) || { say "takes root or user namespaces ($refused)" && exit 1; }
    # shellcheck disable=SC2086
    exec unshare $rootless --net --mount --propagation private -- "samples/$name/run.sh" inside
    ;;
inside)
    sample_begin
    programs host names
    ip link set lo up || exit 1
    # The kernel asks twice, for three seconds in all, where it asks for more than two minutes by default.
    echo 1 >/proc/sys/net/ipv4/tcp_syn_retries
    [ ! -e /proc/sys/net/ipv4/tcp_syn_linear_timeouts ] || echo 0 >/proc/sys/net/ipv4/tcp_syn_linear_timeouts
    test_host
    name_server
    sample_run || exit
    shown sockatlas map "$trace"
    shown sockatlas doctor "$trace"
    exit 0
    ;;
traffic)
    sample_begin
    programs server refused in-use timed-out unreachable slow-name ipv6-first
    serve "$work/ready" "$work/server"
    for each in refused in-use timed-out unreachable slow-name ipv6-first; do
        "$work/$each"
    done
    ;;
esac
