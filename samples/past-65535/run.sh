#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/past-65535/run.sh [--full]: more connections to one port than a client address has ports. It all happens in a network namespace
# of its own, so that this machine's ports stay free; small, that namespace has 200 ports for clients. --full: the range as it is, and more
# than 65,536 connections at once.
. "$(dirname "$0")/../lib.sh"

if [ "${1:-}" != inside ]; then
    sample_ready
    rootless=$([ "$(id -u)" -eq 0 ] || echo --map-root-user)
    # shellcheck disable=SC2086
    exec unshare $rootless --net -- "samples/$name/run.sh" inside "${1:-}"
fi

ip link set lo up || exit 1
if [ "${2:-}" = --full ]; then
    addresses=70 each=1000
    # Measured with 70,000 connections: 9.0 KiB each in the kernel for both ends, 0.9 in the programs, 0.6 of trace; and the least that was
    # free in the whole run, the looking at it included, was 870 MiB below what was free before.
    need=$((addresses * each * 14 / 1024)) # MiB
    free=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
    processes=$((2 * ((addresses * each - 1) / ($(ulimit -H -n) - 64) + 1)))
    echo "$((addresses * each)) connections take about $need MiB ($free MiB are free) and $processes processes of up to $(ulimit -H -n) descriptors."
    [ "$free" -gt "$need" ] || { echo "samples/$name: not enough memory" >&2 && exit 1; }
else
    ports=$([ -n "${SAMPLE_BRIEF:-}" ] && echo 10 || echo 200)
    addresses=6 each=$((ports / 2))
    echo 20000 $((20000 + ports - 1)) >/proc/sys/net/ipv4/ip_local_port_range || exit 1
fi

mkdir -p "$trace"
shown sockatlas run -d "$trace/many" -- "samples/$name/crowd.py" many $addresses $each 2>&1 || exit
shown sockatlas map --by program "$trace/many"
echo "\$ sockatlas list --json --role server $trace/many | jq -r '[.local_address, .local_port, .peer_address, .peer_port] | join(\" \")' | sort | uniq -d | wc -l"
sockatlas list --json --role server "$trace/many" |
    jq -r '[.local_address, .local_port, .peer_address, .peer_port] | join(" ")' | sort | uniq -d | wc -l
shown sockatlas doctor "$trace/many"
echo
shown sockatlas run -d "$trace/one" -- "samples/$name/crowd.py" one 2>&1 || exit
shown sockatlas doctor "$trace/one"
exit 0
