# SPDX-License-Identifier: MIT
"""Programs for notices.sh: notices.py ROLE [ARGUMENT...].

killed WHAT      a client that is a child and kills itself, and its server; WHAT is how (see HOW). Prints what the server received.
server PORT      answers "hello" with "bye", each in turn, until it is ended
client PORT MS   the other end, which holds the connection for so many milliseconds
burst COUNT      so many connections to itself, all closed at once
"""

import os
import signal
import socket
import struct
import sys
import time

SENT, ANSWER = 300_000, 500


def listen(port=0):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(4096)
    return listener


def receive(connection, count):
    received = 0
    while received < count:
        data = connection.recv(count - received)
        if not data:
            break
        received += len(data)
    return received


def killed(what):
    listener = listen()
    child = os.fork()
    if child == 0:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * SENT)
        client.connect(listener.getsockname())
        listener.close()
        if what != "unread":
            receive(client, ANSWER)
        if what == "eof":
            receive(client, 1)
        if what == "linger":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"x" * SENT)
        if what == "unread":
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
    server, _ = listener.accept()
    server.sendall(b"y" * ANSWER)
    if what == "eof":
        server.shutdown(socket.SHUT_WR)
    os.waitpid(child, 0)  # nothing of it was read: all is in flight
    try:
        print(receive(server, SENT + 1))
    except ConnectionResetError:
        print("reset")
    server.close()


def server(port):
    listener = listen(int(port))
    while True:
        connection, _ = listener.accept()
        receive(connection, 5)
        connection.sendall(b"bye")
        connection.close()


def client(port, milliseconds):
    connection = socket.create_connection(("127.0.0.1", int(port)))
    connection.sendall(b"hello")
    receive(connection, 3)
    time.sleep(int(milliseconds) / 1000)
    connection.close()


def burst(count):
    listener = listen()
    both = []
    for _ in range(int(count)):
        one = socket.create_connection(listener.getsockname())
        both += [one, listener.accept()[0]]
    for each in both:
        each.close()
    listener.close()


{"killed": killed, "server": server, "client": client, "burst": burst}[sys.argv[1]](*sys.argv[2:])
