# SPDX-License-Identifier: MIT
#
# A map (`sockatlas map --format json`) as sorted lines without what differs from run to run: FROM > TO TRANSPORT SERVER MATCH, and how
# many connections there were, open at the end and failed. Edges of one process to itself are left out.

(.nodes | map({key: (.id | tostring), value: .}) | from_entries) as $nodes
| def name: $nodes[tostring] | if .kind == "external" then "external" else .comm end;
[.edges[] | select(.from != .to)
  | {edge: "\(.from | name) > \(.to | name) \(.transport) \(.server_address | tostring | sub(".*/"; "")):\(.server_port) \(.match)",
     connections, open, failed}]
| group_by(.edge)[]
| "\(.[0].edge) \(map(.connections) | add) \(map(.open) | add) \(map(.failed) | add)"
