# SPDX-License-Identifier: MIT
"""Connects over a path that loses the first SYN; `nearly`: over one that takes 200 ms. No traced program is at its end."""
import os
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import slow_path

nearly = bool(sys.argv[1:])
seen = []


def wanted(packet):
    """All but the first segment with SYN and without ACK."""
    first = packet[9] == socket.IPPROTO_TCP and packet[33] & 0x12 == 0x02 and not seen
    seen.extend([packet] if first else [])
    return nearly or not first


held = slow_path.lay(0.1 if nearly else 0, wanted)
server = socket.create_server((slow_path.NEAR, 0))
client = socket.create_connection((slow_path.FAR, server.getsockname()[1]))
client.close()
