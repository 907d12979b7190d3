#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/fault/laps.sh with a ring four times as large, in more sections, and as many laps of it.
export CONNECTIONS=60000 RATE=6000 RING=262144
exec "$(dirname "$0")/../../fault/laps.sh"
