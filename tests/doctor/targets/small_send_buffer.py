# SPDX-License-Identifier: MIT
"""Sends 2 MB over a path of 20 ms with SO_SNDBUF 4096; `nearly`: 100 KB with one that holds all of them."""
import os
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import slow_path

size, buffer = (100000, 212992) if sys.argv[1:] else (2000000, 4096)
held = slow_path.lay(0.01)
server = socket.create_server((slow_path.NEAR, 0))
child = os.fork()
if child == 0:
    os.close(held)
    end, _ = server.accept()
    while end.recv(65536):
        pass
    os._exit(0)
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
client.connect((slow_path.FAR, server.getsockname()[1]))
client.sendall(b"x" * size)
client.shutdown(socket.SHUT_WR)
client.recv(1)
client.close()
_, status = os.waitpid(child, 0)
sys.exit(status)
