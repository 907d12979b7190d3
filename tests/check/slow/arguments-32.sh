#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/fault/arguments.sh for 32-bit programs.
WORDS=32 exec "$(dirname "$0")/../../fault/arguments.sh"
