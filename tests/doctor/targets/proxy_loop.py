# SPDX-License-Identifier: MIT
"""A proxy that forwards to itself, until 40 connections are open; `nearly`: a server that asks itself for 40 parts of an
answer, all at once. The one client is a child."""
import os
import select
import socket
import sys

DEPTH = 40
server = socket.create_server(("127.0.0.1", 0), backlog=128)
address = server.getsockname()
child = os.fork()
if child == 0:
    server.close()
    client = socket.create_connection(address)
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    client.recv(1)
    os._exit(0)


def begin():
    """A connection to itself that is not waited for, as an event loop has it."""
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    return client


accepted, clients, forwarded = [server.accept()[0]], [], []
if sys.argv[1:]:
    accepted[0].recv(65536)
    clients = [begin() for _ in range(DEPTH)]
while len(accepted) <= DEPTH:
    readable, writable, _ = select.select([server, *accepted], [client for client in clients if client not in forwarded], [])
    for client in writable:
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        forwarded.append(client)
    if server in readable:
        accepted.append(server.accept()[0])
    for end in accepted:
        if end in readable and end.recv(65536) and not sys.argv[1:]:
            clients.append(begin())
for end in clients + accepted:
    end.close()
_, status = os.waitpid(child, 0)
sys.exit(status)
