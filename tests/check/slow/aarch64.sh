#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The product on AArch64: suites that run in a machine of Debian's kernel and libc, under emulation.
. "$(dirname "$0")/emulated.sh"

emulated 4096 bookworm linux-image-cloud-arm64 test_ring targets kills life limits
finish
