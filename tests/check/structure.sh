#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The rules of the source tree, as TAP: what the shim exports and imports, who may include whom, what stands at the top.
# Each check prints nothing when it holds, and the offending lines when it does not.
set -u
shopt -s lastpipe # `| holds` runs here, so that it can count
cd "$(dirname "$0")/../.." || exit 1
shim=build/libsockatlas.so
cases=0

holds() { # CASE: ok when stdin is empty
    local found
    cases=$((cases + 1))
    found=$(cat)
    if [ -z "$found" ]; then
        echo "ok $cases - $1"
    else
        echo "not ok $cases - $1"
        sed 's/^/#   /' <<<"$found"
        failed=1
    fi
}
failed=0

files() { # the source tree, without what is built
    find shim analyzer tests samples -type f "$@" 2>/dev/null | sort
}

quoted_includes() { # FILE...: FILE INCLUDED
    grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' "$@" /dev/null |
        sed -E 's/^([^:]+):.*"([^"]+)"$/\1 \2/'
}

defined() {
    nm -D --defined-only "$shim" 2>/dev/null | awk '{print $NF}' | sed 's/@.*//' | sort -u
}
undefined() {
    nm -D --undefined-only "$shim" 2>/dev/null | awk '{print $NF}' | sed 's/@.*//' | sort -u
}
calls() { # FOLDER: FILE CALLED, where what was built of one needs a symbol of the other
    files -path "$1/*" -name '*.c' ! -path 'shim/piece/*' ! -path analyzer/patch/main.c ! -path analyzer/patch/inject.c | while read -r file; do
        nm -g "build/${file%.c}.o" 2>&1 | sed "s|^|$file |"
    done | awk '
        $(NF - 1) !~ /^[A-Za-z]$/ { print > "/dev/stderr"; next } # no symbol: what nm complains of
        $(NF - 1) == "U" { needs[$1 " " $NF]; next }
        { owner[$NF] = $1 }
        END {
            for (need in needs) {
                split(need, at, " ")
                if (at[2] in owner && owner[at[2]] != at[1])
                    print at[1], owner[at[2]]
            }
        }'
}
# A wrapper is marked HOOK where it is defined, its second name HOOK_ALIAS; one in assembly is .globl, or made by a macro
# JUMP_WRAPPER(name). hook_32.c is empty here: tests/check/machines.sh.
hooked() {
    find shim -name 'hook_*.c' ! -name hook_32.c -exec grep -hE '^HOOK |^ +"\.globl [a-z_]|^(JUMP_WRAPPER|HOOK_ALIAS)\(' {} + |
        sed -E 's/.*\.globl ([A-Za-z0-9_]+).*/\1/; t; s/^(JUMP_WRAPPER|HOOK_ALIAS)\(([A-Za-z0-9_]+).*/\2/; t; s/^HOOK [^(]*[ *]([A-Za-z0-9_]+)\(.*/\1/' |
        sort -u
}

