#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Exports as other systems hand them on: compressed, with a byte order mark, with carriage returns, several in one file; and logs that were
# put one behind the other.
. "$(dirname "$0")/lib.sh"

trace t sh -c "'$targets/tcp_both_ends'; '$targets/unix_stream'; '$targets/connect_refused'"
"$sockatlas" export --format jsonl t >e.jsonl
"$sockatlas" list --json e.jsonl >expected
gzip -k e.jsonl
zstd -q e.jsonl
{ head -20 e.jsonl | gzip -c && tail -n +21 e.jsonl | gzip -c; } >members.gz
{ head -20 e.jsonl | zstd -qc && tail -n +21 e.jsonl | zstd -qc; } >frames.zst
{ printf '\xef\xbb\xbf' && cat e.jsonl; } >mark.jsonl
sed 's/$/\r/' e.jsonl >returns.jsonl
{ printf '\xef\xbb\xbf' && cat returns.jsonl; } | gzip -c >all.gz
for file in e.jsonl.gz e.jsonl.zst members.gz frames.zst mark.jsonl returns.jsonl all.gz; do
    case_is "$file is read" "0 $(sum <expected)" "$("$sockatlas" list --json "$file" >out 2>err; echo "$? $(sum <out)$(cat err)")"
    case_is "$file from a pipe" "0 $(sum <expected)" "$("$sockatlas" list --json - <"$file" >out 2>err; echo "$? $(sum <out)$(cat err)")"
done
case_is "show, which reads twice, from a pipe" "$("$sockatlas" show 1 e.jsonl)" "$("$sockatlas" show 1 - <e.jsonl.zst)"

bad() { # FILE LINE: what is said of it, with status 1
    "$sockatlas" list "$1" >out 2>err
    case_is "$1: status" 1 $?
    case_has "$1: line" "$2" "$(cat err)"
    case_is "$1: one line" 1 "$(wc -l <err)"
}
for kind in gz zst; do
    head -c "$(($(stat -c %s "e.jsonl.$kind") / 2))" "e.jsonl.$kind" >"cut.$kind"
    bad "cut.$kind" "^cut.$kind: compressed data are damaged or cut short, at line [0-9]+$"
    { head -c 12 "e.jsonl.$kind" && head -c 400 /dev/urandom; } >"noise.$kind"
    bad "noise.$kind" "^noise.$kind: compressed data are damaged or cut short, at line 0$"
done
gzip -c </dev/null >empty.gz
bad empty.gz '^empty.gz: empty, not a trace$'
head -c 20000 /dev/zero | gzip -c >zeros.gz
bad zeros.gz '^zeros.gz: '
printf '(' >short
bad short '^short: '

# shellcheck disable=SC2012
first=$(ls t/*.atlas | head -1)
second=$(ls t/*.atlas | sed -n 2p)
cat "$first" "$second" >two.atlas
bad two.atlas '^two.atlas: another log begins at [0-9]+, which is left out; give each in a file of its own$'
"$sockatlas" list --json "$first" >one.list
case_is "the first of them is read" "$(jq -c '[.fd, .role]' one.list)" "$("$sockatlas" list --json two.atlas 2>/dev/null | jq -c '[.fd, .role]')"

finish
