# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the suites of flags share: builds of their own in the work folder, with the flags that a packager or somebody with a debugger sets.
. "$(dirname "$0")/../../e2e/lib.sh"

imports() { # SHIM: what it takes from libc; a compiler may call the string functions that it knows
    nm -D --undefined-only "$1" | awk '{ print $NF }' | sed 's/@.*//' | grep -vxE 'mem(cpy|move|set|cmp|chr)|bcmp|mempcpy|str(len|nlen|cmp|ncmp|chr|rchr|cpy|pbrk|spn|cspn)|__errno_location' | sort
}
exports() {
    nm -D --defined-only "$1" | awk '{ print $NF }' | sort
}

build() { # NAME GOAL... VARIABLE=VALUE...: in ./NAME, without a warning
    local name=$1
    shift
    make -C "$top" -s -j2 BUILD="$work/$name" "$@" >said 2>&1
    case_is "$name: builds" 0 $?
    case_is "$name: without a warning" "" "$(grep -vE '^  [A-Z]+ ' said | head -n 20)"
}

# The shim is the same to the programs that it is loaded into, whatever it was built with.
check_shim() { # NAME
    local lib=$1/libsockatlas.so
    case_is "$1: the shim exports what it always does" "$(exports "$shim")" "$(exports "$lib")"
    case_is "$1: and needs nothing more" "" "$(comm -13 <(imports "$shim") <(imports "$lib"))"
    case_is "$1: no library by name" "" "$(readelf -d "$lib" | grep NEEDED)"
    case_is "$1: nothing to be made read-only at load" "" "$(readelf -lW "$lib" | grep GNU_RELRO)"
    SOCKATLAS_SHIM=$lib "$sockatlas" run -d "$1.shim" "$targets/entry_points" >said 2>&1 </dev/null
    case_is "$1: a program that calls all that it stands in for" 0 $?
}

smoke() { # NAME: what was built traces, and says of a trace what the usual build says
    check_shim "$1"
    "$1/sockatlas" run -d "$1.data" sh -c '"$1/tcp_both_ends" && "$1/fork_listener"' sh "$targets" >said 2>&1 </dev/null
    case_is "$1: run: status" 0 $?
    case_has "$1: run: what it says" "no blind spots" "$(cat said)"
    local view
    for view in "list --json" map "map --format json" "map --format html" events doctor tuned "export --format csv" "export --format chrome"; do
        # shellcheck disable=SC2086
        case_ok "$1: $view" cmp <("$sockatlas" $view "$1.data" 2>&1) <("$1/sockatlas" $view "$1.data" 2>&1)
    done
    case_has "$1: there is something to see" " 1$" " $("$1/sockatlas" list --json "$1.data" | grep -c '"role":"listener"' | sed 's/[1-9].*/1/')"
}

all_flags() { # CC: the product, each with other flags
    local cc=$1 level
    for level in -O0 -Og -O2 -O3 -Os; do
        build "$cc$level" all CC="$cc" CFLAGS="$level -g" && smoke "$cc$level"
    done
    build "$cc-lto" all CC="$cc" CFLAGS="-O2 $2" LDFLAGS="$2" && smoke "$cc-lto"
    if command -v dpkg-buildflags >/dev/null; then
        build "$cc-debian" all CC="$cc" CFLAGS="$(debian CFLAGS)" CPPFLAGS="$(debian CPPFLAGS)" LDFLAGS="$(debian LDFLAGS)" && smoke "$cc-debian"
    else
        case_skip "$cc-debian" "there is no dpkg-buildflags"
    fi
}
debian() { # VARIABLE
    (cd "$top" && DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --get "$1")
}

# Flags that would have every traced program need more than libc, or end it.
shim_flags() { # CC FLAG...
    local cc=$1 flag name
    shift
    for flag; do
        name=$cc$(tr -cd 'a-z0-9-' <<<"$flag")
        build "$name" "$work/$name/libsockatlas.so" CC="$cc" CFLAGS="-O2 $(tr ' ' '\n' <<<"$flag" | grep -v '^-Wl,' | tr '\n' ' ')" LDFLAGS="$flag" &&
            check_shim "$name"
    done
}
