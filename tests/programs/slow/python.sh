#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Python's own tests of sockets, selectors, servers and clients, signals, child processes: the same outcome of each case with the shim
# as without.
SOCKATLAS_CHECK_SECONDS=250 # each time; other suites run beside it
. "$(dirname "$0")/regrtest.sh"

program_same "Python's tests of sockets" suite test_socket test_select test_selectors test_poll test_epoll
edge "Python's tests of sockets: over TCP" 'python3.*' 'python3.*' tcp 50
edge "Python's tests of sockets: over unix sockets" 'python3.*' 'python3.*' unix 5
program_same "Python's tests of servers and clients" suite test_socketserver test_asyncore test_asynchat test_httplib test_httpservers \
    test_urllib2_localnet test_telnetlib test_smtplib test_smtpd test_ftplib test_poplib test_nntplib test_docxmlrpc test_wsgiref
edge "Python's tests of servers and clients: over TCP" 'python3.*' 'python3.*' tcp 150
program_same "Python's tests of processes and descriptors" suite test_subprocess test_fork1 test_wait4 test_posix test_pty test_os
finish
