# SPDX-License-Identifier: MIT
"""Two connections at one time with one 5-tuple, told apart by the interface they are bound to; `nearly`: one after the other. Repair mode
makes connections without a peer."""
# setup: for each in one two; do ip link add atlas-$each type veth peer name atlas-$each-far; done
# setup: for each in one two; do ip address add 192.0.2.1/24 dev atlas-$each && ip link set atlas-$each up; done
import socket
import sys

TCP_REPAIR = 19


def connected(interface):
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface)
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    end.bind(("192.0.2.1", 5000))
    end.connect(("192.0.2.2", 80))
    return end


first = connected(b"atlas-one")
if sys.argv[1:]:
    first.close()
second = connected(b"atlas-two")
for end in first, second:
    if end.fileno() >= 0:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1)
