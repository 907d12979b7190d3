#!/bin/bash
# SPDX-License-Identifier: MIT
#
# memcached, its threads and its three sockets: TCP, UDP, unix.
. "$(dirname "$0")/lib.sh"
need memcached socat

user=
[ -z "$root" ] || user='-u nobody'

# How its own users talk to it from a shell. socat ends half a second after the last answer.
say() { # WHERE LINES
    printf '%b' "$2" | socat -t 0.5 - "$1" | tr -d '\r'
}

commands='set name 0 0 5\r\natlas\r\nget name\r\nincr n 1\r\nset n 0 0 1\r\n4\r\nincr n 5\r\ndelete name\r\nget name\r\nnonsense\r\n'

over_tcp() {
    check_port
    # shellcheck disable=SC2086 # nothing or two words
    background memcached -l 127.0.0.1 -p "$port" -U "$port" -t 4 $user
    until_open "$port" || return
    say "TCP:127.0.0.1:$port" "$commands"
    awk 'BEGIN { for (i = 0; i < 3000; i++) printf "set k%d 0 0 4\\r\\nword\\r\\n", i }' >many
    say "TCP:127.0.0.1:$port" "$(cat many)quit\r\n" | sort | uniq -c
    for each in 1 2 3 4 5 6 7 8; do
        say "TCP:127.0.0.1:$port" "get k$each\r\nquit\r\n" >"$each.out" &
        asked[$each]=$!
    done
    wait "${asked[@]}"
    cat {1,2,3,4,5,6,7,8}.out
    say "TCP:127.0.0.1:$port" 'stats\r\nquit\r\n' | grep -E 'STAT (cmd_|get_|curr_items|threads|total_items)'
    # A datagram bears eight bytes before the command: request, number, of how many, nothing.
    say "UDP:127.0.0.1:$port" '\0000\0007\0000\0000\0000\0001\0000\0000get k1\r\n' | od -c
    stop "${started[0]}"
}
program_same "memcached over TCP and UDP" over_tcp
edge "memcached: over TCP" socat memcached tcp 11
edge "memcached: over UDP" socat memcached udp 1

over_unix() {
    [ -z "$root" ] || chmod 777 .
    # shellcheck disable=SC2086
    background memcached -s "$run/memcached.sock" -a 777 -t 2 $user
    until_open "$run/memcached.sock" || return
    say "UNIX-CONNECT:$run/memcached.sock" "$commands"
    say "UNIX-CONNECT:$run/memcached.sock" 'version\r\n' | sed 's/[0-9.]*$//'
    stop "${started[0]}"
}
program_same "memcached over a unix socket" over_unix
edge "memcached: over the unix socket" socat memcached unix 2
finish
