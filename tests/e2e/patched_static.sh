#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Statically linked C and C++ programs: target programs, linked so, must cause the events that they cause with a libc to interpose on, but for
# which function made the call. By glibc, also at a random address, and by musl; with threads; and busybox's web server and client.
. "$(dirname "$0")/lib.sh"

if [ ! -x "$top/build/sockatlas-patch" ]; then
    case_skip "static programs are followed" "not written for this processor"
    finish
fi

follow() { # WHAT PROGRAM EXPECT
    "$sockatlas" run -d "$2.trace" "./$2" >out 2>&1
    local status=$?
    "$sockatlas" events --json "$2.trace" >events 2>complaints
    case_is "$1" "0 " "$status $(jq -r -s --arg expect "$(sed 's/ call=[^ ]*//' "$3")" -f "$top/tests/e2e/compare.jq" events 2>&1)$(cat complaints)"
}

for name in tcp_both_ends connect_async_refused dup_family exec_clean exec_keeps fork_listener killed_server options raw_calls raw_messages reset_bytes \
    shutdown unix_stream vfork_close_range; do
    gcc -std=gnu11 -O2 -I"$top" -D_GNU_SOURCE -static -o "$name" "$top/tests/targets/$name.c"
    follow "glibc: $name" "$name" "$top/tests/targets/$name.expect"
done
gcc -std=gnu11 -O2 -I"$top" -D_GNU_SOURCE -static-pie -o position "$top/tests/targets/tcp_both_ends.c"
follow "glibc, at a random address" position "$top/tests/targets/tcp_both_ends.expect"
musl-gcc -std=gnu11 -O2 -I"$top" -D_GNU_SOURCE -static -o musl "$top/tests/targets/tcp_both_ends.c"
follow "musl" musl "$top/tests/targets/tcp_both_ends.expect"
mkdir by_musl
musl-gcc -std=gnu11 -O2 -I"$top" -D_GNU_SOURCE -static -o by_musl/fork_listener "$top/tests/targets/fork_listener.c"
follow "musl: fork_listener" by_musl/fork_listener "$top/tests/targets/fork_listener.expect"

cat >threads.cpp <<'END'
#include <arpa/inet.h>
#include <iostream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>
int main()
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener, (sockaddr *)&address, size) || listen(listener, 500) || getsockname(listener, (sockaddr *)&address, &size))
        return 1;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&] {
            for (int j = 0; j < 25; j++) {
                char got[9];
                int fd = socket(AF_INET, SOCK_STREAM, 0);
                if (connect(fd, (sockaddr *)&address, size) || write(fd, "hello", 5) != 5)
                    _exit(2);
                while (read(fd, got, sizeof got) > 0)
                    continue;
                close(fd);
            }
        });
    for (int i = 0; i < 200; i++) {
        char got[9];
        int fd = accept(listener, nullptr, nullptr);
        if (read(fd, got, sizeof got) != 5 || write(fd, "hi\n", 3) != 3)
            return 3;
        close(fd);
    }
    for (auto &thread : threads)
        thread.join();
    try {
        throw 4;
    } catch (int number) {
        std::cout << "caught " << number << "\n";
    }
    return 4;
}
END
g++ -O2 -static -pthread -o threads threads.cpp
"$sockatlas" run -d threads.trace ./threads >out 2>err
case_is "C++ with threads and exceptions: its own words and status" "4 caught 4" "$? $(cat out)"
case_is "C++: each of 200 connections has its bytes" "200 1000 600" \
    "$("$sockatlas" map --format json threads.trace | jq -r '.edges[] | "\(.connections) \(.bytes_sent) \(.bytes_received)"')"

if readelf -lW /bin/busybox 2>/dev/null | grep -q INTERP || [ ! -e /bin/busybox ]; then
    case_skip "busybox serves and gets" "/bin/busybox is not static"
    case_skip "busybox: both ends are one connection" "/bin/busybox is not static"
else
    mkdir pages && echo content >pages/file
    port=$(free_port)
    "$sockatlas" run -d served /bin/busybox httpd -f -p "127.0.0.1:$port" -h pages 2>/dev/null &
    started+=($!)
    until /bin/busybox wget -q -O /dev/null "http://127.0.0.1:$port/file" 2>/dev/null; do sleep 0.05; done
    case_is "busybox serves and gets" content "$("$sockatlas" run -d got /bin/busybox wget -q -O - "http://127.0.0.1:$port/file" 2>/dev/null)"
    case_is "busybox: both ends are one connection" "patch patch" \
        "$("$sockatlas" map --format json served got | jq -r '(.nodes | map({(.id | tostring): .via}) | add) as $via | .edges[] | select(.to != null and $via[.from | tostring] == "patch") | "\($via[.from | tostring]) \($via[.to | tostring])"' | head -1)"
fi
finish
