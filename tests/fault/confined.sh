#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every entry point that the shim stands in for (tests/targets/arguments/calls.def), called in a seccomp sandbox of its own that kills for
# every system call which that very call does not make without the shim: the calls are those that strace saw. With the shim each does what
# it does without.
. "$(dirname "$0")/lib.sh"

if ! strace -f -n -e raw=all -o probe.record true 2>err; then
    case_skip "every entry point in a sandbox" "strace cannot trace here: $(head -1 err)"
    finish
fi

# split RECORD SEEN FOLDER: what each call's process did, and those that it made: a file N for each, as SEEN numbers them, from the mark that it makes before. What
# the first process does, and a call's process before its mark, is none of it.
split() {
    mkdir "$3" && awk -v folder="$3" '
        NR == FNR { if (sub(/.* #/, "")) number[++made] = $0; next }
        FNR == 1 { first = $1 }
        $1 == first { if (/\] (clone|clone3|fork|vfork)\(/) inside = 0; next }
        /\] prctl\(0x26,/ { if (!inside) { if (n) close(file); file = folder "/" number[++n] }; inside = 1 }
        inside { print >file }' "$2" "$1"
}

program=$targets/arguments port=$(free_port)
mkdir none filters
for run in 1 2; do
    CALL_FILTERS=$PWD/none strace -f -n -e raw=all -o record.$run "$program" "$port" good >seen.$run 2>err </dev/null
    split record.$run seen.$run parts.$run
done
calls=$(cd parts.1 && find . -type f | wc -l)
case_ok "calls were recorded: each that was made ($calls)" [ "$calls" -ge 200 -a "$calls" -eq "$(grep -c ' #' seen.1)" ]
for part in parts.1/*; do
    "$top/build/fault/filter" --inside "$part" "parts.2/${part##*/}" >"filters/${part##*/}.bpf"
done

CALL_FILTERS=$PWD/filters "$program" "$port" good >plain 2>err </dev/null
case_is "the calls in their sandboxes without the shim: status" "0 " "$? $(cat err)"
environment=(CALL_FILTERS="$PWD/filters")
faulty "$program" "$port" good
case_is "the calls in their sandboxes with the shim: status" 0 $?

# Of those that live there without the shim. What this libc lacks is nowhere but in the shim.
cases_of "$(awk '
    { title = $0; sub(/[(:].*/, "", title) }
    / not in this libc$/ && NR == FNR { absent[title]; next }
    title in absent { next }
    NR == FNR { plain[title, ++count[title]] = $0; next }
    {
        without = plain[title, ++seen[title]]
        name = title (count[title] > 1 ? " (" seen[title] ")" : "")
        if (without ~ /signal 31 #/)
            print "ok", name, "# SKIP it does not live in its sandbox without the shim either"
        else if (without == $0)
            print "ok", name ": the same in its sandbox"
        else
            print "not ok", name ": the same in its sandbox\n  without: " without "\n  with:    " $0
    }' plain out)"

# The filters kill: in the sandbox of getcwd().
for filter in filters/*; do
    cmp -s "$filter" "filters/$(sed -n 's/^syscall(.* #//p' seen.1).bpf" || cp "filters/$(sed -n 's/^syscall(.* #//p' seen.1).bpf" "$filter"
done
CALL_FILTERS=$PWD/filters "$program" "$port" good >others 2>err </dev/null
case_ok "in the sandbox of another call most are killed" [ "$(grep -c 'signal 31 #' others)" -ge $((calls / 2)) ]
finish
