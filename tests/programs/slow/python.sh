#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The Python runtime's own tests of sockets, selectors, servers, signals and child processes, as Debian ships them: the same outcome of
# each test case with the shim as without. No network resource is enabled: they talk to loopback alone.
SOCKATLAS_CHECK_SECONDS=100
. "$(dirname "$0")/../lib.sh"
python=/usr/bin/python3
need "$python" /usr/lib/python3.11/test/test_socket.py

# Each case and how it ended, from the report regrtest writes. A message bears times and addresses; the outcome is its kind.
outcomes() {
    untraced "$python" - "$1" <<'END'
import sys, xml.etree.ElementTree as tree
for case in sorted(tree.parse(sys.argv[1]).iter("testcase"), key=lambda case: case.get("name")):
    ends = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    print(case.get("name"), *(ends or [case.get("result", "completed")]))
END
}

# Virtual machine sockets wait forever where the machine has no peer for them.
suite() { # MODULE...
    "$python" -m test -j2 --timeout 60 --ignore '*VSOCK*' --junit-xml cases.xml "$@" >said 2>&1
    local status=$?
    outcomes cases.xml || { tail -20 said && return 1; }
    echo "regrtest $status"
    # A failure that is the machine's own happens in both runs; that there were cases at all is the check.
    [ "$(untraced grep -o '<testcase' cases.xml | wc -l)" -gt 10 ]
}

program_same "Python's tests of sockets" suite test_socket test_select test_selectors test_poll test_epoll
edge "Python's tests of sockets: over TCP" 'python3.*' 'python3.*' tcp 50
edge "Python's tests of sockets: over unix sockets" 'python3.*' 'python3.*' unix 5
program_same "Python's tests of servers and clients" suite test_socketserver test_asyncore test_httplib test_httpservers \
    test_urllib2_localnet test_telnetlib test_smtplib
edge "Python's tests of servers and clients: over TCP" 'python3.*' 'python3.*' tcp 50
program_same "Python's tests of processes and descriptors" suite test_subprocess test_fork1 test_wait4 test_posix test_pty test_os
finish
