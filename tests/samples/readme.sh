#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The README's session is what its commands print now, but for what differs from run to run. To renew it:
#
#   samples/retell README.md >new && mv new README.md
. "$(dirname "$0")/lib.sh"

# Which of nginx's workers takes a connection is the kernel's choice: one line or two.
session() { # FILE: the blocks that show a session
    sed -n '/^```console$/,/^```$/p' "$1" | grep -vE '^ +-> +nginx \('
}

export SAMPLE_TRACE=$work/trace
case_ok "every command of the README" sh -c "'$top/samples/retell' '$top/README.md' >retold"
sed -i "s|in $work/trace|in /home/you/sockatlas/sockatlas.data|; s| -d $work/trace||; s| $work/trace||g" retold
session "$top/README.md" >told && session retold >now
shape told >told.shape
shape now >now.shape
case_is "the README shows what is seen" "" "$(diff told.shape now.shape)"
case_is "as many lines of it" "$(wc -l <told)" "$(wc -l <now)"
case_has "all of a session" '^\$ sockatlas map' "$(cat told)"
case_is "what is told falsely is noticed" 1 "$(sed 's/ECONNREFUSED/ETIMEDOUT/' told >false; shape false | cmp -s - now.shape; echo $?)"
# The commands that it lists are those that there are, with their options.
sed -n '/^## Usage/,/^`TRACE`/p' "$top/README.md" >usage
for option in $(sed -nE 's/^    sockatlas ([a-z]+) .*/\1/p' usage); do
    help=$("$sockatlas" "$option" --help)
    for flag in $(grep -E "^    sockatlas $option " usage | grep -oE -- '(^|[^a-z-])--?[a-z]+' | grep -oE -- '-.*'); do
        [ "$flag" = -- ] || grep -qE -- "(^|[ ,])$flag\b" <<<"$help" || unknown="${unknown:-}$option $flag "
    done
done
case_is "it lists every command" "$("$sockatlas" --help | awk '/^  [a-z]+ / && $1 != "sockatlas" {print $1}' | sort)" \
    "$(sed -nE 's/^    sockatlas ([a-z]+) .*/\1/p' usage | sort)"
case_is "it has 120 lines at most" 120 "$(($(wc -l <"$top/README.md") > 120 ? $(wc -l <"$top/README.md") : 120))"
rules=$(grep -c '^RULE(' "$top/analyzer/doctor/rules.def")
case_is "the samples' READMEs show as many rules as there are" "$rules rules checked" "$(grep -hoE '[0-9]+ rules checked' "$top"/samples/*/README.md | sort -u)"
# What one README says of another, or of a file, is there.
missing=
for readme in README.md shim/README.md analyzer/README.md tests/README.md tests/bench/README.md samples/README.md; do
    for link in $(grep -oE '\]\([^)]*\)' "$top/$readme" | tr -d '()]' | grep -v '^http'); do
        [ -e "$top/$(dirname "$readme")/$link" ] || missing="$missing $readme:$link"
    done
done
case_is "what READMEs link to is there" "" "$missing"
case_is "the options it names are taken" "" "${unknown:-}"
finish
