# SPDX-License-Identifier: MIT
"""Connects to one address until its namespace's hundred ports are spent; `nearly`: sixty times."""
# setup: echo 20000 20099 >/proc/sys/net/ipv4/ip_local_port_range
import errno
import socket
import sys

server = socket.create_server(("127.0.0.1", 8080), backlog=256)
ends = []
for attempt in range(60 if sys.argv[1:] else 101):
    client = socket.socket()
    error = client.connect_ex(("127.0.0.1", 8080))
    if error:
        sys.exit(0 if error == errno.EADDRNOTAVAIL and attempt == 100 else f"{attempt}: {errno.errorcode[error]}")
    ends += [client, server.accept()[0]]
sys.exit(None if sys.argv[1:] else "no connect failed")
