#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Python's own tests of its event loop and of TLS: the same outcome of each case with the shim as without.
SOCKATLAS_CHECK_SECONDS=250 # each time; other suites run beside it
. "$(dirname "$0")/regrtest.sh"

program_same "Python's tests of asyncio and of TLS" suite test_asyncio test_ssl
edge "Python's tests of asyncio and of TLS: over TCP" 'python3.*' 'python3.*' tcp 200
edge "Python's tests of asyncio and of TLS: over unix sockets" 'python3.*' 'python3.*' unix 5
finish