# Statements of the sources in `files`, one a line: FILE:LINE STATEMENT. Enough of C for calls and their arguments.
statements() {
    awk '
        FNR == 1 { text = "" }
        { line = $0; sub(/^[[:space:]]+/, "", line); sub(/\/\/.*/, "", line) }
        line ~ /^(\*|\/\*|#)/ { next }
        text == "" { at = FILENAME ":" FNR }
        { text = text " " line }
        line ~ /[;{}]$/ { print at text; text = "" }' "$@"
}

comm -23 <(printf 'accept\nbind\nconnect\nsocket\n') <(defined) | holds "the shim stands in for the socket calls"
comm -3 <(defined) <(hooked) | sed 's/^\t/marked HOOK but not exported: /; t; s/^/exported but not marked HOOK: /' |
    holds "the shim exports its hooks and nothing else"
comm -12 <(defined) <(undefined) | holds "the shim imports nothing it exports"
undefined | grep -E '^_*(malloc|calloc|realloc|free|memalign|posix_memalign|aligned_alloc|strn?dup)$|^_*v?(s|sn|f|d|as)?printf(_chk)?$|^(f?puts|putc|putchar|fopen|fdopen|fwrite|fread|fgets|fflush|fclose|perror|std(in|out|err))$|^pthread_|^sem_|^mtx_' |
    holds "the shim calls no malloc, stdio or lock"
nm -D --undefined-only "$shim" 2>/dev/null | grep -v ' w ' | holds "what the shim imports is weak (shim/weak.h)"
undefined_in_musl() {
    (shim=build/musl/libsockatlas.so && [ -e "$shim" ] && undefined)
}
comm -23 <(undefined_in_musl) <(undefined) | grep -vx __tls_get_addr | holds "the shim for running processes of musl's imports one function more"
readelf -d "$shim" | grep NEEDED | holds "the shim needs no library by name"
# shellcheck disable=SC2046
quoted_includes $(files -path 'analyzer/*' -name '*.[ch]') |
    awk '$2 ~ /(^|\/)shim\// && $2 != "shim/trace_format.h" && $2 !~ /^shim\/(site|folder|storage|memory_log|sandbox|target|launch|log_name|tcp_info|piece\/piece)\.h$/' |
    holds "the analyzer includes nothing of the shim but trace_format.h and what both are linked with"
quoted_includes $(files -path 'shim/*' -name '*.[ch]') | awk '$2 ~ /analyzer\//' | holds "the shim includes nothing of the analyzer"
# Two changes that each take the next free bit merge without a conflict.
# shellcheck disable=SC2046
awk '
    FNR == 1 { inside = 0 }
    /^enum [a-z_]+_flags? \{/ { inside = 1; split("", taken) }
    inside && match($0, /= *[0-9]+[,}]?/) {
        bit = substr($0, RSTART + 1) + 0
        if (bit in taken)
            print FILENAME ":" FNR ": " $1 " is the bit of " taken[bit]
        taken[bit] = $1
    }
    /}/ { inside = 0 }' $(files -name '*.[ch]') | holds "each flag of an enum has a bit of its own"
grep -nE '^[[:space:]]*#[[:space:]]*include' shim/trace_format.h | grep -v '<stdint.h>' | holds "trace_format.h includes stdint.h alone"
quoted_includes $(files -path 'analyzer/*' -name '*.[ch]') |
    awk '
        $1 ~ /^analyzer\/trace\// && $2 ~ /^analyzer\/(pair|model|view|cmd)\// ||
        $1 ~ /^analyzer\/names\// && $2 ~ /^analyzer\/(pair|model|view|cmd)\// ||
        $1 ~ /^analyzer\/pair\// && $2 ~ /^analyzer\/(model|view|cmd)\// && $2 != "analyzer/model/table.h" ||
        $1 ~ /^analyzer\/model\// && $2 ~ /^analyzer\/(view|cmd)\// ||
        $1 ~ /^analyzer\/view\// && $2 ~ /^analyzer\/cmd\//' | holds "no arrow runs back between the analyzer's modules"
for half in analyzer shim; do
    (calls $half | tsort 2>&1 >/dev/null) 2>&1 | sed 's/^tsort: //' | holds "no circle of calls among the files of $half"
done
quoted_includes $(files -path 'analyzer/*' -name '*.[ch]') $(files -path 'shim/*' -name '*.[ch]') | awk '$2 !~ /^(analyzer|shim|build)\//' |
    holds "includes are written from the top of the tree"
if git rev-parse --git-dir >/dev/null 2>&1; then git ls-files | cut -d/ -f1 | sort -u; else ls -A; fi |
    grep -vxE '\..*|Makefile|README\.md|LICENSE|CHANGELOG\.md|shim|analyzer|tests|samples|build|sockatlas\.data(\.old)?' |
    holds "the top level holds nothing but what the design names"
