# SPDX-License-Identifier: MIT
"""Connects to one address until its namespace's hundred ports are spent; `nearly`: sixty times; `own`: until the ten that its
sockets choose from are."""
# setup: echo 20000 20099 >/proc/sys/net/ipv4/ip_local_port_range
import errno
import socket
import sys

own = sys.argv[1:] == ["own"]
ports, tries = (10, 11) if own else (100, 60 if sys.argv[1:] else 101)
server = socket.create_server(("127.0.0.1", 8080), backlog=256)
ends = []
for attempt in range(tries):
    client = socket.socket()
    if own:
        try:
            client.setsockopt(socket.IPPROTO_IP, 51, 20019 << 16 | 20010)  # IP_LOCAL_PORT_RANGE
        except OSError:
            sys.exit(77)  # before Linux 6.3
    error = client.connect_ex(("127.0.0.1", 8080))
    if error:
        sys.exit(0 if error == errno.EADDRNOTAVAIL and attempt == ports else f"{attempt}: {errno.errorcode[error]}")
    ends += [client, server.accept()[0]]
sys.exit("no connect failed" if tries > ports else None)
