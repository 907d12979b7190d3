#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# edges.py MAP.json <EDGES: lays the edges of a cluster (tests/fleet/lib.sh: edges) beside those of `map --format json`. Prints what differs,
# ten lines at most, and nothing where all are equal. Processes are known by boot id and pid, outside nodes by their address.
import collections
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    the_map = json.load(file)
boots = {host["id"]: host["boot_id"] for host in the_map["hosts"]}


def node(index):
    found = the_map["nodes"][index]
    if found["kind"] == "external":
        return ("external", found["address"])
    return (boots[found["host"]], str(found["pid"] or 0))


def add(edges, key, values):
    edges[key] = [a + b for a, b in zip(edges[key], values)]


NAMES = ("connections", "failed", "unanswered", "open", "bytes_sent", "bytes_received", "reset", "retransmits")
expected = collections.defaultdict(lambda: [0] * len(NAMES))
seen = collections.defaultdict(lambda: [0] * len(NAMES))
for edge in the_map["edges"]:
    key = (node(edge["from"]), node(edge["to"]), edge["transport"], edge["server_address"] or "",
           edge["server_port"] or 0, edge["match"] or "")
    add(expected, key, [edge[name] or 0 for name in NAMES])
for line in sys.stdin:
    cells = line.rstrip("\n").split("\t")
    ends = [("external", cells[i + 3]) if cells[i] == "external" else (cells[i + 1], cells[i + 2]) for i in (0, 4)]
    add(seen, (ends[0], ends[1], cells[8], cells[9], int(cells[10]), cells[11]), [int(cell) for cell in cells[12:]])
if not expected:
    print("the map has no edges")
differ = [key for key in expected.keys() | seen.keys() if expected.get(key) != seen.get(key)]
for key in sorted(differ, key=str)[:10]:
    print(key, "map:", expected.get(key), "cluster:", seen.get(key))
if differ:
    print(len(differ), "of", len(expected), "differ")
