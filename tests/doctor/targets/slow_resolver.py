# SPDX-License-Identifier: MIT
"""Asks a name server by itself that does not answer, and again, when it answers after 1.3 s; `nearly`: it gives up after
0.2 s, and is answered after 0.2 s."""
import os
import socket
import sys
import time

PATIENCE = 0.2 if sys.argv[1:] else 1.3
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
child = os.fork()
if child == 0:
    server.recv(512)
    query, client = server.recvfrom(512)
    time.sleep(PATIENCE)
    server.sendto(query, client)
    os._exit(0)
for answered in False, True:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(None if answered else PATIENCE)
    client.connect(server.getsockname())
    client.send(b"query")
    try:
        client.recv(512)
    except TimeoutError:
        assert not answered
    client.close()
_, status = os.waitpid(child, 0)
sys.exit(status)
