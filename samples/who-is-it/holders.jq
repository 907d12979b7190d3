# SPDX-License-Identifier: MIT
#
# `sockatlas list --json`, and the map beside it: what the kernel calls each socket of a server, its network, and who held it.
($map[0].nodes | map({key: (.id | tostring), value: "\(.comm) \(.pid)"}) | from_entries) as $name
| ["on", "over", "role", "cookie", "network", "held by"],
  ([inputs | select(.comm != "ask" and .local_port != null)] | sort_by(.local_port, .transport, .role, .opened_us)[]
   | ["\(.local_address):\(.local_port)", .transport, .role, .cookie, "\(.netns)", (.holders | map($name[tostring]) | join(", "))])
| join("@")
