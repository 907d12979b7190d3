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
for option in $(sed -n '/^## Usage/,/^`TRACE`/p' "$top/README.md" | sed -nE 's/^    sockatlas ([a-z]+) .*/\1/p'); do
    help=$("$sockatlas" "$option" --help)
    for flag in $(grep -E "^    sockatlas $option " "$top/README.md" | grep -oE -- '(^|[^a-z-])--?[a-z]+' | grep -oE -- '-.*'); do
        [ "$flag" = -- ] || grep -qE -- "(^|[ ,])$flag\b" <<<"$help" || unknown="${unknown:-}$option $flag "
    done
done
case_is "the options it names are taken" "" "${unknown:-}"
finish
