#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# crowd.py many ADDRESSES EACH   one listening port, and EACH connections from each of so many client addresses, all open at once
# crowd.py one                   one client address alone, until it has no port left; then a second one goes on
#
# As many processes as the limit on descriptors asks for. Every connection is loopback's; every loop has an end.
import errno
import os
import resource
import signal
import socket
import sys

SERVER = ("127.0.0.1", 8080)  # a namespace of our own: free, and outside the range for clients
IP_BIND_ADDRESS_NO_PORT = 24  # bind() takes the address only; connect() takes a port that is free towards this one destination

signal.signal(signal.SIGINT, signal.SIG_DFL)


def descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard - 64


def connect(source):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    client.bind((source, 0))
    try:
        client.connect(SERVER)
    except OSError:
        client.close()
        raise
    return client


class Gate:
    """Forked processes wait at it until the first one opens it."""

    def __init__(self):
        self.reader, self.writer = os.pipe()

    def wait(self):
        return os.read(self.reader, 1)

    def open(self):
        os.write(self.writer, bytes(len(parts)))


class Part:
    """A forked process that does its part, says so, and keeps what it has open until all may go."""

    def __init__(self, work):
        told, tell = os.pipe()
        held, self.release = os.pipe()
        self.told = told
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.release)
            for other in parts:
                os.close(other.release)
            keep = work()
            os.write(tell, str(len(keep)).encode())
            os.close(tell)
            os.read(held, 1)
            for each in keep:
                each.close()
            os._exit(0)
        os.close(tell)
        os.close(held)
        parts.append(self)

    def count(self):
        return int(os.read(self.told, 20) or -1)


parts = []


def serve(listener, count, greet=False):
    accepted = []
    try:
        while len(accepted) < count:
            accepted.append(listener.accept()[0])
            if greet:
                accepted[-1].send(b"!")
    except OSError as error:  # EINVAL: the listener was shut down, nobody else comes
        if error.errno != errno.EINVAL:
            raise
    return accepted


def shares(total, most):
    processes = -(-total // most)
    return [total // processes + (each < total % processes) for each in range(processes)]


def open_now():
    with open("/proc/net/sockstat") as statistics:
        return next(int(line.split()[2]) for line in statistics if line.startswith("TCP:"))


def leave():
    for part in parts:
        os.close(part.release)
    for part in parts:
        os.waitpid(part.pid, 0)


def listen():
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(SERVER)
    listener.listen(4096)
    return listener


def many(addresses, each):
    sources = [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(addresses) for _ in range(each)]
    total, most, taken = len(sources), descriptors(), 0
    go = Gate()
    for share in shares(total, most):  # before there is a listener: what they do not have they need not close
        mine = sources[taken:taken + share]
        taken += share
        Part(lambda: go.wait() and [connect(source) for source in mine])
    listener = listen()
    for share in shares(total, most):
        Part(lambda: serve(listener, share))
    go.open()
    both = sum(part.count() for part in parts)
    print(f"{both // 2} connections from {addresses} addresses are open at once to port {SERVER[1]};")
    print(f"the kernel counts {open_now()} TCP sockets in use, {len(parts)} processes hold them")
    leave()


def accepted_by_now(client):
    client.recv(1)  # the greeting; a connection that only waits to be accepted ends with its listener
    return client


def until_none(count):
    mine = []
    try:
        while len(mine) < count:
            mine.append(accepted_by_now(connect("127.0.0.2")))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        print(f"127.0.0.2: connect: {errno.errorcode[error.errno]}", flush=True)
    return mine


def one():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        low, high = map(int, file.read().split())
    ports, most = high - low + 1, descriptors()
    gates, clients = [], []
    for share in shares(ports + 1, most):
        gate = Gate()
        gates.append(gate)
        clients.append(Part(lambda: gate.wait() and until_none(share)))
    gates.append(Gate())
    second = Part(lambda: gates[-1].wait() and [accepted_by_now(connect("127.0.0.3"))])
    listener = listen()
    for share in shares(ports + 1, most):
        Part(lambda: serve(listener, share, greet=True))
    total = 0
    for gate, client in zip(gates, clients):  # one after the other: the last finds no port
        gate.open()
        total += client.count()
    print(f"127.0.0.2: {total} connections to port {SERVER[1]}; ports {low} to {high} are {ports}", flush=True)
    gates[-1].open()
    print(f"127.0.0.3: {second.count()} more connection, without trouble")
    listener.shutdown(socket.SHUT_RDWR)
    leave()


if sys.argv[1] == "many":
    many(int(sys.argv[2]), int(sys.argv[3]))
else:
    one()
