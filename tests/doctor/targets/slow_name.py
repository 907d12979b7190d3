# SPDX-License-Identifier: MIT
"""Looks a name up whose server takes 1.3 seconds to answer; `nearly`: 0.3 seconds. The server is a forked child."""
# setup: mkdir etc && echo nameserver 127.0.0.1 >etc/resolv.conf && echo hosts: dns >etc/nsswitch.conf
# setup: for each in resolv.conf nsswitch.conf; do mount --bind etc/$each /etc/$each; done
import os
import select
import socket
import struct
import sys
import time

delay = 0.3 if sys.argv[1:] else 1.3


def answer(query):
    """192.0.2.7 for an A, nothing for anything else."""
    end = query.index(b"\0", 12) + 5
    address = struct.unpack("!H", query[end - 4:end - 2])[0] == 1
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, address, 0, 0)
    return head + query[12:end] + (b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 7]) if address else b"")


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
child = os.fork()
if child == 0:
    waiting = []
    while True:
        patience = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([server], [], [], patience)[0]:
            query, client = server.recvfrom(512)
            waiting.append((time.monotonic() + delay, query, client))
        while waiting and waiting[0][0] <= time.monotonic():
            _, query, client = waiting.pop(0)
            server.sendto(answer(query), client)
server.close()
found = socket.getaddrinfo("slow.example", 80, socket.AF_INET, socket.SOCK_STREAM)
os.kill(child, 9)
os.waitpid(child, 0)
sys.exit(None if found[0][4][0] == "192.0.2.7" else f"{found}")
