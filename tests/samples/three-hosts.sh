#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/fleet: three hosts, two shards; the cluster's map is that of the three traces, which is what the hosts did.
. "$(dirname "$0")/lib.sh"

if ! unshare --user --map-user=1000 --map-group=1000 --keep-caps --net --uts --mount true 2>unshare.err; then
    case_skip "a cluster's map of three hosts" "no namespaces: $(tail -1 unshare.err)"
    finish
fi
sample_told fleet
case_has "the two maps are compared" '^the two maps are equal$' "$(cat retold)"
"$sockatlas" map --format json trace/web trace/cache trace/db >map.json
case_is "each host's programs talk to the others'" "curl cache > nginx web 10.99.0.1:8080 exact 1 failed 0
curl db > nginx web 10.99.0.1:8080 exact 1 failed 0
curl web > nginx web 10.99.0.1:8080 exact 1 failed 0
nginx web > nginx web null:null pair 1 failed 0
psql cache > postgres db 10.99.0.3:5432 exact 1 failed 0
psql web > postgres db 10.99.0.3:5432 exact 1 failed 0
redis-benchmark web > redis-server cache 10.99.0.2:6379 exact 6 failed 0
redis-cli cache > null db 10.99.0.3:6379 external 0 failed 2
redis-cli db > redis-server cache 10.99.0.2:6379 exact 1 failed 0
redis-cli web > redis-server cache 10.99.0.2:6379 exact 1 failed 0" "$(jq -r '
    (.hosts | map({key: (.id | tostring), value: .name}) | from_entries) as $host
    | (.nodes | map({key: (.id | tostring), value: "\(.comm) \($host[.host | tostring])"}) | from_entries) as $node
    | .edges[] | select(.from != .to) | "\($node[.from | tostring]) > \($node[.to | tostring]) \(.server_address):\(.server_port) \(.match) \(.connections) failed \(.failed)"' map.json | sort)"
finish
