# SPDX-License-Identifier: MIT
"""Asks once over a connection that is no loopback's, and keeps it; `nearly`: with SO_KEEPALIVE. That it is idle for minutes is up to the
test, which moves the end of the trace."""
# setup: ip address add 192.0.2.1/32 dev lo
import os
import socket
import sys

server = socket.create_server(("192.0.2.1", 0))
client = socket.create_connection(server.getsockname())
peer = server.accept()[0]
for end in client, peer:
    if sys.argv[1:]:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
client.sendall(b"ask")
peer.recv(3)
peer.sendall(b"answer")
client.recv(6)
os._exit(0)  # both ends are open to the last
