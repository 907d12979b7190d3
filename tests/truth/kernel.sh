#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The trace against the kernel's word: programs run with the shim while `strace -f` watches from outside; build/truth/compare then lays
# both side by side (compare.c says what must agree). strace's stacks tell what the program called from what libc or the shim did.
. "$(dirname "$0")/../e2e/lib.sh"

calls=socket,socketpair,bind,listen,connect,accept,accept4,setsockopt,shutdown,close,close_range,dup,dup2,dup3,fcntl
compare=$top/build/truth/compare

if ! strace -k -o /dev/null true 2>err; then
    case_skip "the trace says what strace saw" "strace -k does not work here: $(head -1 err)"
    finish
fi

# watch CASE COMMAND...: runs it with the shim under strace. It must end well, and the trace must agree with what strace saw.
watch() {
    local what=$1 status said
    shift
    rm -rf seen trace && mkdir seen
    strace -ff -k -y -ttt -X raw -x -s 300 -e trace="$calls" -e signal=none -o seen/s -E LD_PRELOAD="$shim" \
        -E SOCKATLAS_DIR="$PWD/trace" "$@" >out 2>&1
    status=$?
    if [ $status -ne 0 ]; then
        fail "$what" "exit status $status of: $*" "$(head -20 out)"
        return
    fi
    said=$("$compare" seen/s trace 2>&1)
    status=$?
    if [ $status -eq 0 ]; then
        pass "$what: $(tail -1 <<<"$said")"
        grep '^not in the trace' <<<"$said" | sed -E 's/: [0-9]+: / /; s/socket:\[[0-9]+\]/socket/g' | sort | uniq -c | sort -rn |
            sed 's/^/# /'
    else
        fail "$what" "$(grep -v '^not in the trace' <<<"$said" | head -60)"
    fi
}

for name in $("$targets/entry_points" list); do
    watch "entry points: $name" "$targets/entry_points" "$name"
done

# The targets that need no arguments and end well.
for expect in "$top"/tests/targets/*.expect; do
    name=$(basename "$expect" .expect)
    case $name in killed_server) continue ;; esac
    watch "target $name" "$targets/$name"
done

# shellcheck disable=SC2046 # three words
watch "nginx, curl, redis-server, redis-cli" "$top/samples/demo.sh" traffic $(free_port 3)

python=$(command -v /usr/bin/python3 || command -v python3)
if [ -n "$python" ]; then
    cat >several.py <<'PY'
import asyncio, os, socket, subprocess, sys, threading

# Threads, each with its own listener and client.
def pair(count):
    server = socket.create_server(("127.0.0.1", 0))
    for _ in range(count):
        client = socket.create_connection(server.getsockname())
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted, _ = server.accept()
        accepted.sendall(b"x")
        assert client.recv(1) == b"x"
        client.close(); accepted.close()
    server.close()

threads = [threading.Thread(target=pair, args=(5,)) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]

# A child that gets a socket, and one that must not.
ours, theirs = socket.socketpair()
code = "import socket,sys; s=socket.socket(fileno=int(sys.argv[1])); s.sendall(b'child'); s.close()"
subprocess.run([sys.executable, "-c", code, str(theirs.fileno())], pass_fds=[theirs.fileno()], check=True)
assert ours.recv(9) == b"child"
assert subprocess.run(["true"], close_fds=False).returncode == 0
pid = os.fork()
if pid == 0:
    theirs.shutdown(socket.SHUT_RDWR)
    os._exit(0)
os.waitpid(pid, 0)

# An event loop.
async def serve(reader, writer):
    writer.write(await reader.readline()); await writer.drain(); writer.close()

async def ask(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    writer.close(); await writer.wait_closed()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*[ask(port) for _ in range(5)])
    server.close(); await server.wait_closed()

asyncio.run(main())
PY
    watch "python3: threads, subprocess, fork, asyncio" "$python" several.py
else
    case_skip "python3: threads, subprocess, fork, asyncio" "no python3 here"
fi

node=$(command -v node || command -v nodejs)
if [ -n "$node" ]; then
    cat >several.js <<'JS'
const http = require("http"), net = require("net"), {execFileSync, spawn} = require("child_process");
const server = http.createServer((request, response) => response.end("hello"));
server.listen(0, "127.0.0.1", async () => {
    const port = server.address().port;
    for (let i = 0; i < 3; i++)
        await new Promise((done) => http.get({port, host: "localhost", agent: false}, (r) => r.resume().on("end", done)));
    const refused = net.connect(1, "127.0.0.1");
    await new Promise((done) => refused.on("error", done));
    execFileSync("true");
    await new Promise((done) => spawn("cat", {stdio: ["pipe", "pipe", "ignore"]}).on("exit", done).stdin.end("x"));
    server.close();
});
JS
    watch "node: http, look-ups, child processes" "$node" several.js
else
    case_skip "node: http, look-ups, child processes" "no node here"
fi

if command -v musl-gcc >/dev/null && musl-gcc -D_GNU_SOURCE -I"$top" -o musl_target "$top/tests/targets/tcp_both_ends.c" 2>err; then
    watch "a program built with musl" ./musl_target
    musl-gcc -D_GNU_SOURCE -I"$top" -Wno-error -w -o musl_entry_points "$top"/tests/targets/entry_points{,/*}.c 2>err &&
        watch "entry points of musl" ./musl_entry_points
else
    case_skip "a program built with musl" "no musl-gcc here"
fi
finish
