# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every sample's run.sh (and the demo) starts with: `. "$(dirname "$0")/../lib.sh"`. Each has two halves: without arguments it gets
# what is missing, builds, traces itself and shows what came of it (the session in its README); `run.sh traffic ...` is what is traced.
# Interrupted, both put away what they made before they end.
#
#   sample_ready          the outer half: installs and builds what is missing
#   sample_begin          the traced half: a temporary folder, $work, and the promise that all that was started ends with it
#   sample_run ARG...     traces `run.sh traffic ARG...`
#   shown COMMAND...      prints the command, then what it prints
#
# The trace stays in build/samples/NAME, or where SAMPLE_TRACE says. With SAMPLE_BRIEF a sample whose trace is long does less (samples/keep).

set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=$(basename "$0" .sh)
[ "$name" != run ] || name=$(basename "$(cd "$(dirname "$0")" && pwd)")
cd "$top" || exit 1
export PATH=build:$PATH:/usr/sbin:/sbin LC_ALL=C
unset http_proxy HTTP_PROXY ALL_PROXY all_proxy
trace=${SAMPLE_TRACE:-build/samples/$name} # below the top, or absolute

sample_ready() {
    tests/deps build samples "$name" >&2 || exit 1
    make -s all build/tools/port build/tools/gone >&2 || exit 1
    mkdir -p "$(dirname "$trace")"
}

# free_port [COUNT]: so many ports, no two alike.
free_port() {
    build/tools/port free "${1:-1}"
}

# sample_run ARG...: traces `run.sh traffic ARG...`. Where root runs a sample that sets `user`, it happens as that user, in a copy of
# what it takes: they may not see this tree, and a trace belongs to who made it.
user=
sample_run() {
    local crate each status
    set -- -- "samples/$name/run.sh" traffic "$@"
    if [ -z "$user" ] || [ "$(id -u)" -ne 0 ]; then
        shown sockatlas run -d "$trace" "$@" 2>&1
        return
    fi
    crate=$(mktemp -d "${TMPDIR:-/tmp}/sockatlas-crate.XXXXXX") || exit 1
    # shellcheck disable=SC2064 # this very folder
    trap "rm -rf '$crate'" EXIT
    trap 'exit 130' INT TERM HUP
    mkdir -p "$crate/build/tools" "$crate/build/samples" "$crate/samples"
    cp build/sockatlas build/libsockatlas.so "$crate/build/"
    [ ! -e build/sockatlas-patch ] || cp build/sockatlas-patch "$crate/build/"
    cp build/tools/port build/tools/gone "$crate/build/tools/"
    cp -R samples/lib.sh "samples/$name" "$crate/samples/"
    for each in npm go; do
        [ ! -d "build/samples/$each" ] || cp -R "build/samples/$each" "$crate/build/samples/"
    done
    chown -R "$user" "$crate" && chmod 711 "$crate"
    echo "\$ sockatlas run -d $trace $*"
    (cd "$crate" && exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups env HOME="$crate" TMPDIR="$crate" \
        sockatlas run -d trace "$@") 2>&1 |
        (trap '' INT && exec sed -u "s|$crate/trace|$(realpath -m "$trace")|; s|map trace|map $trace|")
    status=${PIPESTATUS[0]}
    rm -rf "$trace.old"
    [ ! -e "$trace" ] || mv "$trace" "$trace.old"
    mv "$crate/trace" "$trace" && chown -R root:root "$trace"
    rm -rf "$crate"
    trap - EXIT INT TERM HUP
    return "$status"
}

say() {
    echo "samples/$name: $*" >&2
}

shown() {
    echo "\$ $*"
    "$@"
}

# sample_begin: the end of the script ends everything whose pid is in `started`, in reverse order, and removes $work.
started=()
sample_begin() {
    work=$(mktemp -d "${TMPDIR:-/tmp}/sockatlas-$name.XXXXXX") || exit 1
    chmod 711 "$work" # servers that run under another user look below it
    trap sample_end EXIT
    trap 'exit 130' INT TERM HUP
}

sample_end() {
    local each
    trap '' INT TERM HUP
    for ((each = ${#started[@]} - 1; each >= 0; each--)); do
        stop "${started[each]}"
    done
    cd / && rm -rf "$work"
}

# stop PID [SIGNAL]: and waits for its end, with patience, then without.
stop() {
    kill "-${2:-TERM}" "$1" 2>/dev/null || return 0
    "$top/build/tools/gone" "$1" 10 || kill -KILL "$1" 2>/dev/null
}

start() {
    "$@" </dev/null &
    started+=($!)
}

# until_true COMMAND...: tries it for thirty seconds.
until_true() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        "$@" 2>/dev/null && return
        sleep 0.05
    done
    say "gave up waiting for: $*"
    exit 1
}

# postgres_start PORT: a PostgreSQL of our own on 127.0.0.1:PORT, in $work. It refuses root: such a sample has `user=postgres`.
postgres_start() {
    local bin
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
    "$bin/initdb" -D "$work/data" -U house --auth=trust --no-sync -E UTF8 >"$work/initdb.log" || exit 1
    cat >>"$work/data/postgresql.conf" <<END
port = $1
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
shared_buffers = 16MB
autovacuum = off
END
    start "$bin/postgres" -D "$work/data" >"$work/postgres.log" 2>&1
    postgres=$!
    # Its pid file says when it is ready: asking by a connection would put us on the map.
    until_true grep -q '^ready' "$work/data/postmaster.pid"
}

# The default signal waits for the clients to leave; this one does not.
postgres_stop() {
    stop "$postgres" INT
}
