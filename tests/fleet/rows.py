#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# rows.py ROWS.tsv <LIST.jsonl: halves of connections beside the sockets of `list --json`, which have the same cookie: what both have must be
# the same. Prints what differs, and nothing where all is equal.
import json
import sys

SAME = {"host": "host", "pid": "pid", "comm": "comm", "transport": "transport", "local_address": "local_address",
        "local_port": "local_port", "peer_address": "peer_address", "peer_port": "peer_port",
        "connected_us": "connected_us", "closed_us": "closed_us", "connect_us": "connect_us",
        "bytes_sent": "bytes_sent", "bytes_received": "bytes_received", "outcome": "outcome", "ending": "end",
        "reset_by": "reset_by", "error": "error", "unit": "unit", "container": "container"}
with open(sys.argv[1], encoding="utf-8") as file:
    names, *rows = [line.rstrip("\n").split("\t") for line in file]
rows = [dict(zip(names, row)) for row in rows]
sockets = {str(int(socket["cookie"], 16)): socket for socket in map(json.loads, sys.stdin) if socket["cookie"]}
compared = 0
for row in rows:
    socket = sockets.get(row["cookie"])
    if socket is None:
        print("no socket with cookie", row["cookie"])
        continue
    if sum(other["cookie"] == row["cookie"] for other in rows) > 1:
        continue  # one socket, several conversations
    for column, key in SAME.items():
        if key not in socket:
            continue
        if column == "closed_us" and row["outcome"] != "established":
            continue  # an attempt that failed is over before its socket is
        expected = "\\N" if socket[key] is None else str(socket[key]).replace("\\", "\\\\")
        compared += 1
        if row[column] != expected:
            print(row["comm"], row["transport"], column, "row:", row[column], "list:", expected)
if compared < 50:
    print("only", compared, "values were compared")
