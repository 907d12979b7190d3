#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/fault/elsewhere.sh with a whole Debian for glibc's root.
export DEBIAN_ROOT=1
exec "$(dirname "$0")/../../fault/elsewhere.sh"
