#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The same on a kernel whose pages are larger than the log's steps: Debian has one with 16 KiB (none with 64) since release 13.
# Runs where SOCKATLAS_TEST_PAGES=16384 asks for it: it downloads a kernel of 100 MB and takes two minutes.
. "$(dirname "$0")/emulated.sh"

if [ "${SOCKATLAS_TEST_PAGES:-}" = 16384 ]; then
    emulated 16384 trixie linux-image-arm64-16k targets kills limits
else
    case_skip "AArch64 with pages of 16384 bytes" "SOCKATLAS_TEST_PAGES=16384 asks for it"
fi
finish
