#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `collect --to`: rows arrive, once, whatever dies on the way; `map --from` draws what arrived. Agents and a shard are killed, the shard is
# slow, the spool is damaged, too small, or on a full disk.
. "$(dirname "$0")/lib.sh"

if ! command -v clickhouse-server >/dev/null; then
    case_skip "agents ship to ClickHouse" "there is no clickhouse-server"
    finish
fi
shards_start || { fail "two shards start" "$(cat shard?/out shard?/error.log 2>/dev/null)" && finish; }
at_once
url=http://127.0.0.1:$http1/sockatlas
mkdir -m 700 data

agent() { # [OPTION...]: in the background, its pid in $agent
    "$sockatlas" collect -q --to "$url" "$@" data >>agent.out 2>&1 </dev/null &
    agent=$!
    started+=($agent)
}

ended() { # its exit status is in $status
    kill -TERM "$agent" && wait "$agent"
    status=$?
}

killed() {
    kill -KILL "$agent" && wait "$agent" 2>/dev/null
}

# So many programs that connect within themselves, and one that is refused.
work() {
    local i
    for ((i = 0; i < $1; i++)); do
        SOCKATLAS_DIR=$work/data LD_PRELOAD=$preload "$targets/tcp_both_ends" >/dev/null 2>&1
    done
    SOCKATLAS_DIR=$work/data LD_PRELOAD=$preload "$targets/connect_refused" >/dev/null 2>&1
}

all_arrived() {
    [ -z "$(comm -23 <("$sockatlas" export --format tsv data | tail -n +2 | cut -f1 | sort) \
        <(ask 1 "SELECT half FROM halves GROUP BY half" | sort))" ]
}

nothing_waits() {
    [ -z "$(find "${1:-data/sockatlas.spool}" -name '*.rows')" ]
}

# ---- Refused ----

refused() { # WHAT PATTERN [OPTION...]
    local said status what=$1 pattern=$2
    shift 2
    said=$("$sockatlas" collect -q "$@" data 2>&1)
    status=$?
    case_is "$what: one line, status 1" "1 1" "$(wc -l <<<"$said") $status"
    case_has "... that says it" "$pattern" "$said"
}

echo wrong >wrong
echo 'open sesame' >right
refused "a URL without a database" 'want http://HOST:8123/DATABASE' --to "http://127.0.0.1:$http1"
refused "a password in the URL" 'password-file' --to "http://guarded:wrong@127.0.0.1:$http1/sockatlas"
refused "another database" 'no such database' --to "http://127.0.0.1:$http1/nowhere"
refused "a database without the tables" 'no such table.*schema.sql' --to "http://127.0.0.1:$http1/default"
refused "a wrong password" 'refuses the' --to "http://guarded@127.0.0.1:$http1/sockatlas" --password-file wrong
ask 1 "INSERT INTO schema_local (version) VALUES (99)"
refused "tables of another version" 'of version 99, this sockatlas knows' --to "$url"
case_has "map --from says it, too" 'of version 99' "$("$sockatlas" map --from "$url" 2>&1)"
ask 1 "DROP TABLE schema_local" && ask_file 1 "$sql/schema.sql"
refused "a password file that is not there" 'none: No such file' --to "$url" --password-file none
refused "a URL of another kind" 'want http://HOST:8123/DATABASE' --to ftp://127.0.0.1/sockatlas
refused "a URL that is none" 'want http://HOST:8123/DATABASE' --to sockatlas
nobody=$(free_port)
for wrong in "http://127.0.0.1:$nobody/sockatlas" "http://127.0.0.1:$tcp1/sockatlas"; do
    said=$("$sockatlas" map --from "$wrong" 2>&1)
    case_is "map --from what is no such server: one line, status 1" "1 1" "$? $(wc -l <<<"$said")"
done

# ---- Who may see and touch the spool ----

ln -s "$work" link
mkdir -m 700 own
refused "a spool that is a link" 'link: ' --to "$url" --spool link
mkdir -m 770 open && chmod 770 open
refused "a spool that others may write to" 'a spool is private' --to "$url" --spool open
if [ "$(id -u)" -eq 0 ]; then
    mkdir -m 700 theirs && chown 65534 theirs
    refused "a spool of another user" 'a spool is private' --to "$url" --spool theirs
else
    case_skip "a spool of another user" "not root"
fi
case_is "options without --to are a mistake" 2 "$("$sockatlas" collect --spool x data >/dev/null 2>&1; echo $?)"

# ---- Arriving ----

url=http://guarded@127.0.0.1:$http1/sockatlas
agent --password-file right
work 3
case_ok "rows arrive while the agent runs" wait_true all_arrived
ended
case_is "it ends when it is told to, with nothing left" "0 yes" "$status $(nothing_waits && echo yes)"
url=http://127.0.0.1:$http1/sockatlas

agent --open-every 1
work 2
killed
agent
work 2
killed
agent
case_ok "agents that are killed lose nothing" wait_true all_arrived
ended

