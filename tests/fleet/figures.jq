# SPDX-License-Identifier: MIT
#
# Each edge and listener of `map --format json` as one value, nodes by what they are: what a cluster's map and a folder's have alike. When an
# attempt failed is the sum of two times in whole microseconds in a cluster: one less, now and then.
(.nodes | map({key: (.id | tostring), value: [.kind, .pid, .comm, .exe, .unit, .container, .start_us, .address]}) | from_entries) as $node
| (.edges[] | [$node[.from | tostring], $node[.to | tostring], .transport, .server_address, .server_port, .match, .connections, .open, .failed, .unanswered,
    .reset, .retransmits, .bytes_sent, .bytes_received, .first_us, (if .failed > 0 then null else .last_us end), .error, .errors, .name, .connect_p50_us, .connect_p99_us, .rtt_p50_us]),
  (.listeners[] | [$node[.node | tostring], .transport, .address, .port, .accepted, .peak])
