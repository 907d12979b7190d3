#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs of both word sizes in one trace, on a machine that builds both: who executes whom, with whatever environment, names that only
# 32-bit programs call, and what is said of programs that the loader finds no shim for.
. "$(dirname "$0")/lib.sh"

narrow=$top/build/i386/targets
if [ ! -x "$narrow/tcp_both_ends" ]; then
    case_skip "32-bit programs" "this compiler makes none"
    finish
fi

# run COMMAND...: into ./trace; what it printed on stderr, without run's own lines, is in the file err.
run() {
    "$sockatlas" run -d trace "$@" >out 2>said </dev/null
    status=$?
    grep -vE '^sockatlas( run)?: ' said >err
}
sockets() { # what the trace has: a line a socket
    "$sockatlas" list --json trace | jq -r '"\(.role) \(.bytes_sent) \(.bytes_received) \(.match)"' | sort
}

both=$'client 5 0 exact\nlistener null null null\nserver 0 5 exact'
wide=$targets/become_bare slim=$narrow/become_bare
for chain in "$narrow/tcp_both_ends" "$wide $narrow/tcp_both_ends" "$slim $targets/tcp_both_ends" \
    "$wide $slim $wide $narrow/tcp_both_ends" "$slim $wide $slim $targets/tcp_both_ends"; do
    what=$(sed "s|$narrow/|32:|g; s|$targets/|64:|g" <<<"$chain")
    # shellcheck disable=SC2086
    run $chain
    case_is "$what: status, and the loader says nothing" "0 " "$status $(cat err)"
    case_is "$what: is recorded" "$both" "$(sockets)"
    case_has "$what: nothing is missing" "no blind spots" "$(cat said)"
done

run sh -c "$narrow/fork_listener && exec $targets/fork_listener"
case_is "a shell's children of both: status" "0 " "$status $(cat err)"
case_is "... two programs on the map" "2" "$("$sockatlas" list --json trace | jq -r .process | sort -u | wc -l | sed 's/[2-9]/2/')"

# A connection between the two, and one log in a folder that the other reads.
port=$(free_port)
cat >client.c <<'C'
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int count, char **arguments)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[count - 1])), .sin_addr.s_addr = htonl(0x7f000001)};
    char buffer[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 || write(fd, "hello", 5) != 5)
        return 1;
    return read(fd, buffer, sizeof buffer) != 7;
}
C
gcc -m32 -idirafter /usr/include/x86_64-linux-gnu -o client client.c
cat >both.sh <<'S'
python3 -c 'import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
open("ready", "w")
c, _ = s.accept()
c.recv(64); c.sendall(b"goodbye"); c.close()' "$1" &
while [ ! -e ready ]; do sleep 0.02; done
./client "$1"
status=$?
wait
exit $status
S
run sh both.sh "$port"
case_is "a 32-bit client and a 64-bit server: status" "0 " "$status $(cat err)"
case_is "... one edge between them" "client 5 7 python3" \
    "$("$sockatlas" map --format json trace | jq -r '(.nodes | map({(.id | tostring): .}) | add) as $n | .edges[] | "\($n[.from | tostring].comm) \(.bytes_sent) \(.bytes_received) \($n[.to | tostring].comm)"' 2>/dev/null | head -1)"

# What programs built with 64-bit times and offsets call: all names that the shim stands in for, once more.
gcc -m32 -idirafter /usr/include/x86_64-linux-gnu -std=gnu11 -D_GNU_SOURCE -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64 -I"$top" -O1 -w \
    -o entry64 "$top/tests/targets/entry_points.c" "$top"/tests/targets/entry_points/*.c
case_has "a program with 64-bit times calls other names" __setsockopt64 "$(nm -D entry64)"
"$sockatlas" run -d narrow "$narrow/entry_points" 2>said
"$sockatlas" run -d narrow64 ./entry64 2>said
case_is "it goes through as without" 0 $?
calls() { "$sockatlas" events --json "$1" | jq -r 'select(.event != "run" and .event != "gone") | "\(.event) \(.call) \(.error)"'; }
case_is "... and its calls are recorded as those of one with 32-bit times, but for fcntl64() and freopen64()" "" \
    "$(diff <(calls narrow | sed 's/64 / /') <(calls narrow64 | sed 's/64 / /'))"
case_ok "... all of them" test "$(calls narrow | wc -l)" -gt 150

gcc -m32 -static -idirafter /usr/include/x86_64-linux-gnu -o static client.c
run "$wide" "$PWD/static" 1
case_is "a 32-bit static program is a blind spot" "untraced_child: $PWD/static: statically linked" \
    "$("$sockatlas" map --format json trace | jq -r '.coverage[] | "\(.what): \(.detail)"')"
run ./static 1
case_has "... also as the command" "will not be traced: it is statically linked" "$(cat said)"

size_limit() { "$sockatlas" export --format jsonl trace | jq 'select(.event == "image" and .writer == "shim").size_limit - 4096'; }
SOCKATLAS_LIMIT=1G run "$narrow/tcp_both_ends"
case_is "a 32-bit program's log takes 64 MiB of its address space at most" $((64 << 20)) "$(size_limit)"
run "$narrow/tcp_both_ends"
case_is "... and 32 MiB where nothing else is asked for" $((32 << 20)) "$(size_limit)"
finish