# ---- A shard that dies, or is slow ----

kill -STOP "$shard1"
agent
work 2
sleep 0.5
kill -CONT "$shard1"
case_ok "a shard that is slow gets all" wait_true all_arrived
kill -KILL "$shard1" && wait "$shard1" 2>/dev/null
work 3
wait_true test -n "$(find data/sockatlas.spool -name '*.rows')" || true
killed
agent
work 1
shard_run 1 && shard1=$!
wait_port "$tcp1" && wait_port "$http1"
case_ok "what was recorded while a shard was dead, and the agent was killed, arrives" wait_true all_arrived
ended
case_is "... and the agent ends with nothing left" "0 yes" "$status $(nothing_waits && echo yes)"
case_has "it said what was wrong, once" '^1$' "$(grep -c 'waits in data/sockatlas.spool' agent.out)"

# ---- A spool that is damaged, too small, full ----

kill -KILL "$shard1" && wait "$shard1" 2>/dev/null
agent
work 2
spooled() { [ -n "$(find data/sockatlas.spool -name '*.rows')" ]; }
wait_true spooled
killed
case_is "only its owner may read or write it" "700 600" "$(stat -c %a data/sockatlas.spool) $(find data/sockatlas.spool -type f -printf '%m\n' | sort -u | xargs)"
if [ "$(id -u)" -eq 0 ]; then
    chmod 711 data
    case_is "... which others are kept from" "" "$(chmod 711 . && setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'ls data/sockatlas.spool; cat data/sockatlas.spool/*; touch data/sockatlas.spool/x' 2>/dev/null)"
    chmod 700 data
else
    case_skip "... which others are kept from" "not root"
fi
# What somebody may have put there: links and a pipe with a row file's name, in place of the mark and of what is being written.
echo precious >precious
ln -s "$work/precious" data/sockatlas.spool/00000000000000000000-1-9.rows
mkfifo data/sockatlas.spool/00000000000000000001-1-9.rows
ln -sf "$work/precious" data/sockatlas.spool/mark
truncate -s -1 "$(find data/sockatlas.spool -name '*.rows' | head -1)"
ln -s "$work/precious" data/sockatlas.spool/.unfinished
: >agent.out
agent
shard_run 1 && shard1=$!
wait_port "$tcp1" && wait_port "$http1"
said_damage() { grep -q 'told again at the next start' agent.out; }
case_ok "a damaged file is said" wait_true said_damage
case_has "a half-written one is said" 'half written' "$(cat agent.out)"
ended
agent
case_ok "their rows are told again" wait_true all_arrived
ended
case_is "a link is not followed" "precious 1" "$(cat precious) $(ask 1 "SELECT count() > 0 FROM halves")"

full_disk() { # in a mount namespace: a spool without space until `freed` is there
    mount -t tmpfs -o size=64k,mode=700 none full || exit
    dd if=/dev/zero of=full/filler bs=4k status=none 2>/dev/null
    "$sockatlas" collect -q --to "$url" --spool full data >full.out 2>&1 </dev/null &
    echo $! >full.pid
    until [ -e freed ]; do sleep 0.05; done
    command rm full/filler
    wait
}
if unshare --map-root-user --mount true 2>unshare.err; then
    mkdir full
    export -f full_disk
    export sockatlas url
    work 1
    unshare --map-root-user --mount bash -c 'trap "kill \$(cat full.pid)" TERM; full_disk' &
    started+=($!)
    full=$!
    said_full() { grep -q 'No space left on device; rows wait in memory' full.out; }
    case_ok "a full disk is said" wait_true said_full
    work 1
    : >freed
    case_ok "... and nothing is lost by it" wait_true all_arrived
    kill "$(cat full.pid)" && wait "$full"
    case_is "... in one line" 1 "$(wc -l <full.out)"
else
    case_skip "a full disk is said" "no mount namespace: $(tail -1 unshare.err)"
fi

# ---- TLS ----

authority() { # NAME: a certificate authority of our own
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1" 2>/dev/null
}
if command -v openssl >/dev/null; then
    authority ours && authority theirs.ca
    openssl req -newkey rsa:2048 -nodes -keyout shard.key -out shard.csr -subj /CN=shard 2>/dev/null
    openssl x509 -req -in shard.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 -out shard.pem \
        -extfile <(echo subjectAltName=IP:127.0.0.1) 2>/dev/null
    https=$(free_port)
    kill -KILL "$shard1" && wait "$shard1" 2>/dev/null
    SHARD_CONFIG="<https_port>$https</https_port><openSSL><server><certificateFile>$work/shard.pem</certificateFile>
        <privateKeyFile>$work/shard.key</privateKeyFile><verificationMode>none</verificationMode></server></openSSL>" shard_run 1 && shard1=$!
    wait_port "$tcp1" && wait_port "$http1" && wait_port "$https"
    plain=$url url=https://guarded@127.0.0.1:$https/sockatlas
    agent --ca-file ours.pem --password-file right
    work 1
    case_ok "rows arrive by TLS" wait_true all_arrived
    ended
    for wrong in '' '--ca-file theirs.ca.pem'; do
        # shellcheck disable=SC2086
        said=$("$sockatlas" map --from "$url" --password-file right $wrong 2>&1)
        case_is "a certificate of nobody known${wrong:+, $wrong}: one line, status 1" "1 1" "$? $(wc -l <<<"$said")"
        case_has "... that says it" 'certificate' "$said"
    done
    url=$plain