files \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.sh' -o -name '*.py' -o -path 'tests/deps' -o -path 'tests/run' -o -path 'tests/check/tidy' \) |
    while read -r file; do head -3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"; done |
    holds "every source file names its licence"
# shellcheck disable=SC2046
grep -nE '\b(strcpy|stpcpy|strcat|strncat|strncpy|sprintf|vsprintf|gets|wcscpy) *\(' $(files -name '*.[ch]') |
    holds "no strcpy, strcat, sprintf or the like: they know no bound"
# What came from outside goes through escape.h: names as they were recorded are no argument of what prints.
# shellcheck disable=SC2046
statements $(files \( -path 'analyzer/view/*.c' -o -path 'analyzer/cmd/*.c' -o -path 'analyzer/main.c' \)) |
    grep -E '[^a-z_](v?f?printf|v?s?nprintf|v?asprintf|dprintf|fputs|puts|fwrite|perror|(mv)?w?printw|(mv)?w?addn?str|buffer_add|put|put_text|fact_print) *\(' |
    grep -E '(->|\.)(comm|exe|cmdline|peer_name|detail|congestion|boot_id|nodename)([^a-zA-Z0-9_(]|$)|header(->|\.)host|(edge|attempt)(\([^)]*\))?->name' |
    grep -vE '(complain|complain_line|escape[a-z_]*|text_escape)\(|sizeof' | holds "no name from outside is printed but through escape.h"
# shellcheck disable=SC2046
statements $(files -path 'analyzer/*.c' ! -path 'analyzer/trace/complaint.c') | grep -E 'printf\(stderr, .*%[-.*0-9]*s' |
    holds "messages with a string in them go through complaint.h"
# shellcheck disable=SC2046
grep -nE 'cJSON_(CreateString|AddStringToObject|CreateRaw|AddRawToObject)\(' $(files -path 'analyzer/*.c' ! -path 'analyzer/trace/value.c') |
    holds "strings of JSON are made by value.h and members.h"
# What is put into programs without a libc of their own to interpose on.
if [ -e build/piece.elf ]; then
    nm -u build/piece.elf | holds "the piece needs nothing from elsewhere"
    objdump -d --no-show-raw-insn build/piece.elf | grep -E '%([xyz]?mm|st|k)[0-7]|%fs|%gs' | holds "the piece uses general registers only, and no thread pointer"
fi
analyzer=build/sockatlas
hardened() { # prints what the analyzer lacks
    readelf -hW "$analyzer" | grep -q 'Type: *DYN' || echo "no PIE: it is loaded at one address"
    readelf -lW "$analyzer" | grep -q GNU_RELRO || echo "no RELRO"
    readelf -dW "$analyzer" | grep -qE 'BIND_NOW|FLAGS.* NOW' || echo "RELRO is not full: it binds lazily"
    readelf -lW "$analyzer" | grep GNU_STACK | grep -q RWE && echo "its stack can be executed"
    readelf --dyn-syms -W "$analyzer" | grep -q '__stack_chk_fail' || echo "no stack protector"
    readelf --dyn-syms -W "$analyzer" | grep -qE '__(v?snprintf|memcpy|v?fprintf|v?asprintf)_chk' || echo "no _FORTIFY_SOURCE"
}
hardened | holds "the analyzer is built with PIE, full RELRO, stack protector and _FORTIFY_SOURCE"
readelf --dyn-syms -W "$shim" | grep -E '__stack_chk|_chk@|__(a|ub|t|m)san|__gcov' | holds "the shim needs none of their functions"
files '(' -name '*.[ch]' -o -name '*.sh' ')' | grep -v 'check/structure.sh' | xargs grep -nwiE 'rooms?|untold|unheld|limbo|at home' |
    holds "names and comments use the words of the field (capacity and space, not room)"
echo "1..$cases"
exit $failed
