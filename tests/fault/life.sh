#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs that lead hard lives: each of their calls does what it does without the shim, and is in the trace.
. "$(dirname "$0")/lib.sh"

busy "64 threads open and close at once" busy 1 64 20 kill
busy "200 processes" busy 200 1 3 kill
busy "processes of threads" busy 4 4 50 kill
busy "a signal handler that opens and closes sockets" busy_signals 400
busy "threads cancelled in accept, connect, recv" busy_cancel 20
busy "vfork children beside threads" busy_vfork 60
busy "a daemon that closes nothing" busy_daemon none 10
busy "a daemon that closes everything, one by one" busy_daemon loop 10
busy "a daemon that closes everything by closefrom" busy_daemon closefrom 10
busy "a daemon that closes everything by close_range" busy_daemon close_range 10
busy "closed standard streams, then a socket" busy_confined first 10 stdio
busy "a socket, then closed standard streams" busy_confined later 10 stdio

faulty "$targets/busy_confined" ledger first 1 landlock
if grep -q "landlock: Function not implemented\|landlock: Operation not supported" out; then
    case_skip "landlock" "not in this kernel"
else
    busy "landlock before the first socket" busy_confined first 10 landlock
    busy "landlock after the first socket" busy_confined later 300 landlock
fi

if [ "$(id -u)" -eq 0 ]; then
    busy "chroot after the first socket" busy_confined later 10 chroot
    busy "setuid after the first socket" busy_confined later 10 setuid
    busy "chroot and setuid after the first socket" busy_confined later 10 chroot setuid
    busy "chroot before the first socket" busy_confined first 10 chroot
    busy "setuid before the first socket" busy_confined first 10 setuid
    busy "setuid by syscall() before the first socket" busy_confined first 10 raw-setuid
    busy "capset before the first socket" busy_confined first 10 capset
    busy "an ordinary user's mlockall, then a socket" busy_confined first 10 setuid mlockall
    busy "a socket, then an ordinary user's mlockall" busy_confined later 10 setuid mlockall
    busy "mlockall, then a socket" busy_confined first 10 mlockall
    busy "a socket, then mlockall" busy_confined later 10 mlockall
else
    for what in "chroot after the first socket" "setuid after the first socket" "chroot and setuid after the first socket" \
        "chroot before the first socket" "setuid before the first socket" "mlockall, then a socket" "a socket, then mlockall"; do
        case_skip "$what" "not root"
    done
fi
# The empty folders that it changed its root to.
at_end+=('rmdir /tmp/sockatlas-empty.* 2>/dev/null')
finish
