#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""as_ss.py LIST MAP: lays the open sockets of `list --json` and the processes of `map --format json`, both taken while the processes ran,
beside what `ss -tunpe` and `ss -xpe` show now of the same processes. Prints a line for each difference, and how much was
compared on the last line.

A socket is the same by its cookie: ss has it for internet sockets (sk:), and for unix ones sock_diag(7) tells it by the inode that
ss shows. Compared are state, both addresses, who holds it, and, where the kernel knows the other end, that one's cookie and holders."""
import json
import re
import socket
import struct
import subprocess
import sys

STATES = {"LISTEN": "listening", "ESTAB": "established", "CLOSE-WAIT": "established", "UNCONN": "unconnected",
          "SYN-SENT": "connecting"}
OURS = {"bound": "unconnected", "created": "unconnected"}


def unix_cookies():
    """inode -> cookie, of every unix socket."""
    found = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diag:  # NETLINK_SOCK_DIAG
        # SOCK_DIAG_BY_FAMILY, REQUEST | DUMP; unix_diag_req: all states, nothing shown
        diag.send(struct.pack("=IHHII", 40, 20, 0x301, 1, 0) + struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xffffffff, 0, 0,
                                                                           0xffffffff, 0xffffffff))
        while True:
            answer = diag.recv(65536)
            while answer:
                size, kind = struct.unpack_from("=IH", answer)
                if kind != 20:
                    return found
                inode, low, high = struct.unpack_from("=III", answer, 20)
                found[inode] = f"{high << 32 | low:x}"
                answer = answer[(size + 3) & ~3:]


def ss(*options):
    text = subprocess.run(["ss", "-Hanpe", *options], stdout=subprocess.PIPE, check=True, text=True).stdout
    for line in text.splitlines():
        users = {int(pid) for pid in re.findall(r"pid=(\d+),fd=", line)}
        yield line.split("users:(")[0].split(), users, line


def address(text):
    host, port = text.rsplit(":", 1)
    host = host.split("%")[0].strip("[]")
    host = host[7:] if host.startswith("::ffff:") else host
    return ("" if port == "*" else "*" if host in ("*", "0.0.0.0", "::") else host) + ":" + port.replace("*", "")


def kernel():
    """cookie -> (transport, state, local, peer), users, cookie of the other end or None"""
    sockets, by_tuple = {}, {}
    for words, users, line in ss("-t", "-u"):
        cookie = re.search(r" sk:([0-9a-f]+)", line).group(1)
        transport, state, local, peer = words[0], words[1], address(words[4]), address(words[5])
        sockets[cookie] = [(transport, STATES.get(state, state), local, peer if peer != ":" else ""), users, None]
        if state != "LISTEN":
            by_tuple[transport, local, peer] = cookie
    for (transport, local, peer), cookie in by_tuple.items():
        sockets[cookie][2] = by_tuple.get((transport, peer, local))
    cookies = unix_cookies()
    names = {}
    for words, users, line in ss("-x"):
        kind, state, local, inode, peer_inode = words[0], words[1], words[4], int(words[5]), int(words[7])
        local = "" if local == "*" else local
        names[inode] = local
        if inode in cookies:
            sockets[cookies[inode]] = [("unix", STATES.get(state, state), local, peer_inode), users, cookies.get(peer_inode)]
    for cookie, (what, users, peer) in list(sockets.items()):
        if what[0] == "unix":
            sockets[cookie][0] = (*what[:3], names.get(what[3], ""))
    return sockets


def ours(lines):
    def end(socket, side):
        host, port = socket[f"{side}_address"], socket[f"{side}_port"]
        if socket["transport"] == "unix":
            return host or ""
        host = "*" if host in ("0.0.0.0", "::") else host
        return f"{host}:{port}" if host is not None and port else ""
    return {socket["cookie"]: ((socket["transport"], OURS.get(socket["state"], socket["state"]), end(socket, "local"),
                                end(socket, "peer")), socket) for socket in lines if socket["state"] not in ("closed", "failed")}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    with open(sys.argv[2], encoding="utf-8") as file:
        pids = {node["id"]: node["pid"] for node in json.load(file)["nodes"] if node["kind"] == "process"}
    traced = set(pids.values())
    by_id = {socket["socket"]: socket["cookie"] for socket in lines}
    theirs, mine = kernel(), ours(lines)
    shown = {cookie: row for cookie, row in theirs.items() if row[1] & traced}
    differences, peers = [], 0
    for cookie in sorted(shown.keys() | mine.keys()):
        if cookie not in mine:
            differences.append(f"{cookie}: only ss has {shown[cookie][0]} of {sorted(shown[cookie][1])}")
            continue
        what, socket_ = mine[cookie]
        if cookie not in shown:
            # A TCP socket without a port is in no table that ss looks into.
            if what[0] != "tcp" or what[1] != "unconnected":
                differences.append(f"{cookie}: only we have {what} of {socket_['pid']}")
            continue
        seen, users, peer = shown[cookie]
        if what != seen:
            differences.append(f"{cookie}: we have {what}, ss {seen}")
        holders = {pids[holder] for holder in socket_["holders"]}
        if users - holders:
            differences.append(f"{cookie}: {what}: ss has holders {sorted(users)}, we {sorted(holders)}")
        if socket_["pid"] not in users:
            differences.append(f"{cookie}: {what}: ours is {socket_['pid']}'s, ss has {sorted(users)}")
        if peer is None or seen[1] != "established":
            continue
        peers += 1
        if by_id.get(socket_["peer_socket"]) != peer:
            differences.append(f"{cookie}: {what}: its other end is {peer}, we have {by_id.get(socket_['peer_socket'])}")
        elif pids.get(socket_["peer_process"]) not in theirs[peer][1]:
            differences.append(f"{cookie}: {what}: its peer is one of {sorted(theirs[peer][1])}, we have "
                               f"{pids.get(socket_['peer_process'])}")
    print("\n".join(differences + [f"{len(shown)} sockets, {peers} with their other end"]))


main()
