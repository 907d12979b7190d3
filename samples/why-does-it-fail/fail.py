#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Six programs that each have one trouble, and what serves them; each is called by its own name (run.sh makes the links).
#
#   server         listens on 127.0.0.1:8080
#   refused        asks another address of the same machine     in-use        wants to listen where the server does
#   timed-out      asks a host that drops what comes            unreachable   asks an address that there is no way to
#   slow-name      asks a host whose name takes long            ipv6-first    asks one whose IPv6 address does not answer
#
#   host           in the other network: accepts on port 80     names         the name server
import os
import select
import signal
import socket
import struct
import sys
import time

HERE, THERE, NOWHERE = "192.0.2.1", "192.0.2.2", "198.51.100.7"
THERE6 = "2001:db8::2"
NAME_DELAY = 1.5

name = os.path.basename(sys.argv[0])
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def listen(address, port):
    end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.bind((address, port))
    end.listen()
    return end


def serve(address, port):
    with listen(address, port) as door:
        print("ready", flush=True)
        while True:
            door.accept()[0].close()


def answer(query):
    """Both addresses of the host, whatever it is called."""
    end = query.index(b"\0", 12) + 5
    kind = struct.unpack("!H", query[end - 4:end - 2])[0]
    data = {1: socket.inet_aton(THERE), 28: socket.inet_pton(socket.AF_INET6, THERE6)}.get(kind, b"")
    if b"slow" in query and kind != 1:
        data = b""
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, data != b"", 0, 0) + query[12:end]
    return head + (b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data if data else b"")


def names():
    waiting = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 53))
        print("ready", flush=True)
        while True:
            patience = max(0, waiting[0][0] - time.monotonic()) if waiting else None
            if select.select([end], [], [], patience)[0]:
                query, client = end.recvfrom(512)
                if b"slow" in query:
                    waiting.append((time.monotonic() + NAME_DELAY, query, client))
                else:
                    end.sendto(answer(query), client)
            while waiting and waiting[0][0] <= time.monotonic():
                _, query, client = waiting.pop(0)
                end.sendto(answer(query), client)


TROUBLES = {
    "refused": lambda: socket.create_connection((HERE, 8080)),
    "in-use": lambda: listen("127.0.0.1", 8080),
    "timed-out": lambda: socket.create_connection((THERE, 8080)),
    "unreachable": lambda: socket.create_connection((NOWHERE, 80)),
    "slow-name": lambda: socket.create_connection(("slow.example", 80)),
    "ipv6-first": lambda: socket.create_connection(("both.example", 80)),
}

if name == "server":
    serve("127.0.0.1", 8080)
elif name == "host":
    serve("0.0.0.0", 80)
elif name == "names":
    names()
else:
    start = time.monotonic()
    try:
        TROUBLES[name]().close()
        said = "it went well"
    except OSError as error:
        said = error.strerror
    print(f"{name}: {said}, after {time.monotonic() - start:.1f} s")
