#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Python's own tests of multiprocessing, by fork and by spawn: connections, managers and pools over unix sockets and TCP, descriptors
# passed between them. The same outcome of each case with the shim as without.
SOCKATLAS_CHECK_SECONDS=250 # each time; other suites run beside it
. "$(dirname "$0")/regrtest.sh"

program_same "Python's tests of multiprocessing" suite test_multiprocessing_fork test_multiprocessing_spawn
edge "Python's tests of multiprocessing: over unix sockets" 'python3.*' 'python3.*' unix 20
edge "Python's tests of multiprocessing: over TCP" 'python3.*' 'python3.*' tcp 5
finish
