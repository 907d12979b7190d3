#!/bin/bash
# SPDX-License-Identifier: MIT
#
# libuv's and libevent's own test suites, built from Debian's sources (no package ships them): the same outcome of each test with the
# shim as without. They use fixed ports, so they run in a network namespace of their own; libuv's wants an ordinary user.
sources=$(cd "$(dirname "$0")/../../.." && pwd)/build/sources

# The machine's own package source, asked for source code too, with lists of its own. What security updates changed since is not
# everywhere to be had as source.
source_of() { # PACKAGE: unpacks it to $sources/PACKAGE
    [ -d "$sources/$1" ] && return
    mkdir -p "$sources/lists/partial" "$sources/$1.new" && (
        cd "$sources" || exit
        chmod 755 . lists
        apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
            awk '$3 !~ /-/' | sort -u >apt.list
        options=(-qq -o Dir::Etc::SourceParts=/dev/null -o "Dir::Etc::SourceList=$sources/apt.list" -o "Dir::State::Lists=$sources/lists"
            -o APT::Sandbox::User=)
        [ -e updated ] || { apt-get "${options[@]}" update && : >updated; } &&
            apt-get "${options[@]}" --download-only source "$1" &&
            tar xf "$1"_*.orig.tar.* --strip-components=1 -C "$1.new" && mv "$1.new" "$1"
    )
}

built() { # PACKAGE PROGRAM CMAKE-OPTION...
    local package=$1 program=$2
    shift 2
    [ -x "$sources/$package/built/$program" ] && return
    mkdir -p "$sources/$package/built" && (cd "$sources/$package/built" && cmake -DCMAKE_BUILD_TYPE=Release "$@" .. &&
        make -j2 "$(basename "$program")")
}

if [ -z "${SOCKATLAS_TEST_NAMESPACE:-}" ]; then
    export SOCKATLAS_TEST_NAMESPACE=1
    mkdir -p "$sources"
    {
        source_of libuv1 && built libuv1 uv_run_tests_a -DBUILD_TESTING=ON
        source_of libevent && built libevent bin/regress -DEVENT__LIBRARY_TYPE=STATIC -DEVENT__DISABLE_OPENSSL=ON \
            -DEVENT__DISABLE_BENCHMARK=ON -DEVENT__DISABLE_SAMPLES=ON
    } >"$sources/log" 2>&1
    if [ "$(id -u)" -eq 0 ]; then
        unshare -n true && exec unshare -n "$0"
    else
        unshare -Un --map-current-user --keep-caps true && exec unshare -Un --map-current-user --keep-caps "$0"
    fi
    SOCKATLAS_TEST_NAMESPACE=
fi
SOCKATLAS_CHECK_SECONDS=250 # each time; other suites run beside it
. "$(dirname "$0")/../lib.sh"
if [ -z "$SOCKATLAS_TEST_NAMESPACE" ] || ! ip link set lo up; then
    case_skip "libuv's and libevent's own tests" "no network namespace here for their fixed ports"
    finish
fi
for each in libuv1/built/uv_run_tests_a libevent/built/bin/regress; do
    [ -x "$sources/$each" ] && cp "$sources/$each" "$work/" && continue
    fail "$each is built" "$(tail -5 "$sources/log")"
    finish
done
cp -r "$sources/libuv1/test/fixtures" "$work/"

# What makes a test impossible on a machine is its words, behind the name.
uv() {
    mkdir -m 777 test && cp -r "$work/fixtures" test/ && chmod 777 .
    if [ -n "$root" ]; then
        as_user nobody "$work/uv_run_tests_a" >said 2>err
    else
        "$work/uv_run_tests_a" >said 2>err
    fi
    echo "exit status $?"
    untraced sed -nE 's/^((not )?ok [0-9]+ - [a-z0-9_]+).*/\1/p' said
    [ "$(untraced grep -c '^ok' said)" -gt 350 ]
}

# They mostly wait: the groups run at once, and each of http's longest. getaddrinfo_cancel_stress fails now and then by
# itself: it counts on a thread's being slow.
event() {
    local part pids=() number=0
    for part in $(untraced "$work/regress" --list-tests | sed -nE 's,^ *(http/cancel_[a-z_]*|[a-z]*/).*,\1,p' | sort -u); do
        "$work/regress" "${part/%\//\/..}" :dns/getaddrinfo_cancel_stress $([ "$part" != http/ ] || echo :http/cancel_..) \
            >"said.$number" 2>&1 &
        pids+=($!) number=$((number + 1))
    done
    wait "${pids[@]}"
    untraced sed -nE "s,^([a-z]+/[a-z0-9_/]+: .*(OK|FAILED)).*,\1,p" said.*
    untraced tail -qn 1 said.*
    [ "$(untraced cat said.* | untraced grep -c ' OK$')" -gt 250 ]
}

program_same "libuv's tests" uv
edge "libuv's tests: over TCP" 'uv_run_tests.*' 'uv_run_tests.*' tcp 50
edge "libuv's tests: over unix sockets" 'uv_run_tests.*' 'uv_run_tests.*' unix 5
program_same "libevent's tests" event
edge "libevent's tests: over TCP" regress regress tcp 100
finish
