#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The shim as it is built for each machine: what it needs of a libc and nothing else, what it exports; and that the one for AArch64 runs,
# in QEMU's user emulation, whose TCP_INFO has 4 bytes.
. "$(dirname "$0")/../e2e/lib.sh"

# All that a shim may ask of a libc. What a compiler may put in place of another of them stands there too; `w` may be missing.
needs='
w __errno_location
w __h_errno_location
w bcmp
w dl_iterate_phdr
w environ
w getauxval
w memchr
w memcmp
w memcpy
w memmove
w memset
w strchr
w strcmp
w strcspn
w strlen
w strncmp
w strnlen
w strrchr
w strspn
w strstr
w gnu_get_libc_version
w on_exit
'

exports() { # SHIM
    nm -D --defined-only "$1" | awk '{ print $NF }' | sort
}

check_shim() { # MACHINE SHIM
    case_ok "$1: there is a shim" test -f "$2"
    case_is "$1: it needs of a libc what is listed" "" \
        "$(nm -D --undefined-only "$2" | awk '{ sub(/@.*/, "", $2); print $1, $2 }' | grep -vxF "$needs")"
    case_ok "$1: and tells what it needs" grep -q ' getauxval' <(nm -D --undefined-only "$2")
    case_is "$1: no library by name, no relocation of its code" "" "$(readelf -d "$2" | grep -E 'NEEDED|TEXTREL')"
    case_is "$1: it stands in for what the one of this machine does" "" "$(comm -23 <(exports "$shim") <(exports "$2"))"
}

check_shim "this machine" "$shim"

narrow=$top/build/i386/libsockatlas.so
if [ -e "$narrow" ]; then
    check_shim i386 "$narrow"
    case_is "i386: beside that it stands in for what only a 32-bit libc has" \
        "$(sed -nE 's/^HOOK .*[ *]([A-Za-z0-9_]+)\(.*/\1/p' "$top/shim/hook_32.c" | sort)" \
        "$(comm -13 <(exports "$shim") <(exports "$narrow") | grep -vxE 'p(read|write)v64v2'; printf 'preadv64v2\npwritev64v2\n')"
else
    case_skip "the shim for i386" "this compiler makes no 32-bit programs"
fi

if command -v aarch64-linux-gnu-gcc >/dev/null; then
    case_ok "aarch64: builds" make -C "$top" -s build/aarch64/libsockatlas.so
    check_shim aarch64 "$top/build/aarch64/libsockatlas.so"
else
    case_skip "the shim for AArch64" "there is no aarch64-linux-gnu-gcc"
fi

libc=/usr/aarch64-linux-gnu/lib
if command -v aarch64-linux-gnu-gcc qemu-aarch64 >/dev/null && [ -e $libc/ld-linux-aarch64.so.1 ]; then
    aarch64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE -I"$top" -O1 -o both "$top/tests/targets/tcp_both_ends.c"
    SOCKATLAS_DIR=$work/emulated qemu-aarch64 $libc/ld-linux-aarch64.so.1 --library-path $libc \
        --preload "$top/build/aarch64/libsockatlas.so" ./both >said 2>&1
    case_is "aarch64: a program runs as it does without" "0 " "$? $(cat said)"
    case_is "... and is recorded; what the emulator does not tell of a connection is unknown" \
        "client null null null, listener null null null, server null null null" \
        "$("$sockatlas" list --json emulated | jq -r '"\(.role) \(.bytes_sent) \(.bytes_received) \(.tcp)"' | sort | paste -sd, | sed 's/,/, /g')"
    case_is "... whose ends are one conversation" exact \
        "$("$sockatlas" list --json emulated | jq -r 'select(.role == "client").match')"
else
    case_skip "the shim for AArch64 runs" "there is no qemu-aarch64, or no libc for it"
fi
finish
