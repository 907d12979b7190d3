#!/bin/bash
# SPDX-License-Identifier: MIT
#
# GLib's, glib-networking's and D-Bus's own tests as Debian ships them: sockets, listeners, services, proxies, resolvers, TLS,
# D-Bus connections and buses, child processes. The same outcome of each case with the shim as without.
SOCKATLAS_CHECK_SECONDS=250 # each time; other suites run beside it
. "$(dirname "$0")/../lib.sh"
described=/usr/share/installed-tests
need dbus-daemon "$described/glib/socket.test" "$described/glib-networking/connection-gnutls.test" \
    "$described/dbus/test-dbus-daemon.test" "$described/xdg-dbus-proxy/test-proxy.test"

: >"$work/began"

# Each case's outcome and how each program ended. What a case is skipped for may bear numbers of the run's own; the two of
# threaded-unregistration try for a race, and call themselves skipped where it did not happen.
installed() { # PACKAGE TEST...
    local package=$1 each command status
    shift
    export HOME=$run XDG_RUNTIME_DIR=$run TMPDIR=$run
    for each; do
        command=$(untraced sed -n 's/^Exec=//p' "$described/$package/$each.test")
        timeout 60 $command --tap >said 2>&1
        status=$?
        echo "$package $each: $status"
        untraced sed -nE '/^(not )?ok|^Bail out/{s/# SKIP.*/# SKIP/;s/(threaded-unregistration.*) # SKIP/\1/;p}' said
        untraced grep -q '^ok' said || return 1
    done
}

# D-Bus's tests come twice, with their own bus configuration and with the system's.
bus() {
    installed dbus test-dbus-daemon test-dbus-daemon-eavesdrop test-dbus-daemon-fork.sh test-containers test-corrupt test-fdpass \
        test-header-fields test-loopback test-monitor test-relay test-sd-activation test-server-oom test-sysdeps test-uid-permissions \
        test-dbus-daemon_with_config test-monitor_with_config &&
        installed xdg-dbus-proxy test-proxy
}

program_same "GLib's tests of sockets" installed glib socket socket-address socket-listener socket-service inet-address network-address \
    network-monitor network-monitor-race resolver-parsing pollable proxy-test simple-proxy srvtarget gsocketclient-slow credentials \
    unix-fd unix-streams stream-rw_all readwrite tls-bindings tls-certificate tls-database tls-interaction
edge "GLib's tests of sockets: over TCP" 'socket' 'socket' tcp 5
edge "GLib's tests of sockets: over UDP" 'socket' 'socket' udp 3
program_same "GLib's tests of TLS" installed glib-networking certificate-gnutls connection-gnutls file-database-gnutls environment-libproxy
edge "GLib's tests of TLS: over TCP" 'connection-gnut' 'connection-gnut' tcp 20
program_same "GLib's tests of D-Bus" installed glib gdbus-address-get-session gdbus-addresses gdbus-auth gdbus-bz627724 \
    gdbus-close-pending gdbus-connection gdbus-connection-flush gdbus-connection-loss gdbus-connection-slow gdbus-exit-on-close \
    gdbus-export gdbus-introspection gdbus-method-invocation gdbus-names gdbus-non-socket gdbus-peer gdbus-peer-object-manager \
    gdbus-proxy gdbus-proxy-threads gdbus-proxy-unique-name gdbus-proxy-well-known-name gdbus-sasl gdbus-server-auth gdbus-subscribe \
    gdbus-test-codegen gapplication actions dbus-appinfo debugcontroller
edge "GLib's tests of D-Bus: to their buses" 'gdbus.*|gapplication' dbus-daemon unix 100
program_same "GLib's tests of processes" installed glib gsubprocess spawn-multithreaded spawn-singlethread spawn-path-search spawn-test unix
program_same "D-Bus's own tests" bus
edge "D-Bus's own tests: to their buses" 'test-.*' 'dbus-daemon' unix 50

# The system's configuration of a session bus listens in /tmp, and a bus that its test kills leaves its socket there.
untraced find /tmp -maxdepth 1 -type s -name 'dbus-??????????' -newer "$work/began" -user "$(id -u)" | while read -r socket; do
    ss -xlH | grep -qF " $socket " || rm -f "$socket"
done
finish
