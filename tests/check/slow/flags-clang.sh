#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Built with clang and whatever flags a packager or somebody with a debugger sets, it builds without a warning, and does the same.
. "$(dirname "$0")/lib.sh"

command -v clang >/dev/null || { case_skip "clang" "it is not installed" && finish; }
all_flags clang -flto
shim_flags clang -fsanitize=address,undefined --coverage "-pg -fstack-protector-all" -D_FORTIFY_SOURCE=3 -Wp,-D_FORTIFY_SOURCE=2 "-pie -Wl,-z,defs -Wl,--gc-sections"

finish
