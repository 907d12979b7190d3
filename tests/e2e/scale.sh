#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `list` streams: what it prints does not wait for the end, and what it keeps does not grow with the trace.
. "$(dirname "$0")/lib.sh"

python3 "$top/tests/e2e/scale.py" "$sockatlas" "$top/build/bench/generate" "$work"
