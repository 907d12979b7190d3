#!/bin/bash
# SPDX-License-Identifier: MIT
#
# socat and ncat: whatever can be one end of a pipe, joined to whatever can be the other: TCP, UDP, unix, abstract, socketpairs,
# TLS, programs, a process for each connection.
. "$(dirname "$0")/../lib.sh"
need socat ncat openssl

# Bytes that a lost, doubled or reordered piece would change.
stream() {
    seq 1 60000
}

tcp() {
    check_port
    background socat "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr" 'EXEC:cat'
    until_open "$port" || return
    stream | socat -t 10 - "TCP:127.0.0.1:$port" | cksum
    stream | socat -t 10 - "TCP:127.0.0.1:$port,nodelay,keepalive,sndbuf=30000,linger=1" | cksum
    for each in 1 2 3 4 5; do echo "one of $each" | socat -t 10 - "TCP4:localhost:$port"; done
    stream | ncat 127.0.0.1 "$port" | cksum
    socat - TCP:127.0.0.1:1 2>&1 | sed 's/.*connect/connect/'
    ncat 127.0.0.1 1 2>&1
    stop "${started[0]}"
}
program_same "socat and ncat over TCP" tcp
edge "socat and ncat over TCP: socat" socat socat tcp 7
edge "socat and ncat over TCP: ncat" ncat socat tcp 1

unix() {
    abstract=sockatlas-$BASHPID
    background socat "UNIX-LISTEN:$run/one.sock,fork" 'SYSTEM:tr a-z A-Z'
    background socat "ABSTRACT-LISTEN:$abstract,fork" "UNIX-CONNECT:$run/one.sock"
    until_open "$run/one.sock" || return
    wait_true socat -u OPEN:/dev/null "ABSTRACT-CONNECT:$abstract" || return
    echo "to socat" | socat -t 10 - "UNIX-CONNECT:$run/one.sock"
    echo "by another" | socat -t 10 - "ABSTRACT-CONNECT:$abstract"
    echo "from ncat" | ncat -U "$run/one.sock"
    background socat -u "UNIX-RECV:$run/datagrams.sock" "OPEN:$run/received,creat,append"
    wait_true test -S datagrams.sock || return
    for each in 1 2 3; do echo "datagram $each" | socat -u - "UNIX-SENDTO:$run/datagrams.sock"; done
    wait_true grep -q 'datagram 3' received && cat received
    socat -u OPEN:/dev/null "UNIX-CONNECT:$run/none.sock" 2>&1 | sed 's/.*: //'
    echo "through a pair" | socat -t 1 - 'EXEC:cat'
    echo "through pipes" | socat -t 1 - 'EXEC:cat,pipes'
    echo "through a terminal" | socat -t 10 - 'EXEC:head -1,pty,raw,echo=0'
}
program_same "socat and ncat over unix sockets" unix
edge "socat and ncat over unix sockets: socat to socat" socat socat unix 3
edge "socat and ncat over unix sockets: ncat to socat" ncat socat unix 1

# -T and -i end what has no end of its own.
udp() {
    check_port
    background socat -T 10 "UDP-LISTEN:$port,bind=127.0.0.1,fork" 'EXEC:cat' 2>first.err
    first=$port
    check_port
    background socat -u "UDP-RECVFROM:$port,bind=127.0.0.1,fork" "SYSTEM:cat >>$run/received" 2>second.err
    check_answer() { # nothing else tells that a UDP port is served
        [ "$(echo there | socat -t 0.3 - "UDP:127.0.0.1:$first")" = there ]
    }
    wait_true check_answer || return
    for each in 1 2 3; do echo "echo $each" | socat -t 1 - "UDP:127.0.0.1:$first"; done
    received() {
        echo "sent" | socat -u - "UDP-SENDTO:127.0.0.1:$port"
        untraced sleep 0.1
        test -s "$run/received"
    }
    wait_true received && head -1 received
    echo "from ncat" | ncat -u -i 1 127.0.0.1 "$first" 2>/dev/null
}
program_same "socat and ncat over UDP" udp
edge "socat and ncat over UDP: socat" socat socat udp 1
edge "socat and ncat over UDP: ncat" ncat socat udp 1

received_twice() {
    [ "$(grep -c 1151633447 received)" = 2 ]
}

tls() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost >/dev/null 2>&1 || return
    check_port
    background socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,fork,cert=cert.pem,key=key.pem,verify=0" 'EXEC:cat' 2>first.err
    until_open "$port" || return
    first=$port
    echo "socat" | socat -t 10 - "OPENSSL:127.0.0.1:$first,cafile=cert.pem,commonname=localhost"
    echo "ncat" | ncat --ssl 127.0.0.1 "$first"
    check_port
    background socat -u "OPENSSL-LISTEN:$port,bind=127.0.0.1,fork,cert=cert.pem,key=key.pem,verify=0" 'SYSTEM:cksum >>received' \
        2>second.err # what tells of the suite's own knock at the port
    until_open "$port" || return
    stream | socat -u - "OPENSSL:127.0.0.1:$port,verify=0" && wait_true grep 1151633447 received
    stream | ncat --ssl --send-only 127.0.0.1 "$port" && wait_true received_twice
    # openssl's own test: as many handshakes as it can in a second.
    check_port
    background openssl s_server -accept "127.0.0.1:$port" -cert cert.pem -key key.pem -www -quiet
    until_open "$port" || return
    openssl s_time -connect "127.0.0.1:$port" -www / -new -time 1 2>&1 | awk '/real seconds/ { print ($1 > 5) ? "handshakes" : $0 }'
    openssl s_client -connect "127.0.0.1:$port" -CAfile cert.pem </dev/null 2>&1 | grep '^Verification'
}
program_same "socat, ncat and openssl over TLS" tls
edge "socat, ncat and openssl over TLS: socat" socat socat tcp 1
edge "socat, ncat and openssl over TLS: ncat" ncat socat tcp 1
edge "socat, ncat and openssl over TLS: openssl" openssl openssl tcp 5
finish
