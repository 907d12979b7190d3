#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The programs of this sample, each called by its own name (run.sh makes the links). A server answers with its name, its process, and the
# cookie by which the kernel knows the socket that it answers on; then the client prints what it heard.
#
#   ask PORT           asks over TCP        ask PORT udp            over UDP
#   ask PORT twice     asks until two processes have answered
#   twin PORT          answers one client   worker PORT             shares the port, answers all until it is told to end
#   forker PORT        a child answers      porter PORT, clerk      the porter accepts, and gives what it accepted to the clerk
#   activated          answers at the listener that it was born with
#   both PORT          answers one client over UDP, one over TCP
import os
import signal
import socket
import sys

SO_COOKIE = 57
MOST = 1000  # connections until two workers have had one each

name = os.path.basename(sys.argv[0])
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def answer(end):
    cookie = int.from_bytes(end.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), sys.byteorder)
    return f"{name} {os.getpid()} answered at its socket {cookie:x}".encode()


def listener(port, share=False):
    end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    end.bind(("127.0.0.1", port))
    end.listen()
    return end


def ready():
    print("ready", flush=True)


def twin(port):
    with listener(port) as door:
        ready()
        with door.accept()[0] as client:
            client.sendall(answer(client))


def worker(port):
    with listener(port, share=True) as door:
        ready()
        while True:
            with door.accept()[0] as client:
                client.sendall(answer(client))


def forker(port):
    with listener(port) as door:
        ready()
        with door.accept()[0] as client:
            child = os.fork()
            if child == 0:
                client.sendall(answer(client))
                client.close()
                os._exit(0)
        os.waitpid(child, 0)


def porter(port):
    with socket.socket(socket.AF_UNIX) as hatch, listener(port) as door:
        hatch.bind(f"\0porter.{port}")
        hatch.listen()
        ready()
        with hatch.accept()[0] as clerk_end:
            with door.accept()[0] as client:
                socket.send_fds(clerk_end, [b"yours"], [client.fileno()])
                clerk_end.recv(1)  # the clerk has it


def clerk(port):
    with socket.socket(socket.AF_UNIX) as hatch:
        hatch.connect(f"\0porter.{port}")
        ready()
        descriptor = socket.recv_fds(hatch, 5, 1)[1][0]
        with socket.socket(fileno=descriptor) as client:
            hatch.send(b"!")
            hatch.recv(1)  # nothing: the porter let go of both
            client.sendall(answer(client))


def activated():
    with socket.socket(fileno=3) as door, door.accept()[0] as client:  # 3: sd_listen_fds(3)
        client.sendall(answer(client))


def both(port):
    with listener(port) as door, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box:
        box.bind(("127.0.0.1", port))
        ready()
        box.sendto(answer(box), box.recvfrom(100)[1])
        with door.accept()[0] as client:
            client.sendall(answer(client))


def ask(port, how="tcp"):
    answered = set()
    while len(answered) < (2 if how == "twice" else 1) and MOST > ask.times:
        ask.times += 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if how == "udp" else socket.SOCK_STREAM) as end:
            end.connect(("127.0.0.1", port))
            if how == "udp":
                end.send(b"?")
            heard = end.recv(100).decode()
        if heard.split()[1] not in answered:
            print(f"{name} {os.getpid()}: {heard}")
        answered.add(heard.split()[1])


ask.times = 0
arguments = [int(each) if each.isdigit() else each for each in sys.argv[1:]]
globals()[name](*arguments)
