#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Halves for the questions, as JSONEachRow: web on host a asks redis on host b and a name server outside, today and a day before; cron is
# gone today, backup is new. Answers that follow are in `answers`.
import json
import sys

TODAY, DAY = 1700086500, 86400
number = 0


def row(**values):
    global number
    number += 1
    start = values.pop("at") * 1000000 + number
    base = {"half": number, "version": 1 << 62, "settled": 1, "transport": "tcp", "opened_us": start, "began_us": start,
            "connected_us": start + 100, "closed_us": start + 5000, "outcome": "established", "ending": "closed",
            "sockets": 1, "complete": 1, "match": "external", "peer_kind": "external"}
    base.update(values)
    json.dump(base, sys.stdout)
    print()


def connection(at, comm, port, sent, received, connect_us, retransmits=0, unit="web.service", both=True):
    ends = {"meet": port}
    row(at=at, boot_id="boot-a", host="a", pid=10, comm=comm, unit=unit, side="client", initiator=1, local_address="10.0.0.1",
        local_port=port, peer_address="10.0.0.2", peer_port=6379, server_address="10.0.0.2", server_port=6379,
        peer_node="10.0.0.2", bytes_sent=sent, bytes_received=received, connect_us=connect_us, retransmits=retransmits, **ends)
    if both:
        row(at=at, boot_id="boot-b", host="b", pid=20, comm="redis", container="c0ffee", side="server", initiator=0,
            local_address="10.0.0.2", local_port=6379, peer_address="10.0.0.1", peer_port=port, server_address="10.0.0.2",
            server_port=6379, peer_node="10.0.0.1", bytes_sent=received, bytes_received=sent, **ends)


def failure(at, comm, port, outcome, error):
    row(at=at, boot_id="boot-a", host="a", pid=10, comm=comm, unit="web.service", side="client", initiator=1, meet=port,
        local_address="10.0.0.1", local_port=port, peer_address="192.0.2.53", peer_port=53, server_address="192.0.2.53",
        server_port=53, peer_node="192.0.2.53", outcome=outcome, error=error, ending=None, connect_us=70)


for i in range(100):
    connection(TODAY + i, "web", 40000 + i, 10, 20, 100 + i, retransmits=int(i == 7))
connection(TODAY + 200, "backup", 41000, 5, 7, 3000, unit=None)
failure(TODAY, "web", 42000, "failed", "ECONNREFUSED")
failure(TODAY + 1, "web", 42001, "failed", "ECONNREFUSED")
failure(TODAY + 2, "web", 42002, "unanswered", None)
connection(TODAY - DAY, "web", 43000, 1, 1, 90)
connection(TODAY - DAY, "cron", 43001, 1, 1, 90, unit=None)
