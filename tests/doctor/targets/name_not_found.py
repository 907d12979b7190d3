# SPDX-License-Identifier: MIT
"""Looks up a name that no file has; `nearly`: again, when one has it."""
# setup: mkdir etc && echo hosts: files >etc/nsswitch.conf && echo 127.0.0.1 localhost >etc/hosts
# setup: for each in hosts nsswitch.conf; do mount --bind etc/$each /etc/$each; done
import socket
import sys


def found(name):
    try:
        return bool(socket.getaddrinfo(name, 80))
    except socket.gaierror:
        return False


wrong = [found("nowhere.example") for _ in range(3)] != [False] * 3
if sys.argv[1:]:
    with open("/etc/hosts", "a") as hosts:
        hosts.write("192.0.2.7 nowhere.example\n")
    wrong |= not found("nowhere.example")
sys.exit(wrong)
