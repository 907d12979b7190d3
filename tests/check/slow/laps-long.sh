#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/fault/laps.sh with a ring of a mebibyte.
export CONNECTIONS=210000 RATE=6000 RING=1048576
exec "$(dirname "$0")/../../fault/laps.sh"
