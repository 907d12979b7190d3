# SPDX-License-Identifier: MIT
"""asyncio's servers and clients over TCP, a unix socket and UDP; its child processes; subprocess and multiprocessing."""
import asyncio
import multiprocessing
import os
import socket
import subprocess
import sys


async def echo(reader, writer):
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


async def ask(connecting, size):
    reader, writer = await connecting
    sent = os.urandom(size)
    writer.write(sent)
    writer.write_eof()
    back = await reader.read()
    writer.close()
    await writer.wait_closed()
    return back == sent


class Upper(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data.upper(), address)


class Answer(asyncio.DatagramProtocol):
    def __init__(self):
        self.answer = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, address):
        self.answer.set_result(data)


async def loop():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print("tcp", all(await asyncio.gather(*(ask(asyncio.open_connection("127.0.0.1", port), 100000) for _ in range(20)))))
    server.close()

    server = await asyncio.start_unix_server(echo, "loop.sock")
    print("unix", all(await asyncio.gather(*(ask(asyncio.open_unix_connection("loop.sock"), 100000) for _ in range(20)))))
    server.close()

    running = asyncio.get_running_loop()
    serving, _ = await running.create_datagram_endpoint(Upper, local_addr=("127.0.0.1", 0))
    asking, protocol = await running.create_datagram_endpoint(Answer, remote_addr=serving.get_extra_info("sockname"))
    asking.sendto(b"datagram")
    print("udp", await protocol.answer)
    asking.close()
    serving.close()

    for where in (("127.0.0.1", 1), ("127.0.0.1", port)):
        try:
            await asyncio.open_connection(*where)
        except OSError as error:
            print("refused", error.errno)

    child = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print("child", await child.communicate(b"through cat"), child.returncode)
    child = await asyncio.create_subprocess_shell("echo shell; exit 5", stdout=subprocess.PIPE)
    print("shell", await child.communicate(), child.returncode)


def children():
    print("subprocess", subprocess.run(["cat"], input="text", capture_output=True, text=True, check=True).stdout)
    for options in ({}, {"close_fds": False}, {"start_new_session": True}, {"preexec_fn": os.getpid}, {"env": {}}):
        print("options", *options, subprocess.run(["/bin/sh", "-c", "exit 4"], **options).returncode)
    try:
        subprocess.run(["./nosuch"])
    except OSError as error:
        print("not started", error.errno)

    # A descriptor passed to a child by its number, and one sent to it.
    ours, theirs = socket.socketpair()
    code = "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.sendall(s.recv(9).upper())"
    with subprocess.Popen([sys.executable, "-c", code, str(theirs.fileno())], pass_fds=[theirs.fileno()]) as child:
        ours.sendall(b"passed on")
        print("inherited", ours.recv(9))
    print("inherited", child.returncode)

    left, right = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _, fds, _, _ = socket.recv_fds(right, 1, 4)
        os.write(fds[0], b"sent to a child")
        os._exit(len(fds))
    read, write = os.pipe()
    socket.send_fds(left, [b"x"], [write, read])
    print("passed", os.read(read, 99), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def square(n):
    return n * n


if __name__ == "__main__":
    asyncio.run(loop())
    children()
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(square, range(10)))
