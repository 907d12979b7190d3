#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# echo.py FOLDER: one echo, again and again; what changes is what an application may choose below itself: the transport, and its parameters.
import os
import signal
import socket
import struct
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)
work = sys.argv[1]
SAY = b"echo" * 250
MPTCP = 262
LINGER = struct.pack("ii", 1, 0)
TCP, SOCKET = socket.IPPROTO_TCP, socket.SOL_SOCKET

# what is said, family, type, protocol, parameters: level, name, value; the client sets them before it connects
CHOICES = [
    ("tcp", socket.AF_INET, socket.SOCK_STREAM, 0, []),
    ("tcp, sent at once", socket.AF_INET, socket.SOCK_STREAM, 0, [(TCP, "TCP_NODELAY", 1)]),
    ("tcp, small segments", socket.AF_INET, socket.SOCK_STREAM, 0, [(TCP, "TCP_MAXSEG", 600)]),
    ("tcp, buffers asked for", socket.AF_INET, socket.SOCK_STREAM, 0,
     [(SOCKET, "SO_SNDBUF", 100000), (SOCKET, "SO_RCVBUF", 1 << 30)]),
    ("tcp, another congestion control", socket.AF_INET, socket.SOCK_STREAM, 0,
     [(TCP, "TCP_CONGESTION", b"reno"), (TCP, "TCP_CONGESTION", b"nosuch")]),
    ("tcp, asking whether the other lives", socket.AF_INET, socket.SOCK_STREAM, 0,
     [(SOCKET, "SO_KEEPALIVE", 1), (TCP, "TCP_KEEPIDLE", 30), (TCP, "TCP_KEEPINTVL", 5), (TCP, "TCP_KEEPCNT", 3)]),
    ("tcp, ended by a reset", socket.AF_INET, socket.SOCK_STREAM, 0, [(SOCKET, "SO_LINGER", LINGER)]),
    ("mptcp", socket.AF_INET, socket.SOCK_STREAM, MPTCP, []),
    ("udp", socket.AF_INET, socket.SOCK_DGRAM, 0, [(SOCKET, "SO_RCVBUF", 1)]),
    ("unix stream", socket.AF_UNIX, socket.SOCK_STREAM, 0, []),
    ("unix datagram", socket.AF_UNIX, socket.SOCK_DGRAM, 0, []),
]


def bind(family, kind, protocol, path):
    end = socket.socket(family, kind, protocol)
    end.bind(path if family == socket.AF_UNIX else ("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        end.listen(1)
    return end


def serve(end, kind):
    if kind == socket.SOCK_DGRAM:
        said, who = end.recvfrom(2000)
        end.sendto(said, who)
        return
    connection, _ = end.accept()
    try:
        while said := connection.recv(2000):
            connection.sendall(said)
    except ConnectionResetError:
        print("    the server's end was reset", flush=True)
    connection.close()


def ask(server, family, kind, protocol, parameters, path):
    end = socket.socket(family, kind, protocol)
    for level, name, value in parameters:
        try:
            end.setsockopt(level, getattr(socket, name), value)
        except OSError as error:
            print(f"    {name}: {error.strerror}", flush=True)
    if family == socket.AF_UNIX and kind == socket.SOCK_DGRAM:
        end.bind(path + ".client")  # else nobody could answer
    end.connect(server.getsockname())
    end.sendall(SAY)
    heard = b""
    while len(heard) < len(SAY):
        heard += end.recv(2000)
    end.close()


for what, family, kind, protocol, parameters in CHOICES:
    path = f"{work}/{what.split()[-1]}"
    try:
        server = bind(family, kind, protocol, path)
    except OSError as error:
        print(f"{what}: not here: {error.strerror}")
        continue
    print(what, flush=True)
    child = os.fork()
    if child == 0:
        serve(server, kind)
        os._exit(0)
    ask(server, family, kind, protocol, parameters, path)
    server.close()
    os.waitpid(child, 0)
