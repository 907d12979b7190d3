#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Built with gcc and whatever flags a packager or somebody with a debugger sets, it builds without a warning, and does the same.
. "$(dirname "$0")/lib.sh"

command -v gcc >/dev/null || { case_skip "gcc" "it is not installed" && finish; }
all_flags gcc -flto=auto
build gcc-profile all CC=gcc PGO=1 && smoke gcc-profile
shim_flags gcc -fsanitize=address,undefined --coverage "-pg -fstack-protector-all" -D_FORTIFY_SOURCE=3 -Wp,-D_FORTIFY_SOURCE=2 "-pie -Wl,-z,defs -Wl,--gc-sections"

finish
