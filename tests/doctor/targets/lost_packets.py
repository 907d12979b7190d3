# SPDX-License-Identifier: MIT
"""Sends 20 MB where every tenth large packet is lost; `nearly`: 1 MB."""
# setup: nft add table ip t && nft add chain ip t in '{ type filter hook input priority 0; }'
# setup: nft add rule ip t in meta length '>' 1000 numgen inc mod 10 == 0 drop
import os
import socket
import sys

size = 1000000 if sys.argv[1:] else 20000000
server = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    end, _ = server.accept()
    while end.recv(65536):
        pass
    os._exit(0)
client = socket.create_connection(server.getsockname())
client.sendall(b"x" * size)
client.shutdown(socket.SHUT_WR)
client.recv(1)
client.close()
_, status = os.wait()
sys.exit(status)
