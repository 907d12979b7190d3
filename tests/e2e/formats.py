#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What other programs' formats demand, checked strictly. formats.py csv|chrome|zeek EXPORT LIST, LIST being
`list --json` of the same trace. Prints what is wrong; the exit status tells whether anything is."""

import csv
import ipaddress
import json
import re
import sys

wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)


def as_cell(value):
    """A member of list --json as its CSV field."""
    if value is None:
        return ""
    if isinstance(value, str):  # what a spreadsheet would take for a formula has an apostrophe before it
        return "'" + value if value[:1] in ("=", "+", "-", "@", "'") and value else value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def check_csv(path, sockets):
    text = open(path, newline="", encoding="utf-8").read()
    check(text.endswith("\r\n") and "\n" not in text.replace("\r\n", ""), "lines do not all end with CRLF")
    rows = list(csv.reader(text.split("\r\n")[:-1], strict=True))
    names, rows = rows[0], rows[1:]
    check(len(rows) == len(sockets), f"{len(rows)} lines for {len(sockets)} sockets")
    for row, socket in zip(rows, sockets):
        check(len(row) == len(names), f"socket {socket['socket']}: {len(row)} fields, {len(names)} columns")
        tcp = socket.pop("tcp")
        expected = {name: as_cell(value) for name, value in socket.items()}
        seen = dict(zip(names, row))
        for name in [name for name in names if name.startswith("tcp_")]:
            expected[name] = as_cell(tcp[name[4:]]) if tcp else ""
        check(seen == expected, f"socket {socket['socket']}: {seen} is not {expected}")


# The Trace Event Format: what an event of a phase must have, and what it may. Of the two letters of a nestable async event's `id`
# readers want a string; a `pid` is an integer, and so is `tid`.
CHROME_COMMON = {"ph": str, "name": str, "cat": str, "pid": int, "tid": int}
CHROME_MEMBERS = {
    "M": ({"args": dict}, {}),
    "b": ({"id": str, "ts": int}, {"args": dict}),
    "e": ({"id": str, "ts": int}, {"args": dict}),
    "i": ({"s": str, "ts": int}, {"args": dict}),
    "X": ({"ts": int, "dur": int}, {}),
    "s": ({"id": str, "ts": int}, {}),
    "f": ({"id": str, "ts": int, "bp": str}, {}),
}


def check_chrome_arrows(events, sockets):
    """A flow has a start and a later end, each within a slice of its thread; one leads from each connect to its accept."""
    steps = {}
    for event in events:
        if event["ph"] == "X":
            check(event["dur"] == 1, f"slices of a thread may overlap: {event}")
            steps.setdefault((event["pid"], event["tid"], event["ts"]), []).append(event["name"].split()[0])
    starts = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    check(starts.keys() == ends.keys(), f"half an arrow: {starts.keys() ^ ends.keys()}")
    check(len(starts) + len(ends) == sum(event["ph"] in "sf" for event in events), "a flow's id comes twice")
    for flows, step in ((starts, "connect"), (ends, "accept")):
        for flow in flows.values():
            check(step in steps.get((flow["pid"], flow["tid"], flow["ts"]), []), f"begins or ends at no {step}: {flow}")
    for id in starts.keys() & ends.keys():
        check(starts[id]["ts"] <= ends[id]["ts"], f"leads back in time: {id}")
    servers = {s["socket"] for s in sockets if s["role"] == "server"}
    both = {f"0x{s['socket']:x}": s for s in sockets if s["role"] == "client" and s["peer_socket"] in servers and s["connected_us"]}
    check(both.keys() == starts.keys(), f"arrows for {starts.keys()}, connections {both.keys()}")
    for id in both.keys() & starts.keys():
        check(starts[id]["pid"] == both[id]["pid"], f"leads from another process than pid {both[id]['pid']}: {starts[id]}")


def check_chrome_members(event):
    must, may = CHROME_MEMBERS.get(event.get("ph"), ({}, {}))
    must = {**CHROME_COMMON, **must}
    for name, kind in must.items():
        check(type(event.get(name)) is kind, f"{name} is missing or no {kind.__name__}: {event}")
    for name in event.keys() - must.keys():
        check(name in may and type(event[name]) is may[name], f"{name} has no place there: {event}")


def check_chrome(path, sockets):
    trace = json.load(open(path, encoding="utf-8"))
    check(set(trace) == {"displayTimeUnit", "traceEvents"} and trace["displayTimeUnit"] in ("ms", "ns"), f"{list(trace)}")
    ends = {s["socket"]: s["closed_us"] for s in sockets}
    open_slices, slices, named, used = {}, {}, set(), set()
    times = [event["ts"] for event in trace["traceEvents"] if "ts" in event]
    check(times == sorted(times), "times are not sorted")
    check_chrome_arrows(trace["traceEvents"], sockets)
    for event in trace["traceEvents"]:
        check_chrome_members(event)
        check({"ph", "name", "pid", "tid"} <= event.keys(), f"members are missing: {event}")
        check(isinstance(event["pid"], int) and event["pid"] > 0, f"pid: {event}")
        if event["ph"] == "M":
            check(event["name"] == "process_name" and event["args"]["name"], f"metadata: {event}")
            named.add(event["pid"])
            continue
        used.add(event["pid"])
        check(isinstance(event["ts"], int) and event["ts"] > 0, f"ts: {event}")
        key = event.get("cat"), event.get("id")
        if event["ph"] in "Xsf":
            continue
        if event["ph"] == "b":
            check(event["pid"] == event["args"]["pid"], f"not the real pid: {event}")
            check(key not in slices, f"begins twice: {event}")
            open_slices[key] = slices[key] = event
        elif event["ph"] == "e":
            begin = open_slices.pop(key, None)
            check(begin is not None, f"ends without a beginning: {event}")
            check(begin is None or begin["ts"] <= event["ts"], f"ends before it begins: {event}")
            check(begin is None or begin["name"] == event["name"], f"ends under another name: {event}")
        elif event["ph"] == "i":
            check(event["s"] in ("g", "p", "t"), f"scope: {event}")
            check(event["cat"] in ("option", "failure"), f"category: {event}")
        else:
            check(False, f"phase: {event}")
    for begin in open_slices.values():
        check(ends[begin["args"]["socket"]] is None, f"does not end, though its socket was closed: {begin}")
    check(used <= named, f"processes without a name: {used - named}")
    shown = {event["args"]["socket"] for event in slices.values()}
    connections = {s["socket"] for s in sockets if s["role"] in ("client", "server")}
    check(connections <= shown, f"connections without a slice: {connections - shown}")
    # What is set on a socket (the latest of each) and what failed must show as instants.
    instants = [event for event in trace["traceEvents"] if event["ph"] == "i"]
    for socket in sockets:
        for option in socket["options"]:
            check(
                any(i["args"].get("socket") == socket["socket"] and option["name"] in i["name"] for i in instants),
                f"socket {socket['socket']}: no instant for {option['name']}",
            )
        if socket["state"] == "failed":
            check(
                any(i["cat"] == "failure" and socket["error"] in i["name"] for i in instants),
                f"socket {socket['socket']}: no instant for {socket['error']}",
            )


ZEEK_TYPES = {
    "time": r"\d+\.\d{6}",
    "interval": r"\d+\.\d{6}",
    "string": r"[^\t\x00-\x1f]+",
    "enum": r"tcp|udp|icmp|unknown_transport",
    "count": r"\d+",
    "bool": r"T|F",
    "port": r"\d{1,5}",
    "set[string]": r"[^\t]+",
}
ZEEK_STATES = "S0 S1 SF REJ S2 S3 RSTO RSTR RSTOS0 RSTRH SH SHR OTH".split()


def zeek_value(kind, text):
    if kind == "addr":
        try:
            return ipaddress.ip_address(text) is not None
        except ValueError:
            return False
    return re.fullmatch(ZEEK_TYPES[kind], text) is not None


def check_zeek(path, sockets):
    lines = open(path, encoding="ascii").read().split("\n")
    check(lines.pop() == "", "the last line does not end")
    check(lines[0] == "#separator \\x09", f"first line: {lines[0]}")
    head = dict(line[1:].split("\t", 1) for line in lines[1:] if line.startswith("#"))
    check(head["set_separator"] == "," and head["empty_field"] == "(empty)" and head["unset_field"] == "-", f"{head}")
    check(head["path"] == "conn", head["path"])
    for moment in ("open", "close"):
        check(re.fullmatch(r"\d{4}(-\d\d){5}", head.get(moment, "")), f"#{moment}: {head}")
    check(lines[5].startswith("#open\t") and lines[-1].startswith("#close\t"), f"#open and #close: {lines[5]}, {lines[-1]}")
    check(head["open"] <= head["close"], f"closed before it was opened: {head}")
    fields, types = head["fields"].split("\t"), head["types"].split("\t")
    check(len(fields) == len(types), "as many types as fields")
    check(fields[:7] == "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto".split(), f"{fields}")
    rows, uids = [], set()
    for line in lines:
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        check(len(cells) == len(fields), f"{len(cells)} fields: {line}")
        for name, kind, cell in zip(fields, types, cells):
            check(cell == "-" or zeek_value(kind, cell), f"{name} is no {kind}: {cell}")
        row = dict(zip(fields, cells))
        check(row["ts"] != "-" and re.fullmatch("C[0-9A-Za-z]{10,17}", row["uid"]), f"ts, uid: {line}")
        check(row["uid"] not in uids, f"uid comes twice: {line}")
        check(row["history"] == ("S" if row["conn_state"] == "S0" and row["local_orig"] == "T" else "-"), f"history: {line}")
        check(row["conn_state"] in ZEEK_STATES + ["-"], f"conn_state: {line}")
        uids.add(row["uid"])
        rows.append(row)
    # Every TCP connection of the trace once, with what its originator counted.
    by_id = {s["socket"]: s for s in sockets}
    wanted = [
        s
        for s in sockets
        if s["transport"] == "tcp"
        and (s["role"] == "client" or (s["role"] == "server" and by_id.get(s["peer_socket"]) is None))
    ]
    tcp = [row for row in rows if row["proto"] == "tcp"]
    check(len(tcp) == len(wanted), f"{len(tcp)} lines for {len(wanted)} connections")
    for socket in wanted:
        client = socket["role"] == "client"
        ends = [("local_address", "local_port"), ("peer_address", "peer_port")]
        ends = ends if client else ends[::-1]
        key = [as_cell(socket[name]) or "-" for end in ends for name in end]
        found = [row for row in tcp if [row[name] for name in fields[2:6]] == key]
        check(found, f"socket {socket['socket']} is missing")
        sent, received = ("orig_bytes", "resp_bytes") if client else ("resp_bytes", "orig_bytes")
        state = {"ECONNREFUSED": "REJ", "ETIMEDOUT": "S0"}.get(socket["error"], "-") if socket["state"] == "failed" else None
        check(
            any(
                row[sent] == (as_cell(socket["bytes_sent"]) or "-")
                and row[received] == (as_cell(socket["bytes_received"]) or "-")
                and row["community_id"] == (socket["community_id"] or "-")
                and (state is None or row["conn_state"] == state)
                for row in found
            ),
            f"socket {socket['socket']}: {found}",
        )


if __name__ == "__main__":
    listed = [json.loads(line) for line in open(sys.argv[3], encoding="utf-8")]
    {"csv": check_csv, "chrome": check_chrome, "zeek": check_zeek}[sys.argv[1]](sys.argv[2], listed)
    if not listed:
        wrong.append("no sockets: nothing was checked")
    print("\n".join(wrong[:20]))
    sys.exit(bool(wrong))
