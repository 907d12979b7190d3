#!/bin/bash
# SPDX-License-Identifier: MIT
#
# More programs that live on sockets: an rsync daemon, a git daemon, HAProxy before Python's server, dnsmasq over UDP and TCP, and the
# sockets of Perl, Ruby, bash and busybox's wget. What they give and say is the same with the shim as without.
. "$(dirname "$0")/lib.sh"
need rsync git haproxy dnsmasq ruby perl busybox /usr/bin/python3 curl

rsync_daemon() {
    mkdir from && seq 20000 >from/numbers && ln -s numbers from/link && check_port
    printf 'use chroot = no\nlog file = %s/rsyncd.log\n[here]\npath = %s/from\n' "$PWD" "$PWD" >rsyncd.conf
    background rsync --daemon --no-detach --address=127.0.0.1 --port="$port" --config="$PWD/rsyncd.conf"
    until_open "$port" || return
    rsync -a "rsync://127.0.0.1:$port/here/" to/ && diff -r from to && rsync "rsync://127.0.0.1:$port/" && echo copied
}
program_same "an rsync daemon" rsync_daemon
edge "an rsync daemon: over TCP" rsync rsync tcp 2

git_daemon() {
    export HOME=$run GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b \
        GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
    git init -q -b main origin && seq 1000 >origin/file && git -C origin add file && git -C origin commit -q -m first && check_port
    background git daemon --reuseaddr --export-all --listen=127.0.0.1 --port="$port" --base-path="$PWD" "$PWD"
    until_open "$port" || return
    git clone -q "git://127.0.0.1:$port/origin" clone && git -C clone log --format=%H && diff origin/file clone/file
}
program_same "a git daemon" git_daemon
edge "a git daemon: over TCP" 'git.*' 'git.*' tcp 1

proxy() {
    echo served >page && check_port && local server=$port
    background /usr/bin/python3 -m http.server --bind 127.0.0.1 "$server" >/dev/null 2>&1
    check_port
    printf 'defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\nlisten here\n bind 127.0.0.1:%s\n server one 127.0.0.1:%s\n' \
        "$port" "$server" >haproxy.cfg
    background haproxy -db -f haproxy.cfg >said 2>&1
    until_open "$server" && until_open "$port" || return
    for each in 1 2 3; do curl -s "http://127.0.0.1:$port/page" || return; done
    busybox wget -q -O - "http://127.0.0.1:$port/page"
}
program_same "HAProxy" proxy
edge "HAProxy: callers" 'curl' 'haproxy' tcp 3
edge "HAProxy: its server" 'haproxy' 'python3.*' tcp 4

names() {
    check_port
    background dnsmasq -k -p "$port" -C /dev/null --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts --user="$(id -un)" \
        --pid-file= --address=/domain.test/192.0.2.7 >said 2>&1
    until_open "$port" || return
    perl -MIO::Socket::INET -e '
        my $query = pack("n6", 7, 256, 1, 0, 0, 0) . "\5house\4test\0" . pack("n2", 1, 1);
        for my $kind ("udp", "tcp") {
            my $to = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0], Proto => $kind) or die $!;
            $to->syswrite($kind eq "tcp" ? pack("n", length $query) . $query : $query);
            $to->sysread(my $answer, 512);
            print "$kind ", join(".", unpack("C4", substr($answer, -4))), "\n";
        }' "$port"
}
program_same "dnsmasq and Perl" names
edge "dnsmasq and Perl: over TCP" perl dnsmasq tcp 1
edge "dnsmasq and Perl: over UDP" perl dnsmasq udp 1

scripts() {
    check_port
    background ruby -rsocket -e '
        server = TCPServer.new("127.0.0.1", ARGV[0].to_i)
        loop { Thread.new(server.accept) { |caller| caller.write(caller.gets.to_s.upcase); caller.close } }' "$port"
    until_open "$port" || return
    bash -c 'exec 7<>"/dev/tcp/127.0.0.1/$0" && echo from bash >&7 && cat <&7' "$port"
    perl -MIO::Socket::INET -e '$to = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $!; print $to "from perl\n"; print <$to>' "$port"
    ruby -rsocket -e 'a, b = UNIXSocket.pair; b.send_io(STDOUT); a.recv_io.puts("passed"); s = TCPSocket.new("127.0.0.1", ARGV[0]); s.puts "from ruby"; puts s.read' "$port"
}
program_same "bash, Perl and Ruby" scripts
edge "bash, Perl and Ruby: to Ruby's server" 'bash|cat|perl|ruby' ruby tcp 3
finish
