# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The Python runtime's own tests as Debian ships them, case by case: `. "$(dirname "$0")/regrtest.sh"`, then
# `program_same WHAT suite MODULE...`. No network resource is enabled: they talk to loopback alone.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
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
suite() { # MODULE...: they mostly wait, so several at once even on one core
    "$python" -m test -j4 --timeout 90 --ignore '*VSOCK*' --junit-xml cases.xml "$@" >said 2>&1
    local status=$?
    outcomes cases.xml || { tail -20 said && return 1; }
    echo "regrtest $status"
    # A failure that is the machine's own happens in both runs; that there were cases at all is the check.
    [ "$(untraced grep -o '<testcase' cases.xml | wc -l)" -gt 10 ]
}