else
    case_skip "rows arrive by TLS" "there is no openssl"
fi

sleep 1.1
pair >pair.out 2>&1
work 1
"$sockatlas" map --format json data >map.json
agent && wait_true all_arrived
ended
sleep 1.1 && pair >>pair.out 2>&1
case_is "the cluster's edges are the folder's, each connection once" "" "$(cat pair.out)$(edges | python3 "$top/tests/fleet/edges.py" map.json)"
of_cluster=$("$sockatlas" map --from "$url" --wide --by process)
case_is "map --from draws what map draws" "$("$sockatlas" map --wide --by process data | sed '/^$/,$d' | sort)" "$(sed '/^$/,$d' <<<"$of_cluster" | sort)"
case_is "... with who listens" "$("$sockatlas" map --wide --by process data | sed -n '/^listening/,/^$/p' | sort)" \
    "$(sed -n '/^listening/,/^$/p' <<<"$of_cluster" | sort)"
# The same figures by the same filters, whatever they are.
same_map() { # [OPTION...]
    diff <("$sockatlas" map --format json "$@" data | jq -c -f "$top/tests/fleet/figures.jq" | sort) \
        <("$sockatlas" map --format json "$@" --from "$url" | jq -c -f "$top/tests/fleet/figures.jq" | sort) | sed "s|^|$*: |"
}
compared=$("$sockatlas" map --format json data | jq -c -f "$top/tests/fleet/figures.jq" | wc -l)
case_is "... with the same percentiles, units and containers" "1 " "$((compared > 15)) $(same_map)"
port=$(jq '[.edges[] | select(.failed == 0) | .server_port][0]' map.json)
client=$("$sockatlas" list --json --role client data | jq -s '.[0].local_port')
pid=$(jq '[.nodes[] | select(.kind == "process") | .pid][0]' map.json)
differ=
for filter in --failed --failed=no "--pid $pid" "--pid !$pid" '--comm tcp_*' '--comm !tcp_*' --comm=nobody "--port $port" "--port !$port" "--port $client" \
    '--address 127.0.0.0/8' '--address !127.0.0.1' '--transport tcp' '--transport unix' '--role client' '--role server' '--role listener' '--end closed' \
    '--end reset' '--min-duration 1h' '--min-duration !1h' '--unit *' '--container !x' '--since @1 --until @4000000000'; do
    set -f
    # shellcheck disable=SC2086
    differ+=$(same_map $filter)
    set +f
done
case_is "... and with each filter" "" "$differ"
for by in program unit container host; do
    case_is "... by $by" "$("$sockatlas" map --wide --by $by data | sed '/^$/,$d' | sort)" "$("$sockatlas" map --wide --by $by --from "$url" | sed '/^$/,$d' | sort)"
done
case_is "... as JSON" "sockatlas.map/1 $(jq '.edges | length' map.json)" "$("$sockatlas" map --from "$url" --format json | jq -r '"\(.schema) \(.edges | length)"')"
"$sockatlas" map --from "$url" --format json >cluster.json
case_is "... by its schema" "" "$(/usr/bin/python3 -W ignore "$top/tests/e2e/schema.py" map cluster.json 2>&1)"
"$sockatlas" map --from "$url" --format html -o page.html 2>page.err || grep -q 'not in this build' page.err
case_is "... as a page" 0 $?
"$sockatlas" map --from "$url" --format svg -o map.svg
case_is "... as a picture" "0 1" "$? $(grep -c '<svg' map.svg)"
case_is "... of a time in which nothing was" 0 "$("$sockatlas" map --from "$url" --until @1000000000 --format json | jq '.edges | length')"
case_is "... times count from no first event" 2 "$("$sockatlas" map --from "$url" --since 1.5 >/dev/null 2>&1; echo $?)"

mkdir -m 700 other
"$sockatlas" collect -q --to "http://127.0.0.1:$(free_port)/sockatlas" --spool-size 2K --spool small data >small.out 2>&1 </dev/null &
agent=$!
started+=($agent)
dropped() { grep -q 'full: the oldest rows are dropped' small.out; }
work 2 && sleep 2.1 && work 2
case_ok "a spool that is too small drops the oldest" wait_true dropped
ended
case_has "... and counts them" '[1-9][0-9]* rows were lost' "$(cat small.out)"

finish
