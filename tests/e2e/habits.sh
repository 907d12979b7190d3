#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The habits of a command line: --help with examples everywhere, a man page that lints and leaves nothing out, completions that offer what
# there is, and an installation that works from any prefix and comes off again.
. "$(dirname "$0")/lib.sh"
completions=$top/analyzer/completions
page=$top/analyzer/sockatlas.1

mapfile -t commands < <("$sockatlas" --help | awk '/^  [a-z]+ / && $1 != "sockatlas" {print $1}')
options() { # COMMAND: its long options
    "$sockatlas" "$1" --help | grep -oE -- '^ +(-., +)?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort
}
lines() {
    sort -u | tr '\n' ' '
}
# Values that a command refuses are answered with exit status 2.
refused() { # COMMAND OPTION VALUE
    "$sockatlas" "$1" "$2" "$3" nosuch >/dev/null 2>&1 </dev/null
    [ $? -eq 2 ]
}

case_has "--help names the commands" "run attach detach collect map .*events" "${commands[*]}"
MANWIDTH=400 mandoc -T utf8 "$page" 2>/dev/null | sed 's/.\x08//g' >page
case_is "help of no command: status" 2 "$("$sockatlas" help nosuch >/dev/null 2>err; echo $?)"
case_has "help of no command: line" "^sockatlas: nosuch: no such command" "$(cat err)"
case_is "the man page lints" "" "$(mandoc -T lint -W warning "$page" 2>&1)"
for command in "${commands[@]}"; do
    help=$("$sockatlas" "$command" --help 2>&1)
    case_is "$command --help: status" 0 $?
    case_has "$command --help: an example" "^  sockatlas $command" "$help"
    case_is "help $command is the same" "$help" "$("$sockatlas" help "$command" 2>&1)"
    case_is "$command: an unknown option's status" 2 "$("$sockatlas" "$command" --nosuch >/dev/null 2>&1; echo $?)"
    missing=
    for option in $(options "$command"); do
        grep -q -- "$option" page || missing="$missing $option"
    done
    case_is "$command: the man page has all its options" "" "$missing"
    case_has "$command: the man page tells of it" "^ +sockatlas $command|^ +$command " "$(cat page)"
done
for word in SOCKATLAS_DIR SOCKATLAS_LIMIT SOCKATLAS_IO SOCKATLAS_OFF SOCKATLAS_SHIM NO_COLOR COLUMNS "EXIT STATUS" EXAMPLES FILES; do
    case_has "the man page has $word" "$word" "$(cat page)"
done

# ---- What all commands that print take alike ----

"$sockatlas" run -d alike "$targets/tcp_both_ends" 2>/dev/null
for command in "${commands[@]}"; do
    case_is "$command -h is --help" "$("$sockatlas" "$command" --help)" "$("$sockatlas" "$command" -h)"
done
for command in map summary list "show 1" tuned doctor "diff alike" events; do
    # shellcheck disable=SC2086
    case_is "$command: --json is --format json" "$("$sockatlas" $command --format json alike)" "$("$sockatlas" $command --json alike)"
    # shellcheck disable=SC2086
    "$sockatlas" $command -o written alike >printed
    # shellcheck disable=SC2086
    case_is "$command: -o has what is printed" "$("$sockatlas" $command alike)" "$(cat written)"
    case_is "$command: -o prints nothing" "" "$(cat printed)"
    rm -f written
done
case_is "export --json is the lossless one" "$("$sockatlas" export --format jsonl alike)" "$("$sockatlas" export --json alike)"
"$sockatlas" run -d red "$targets/connect_refused" 2>/dev/null
case_has "--color=always colours a pipe" $'\033' "$("$sockatlas" events --color=always red)"
case_is "--color=never does not" "" "$("$sockatlas" events --color=never red | grep $'\033')"
case_is "--color: another word" 2 "$("$sockatlas" map --color=red alike 2>/dev/null; echo $?)"
case_is "COLUMNS holds in a pipe too" "" "$(COLUMNS=70 "$sockatlas" list alike | LC_ALL=C.UTF-8 grep -E '.{71}')"
case_has "without it nothing is cut" '.{71}' "$("$sockatlas" list alike)"
case_is "two formats are refused" 2 "$("$sockatlas" map --json --format dot alike 2>/dev/null; echo $?)"
"$sockatlas" map --formt json 2>err >/dev/null
case_is "an option that is none" 2 $?
"$sockatlas" map --format htlm alike 2>err >/dev/null
case_has "a format that is nearly one" "did you mean html\?" "$(cat err)"
"$sockatlas" evnets alike 2>err >/dev/null
case_is "a command that is nearly one" "sockatlas: evnets: no such command; did you mean events?" "$(cat err)"
"$sockatlas" map --quiet nosuch alike >out 2>err
case_is "--quiet: status" 1 $?
case_is "--quiet: nothing is said" "" "$(cat err)"
case_is "--quiet: what can be read is" "$("$sockatlas" map alike)" "$(cat out)"
mkdir empty
(cd empty && "$sockatlas" map >/dev/null 2>../err)
case_is "no trace here" "./sockatlas.data: No such file or directory: no trace here; \`sockatlas run -- CMD\` makes one" "$(cat err)"

# ---- Completions ----

bash_offers() { # WORD...: what is offered for the last of them
    bash --norc -c '
        . "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _sockatlas
        printf "%s\n" "${COMPREPLY[@]}"' - "$completions/sockatlas.bash" "$sockatlas" "$@"
}
# zsh's own completion functions need its line editor: they are stood in for by what prints what they were given.
zsh_offers() {
    zsh -f -c '
        compadd() { shift; printf "%s\n" "$@"; }
        _describe() { printf "%s\n" "${(@P)2%%:*}"; }
        _files() { echo FILES; }
        _normal() { echo COMMAND; }
        compset() { :; }
        file=$1; shift
        words=("$@") CURRENT=$#
        set --
        . $file' - "$completions/_sockatlas" "$sockatlas" "$@"
}
fish_offers() {
    PATH=$top/build:$PATH HOME=$work fish --no-config -c "source '$completions/sockatlas.fish'; complete -C 'sockatlas $*'" | cut -f1
}
for shell in bash zsh fish; do
    case_is "$shell offers the commands" "$(printf '%s\n' "${commands[@]}" --help --version | lines)" "$({ ${shell}_offers "" && ${shell}_offers --; } | grep -E '^(--)?[a-z]' | lines)"
    for command in "${commands[@]}"; do
        case_is "$shell: $command: offers its options" "$(options "$command" | lines)" "$(${shell}_offers "$command" -- | grep -- '^--' | lines)"
    done
    for option in "map --format" "list --format" "tuned --format" "doctor --format" "events --format" \
        "export --format" "summary --format" "summary --sort" "list --color" "map --by" "list --by" "list --role" "list --transport" \
        "map --end"; do
        # shellcheck disable=SC2086
        offered=$(${shell}_offers $option "")
        bad=$([ -n "$offered" ] || echo nothing)
        for value in $offered; do
            # shellcheck disable=SC2086
            ! refused $option "$value" || bad="$bad $value"
        done
        case_is "$shell: $option: offers words, all of them taken" "" "$bad"
        # What the option's help names and the program takes must be offered.
        named=$("$sockatlas" "${option%% *}" --help | sed 's/^Formats:/  --format/' | awk -v name="${option##* }" '
            /^$/ {on = 0} /^ *(-., +)?--/ {on = index($0, name) > 0} on' | grep -oE '\<[a-z]+\>' | sort -u)
        bad=
        for value in $named; do
            # shellcheck disable=SC2086
            grep -qx -- "$value" <<<"$offered" || refused $option "$value" || bad="$bad $value"
        done
        [ "$option" = "list --transport" ] || case_is "$shell: $option: offers all that is taken" "" "$bad"
    done
done
case_has "formats that are refused are told from others" refused "$(refused map --format nosuch && echo refused)"

# ---- Installation ----

case_ok "make install" make -C "$top" -s install DESTDIR="$work/image" PREFIX=/opt/atlas
both=''
if [ "$preload" != "$shim" ]; then
    both='lib/sockatlas/$LIB/libsockatlas.so lib/sockatlas/i386/libsockatlas.so lib/sockatlas/lib/i386-linux-gnu/libsockatlas.so lib/sockatlas/lib/libsockatlas.so '
    both+='lib/sockatlas/lib/x86_64-linux-gnu/libsockatlas.so lib/sockatlas/lib32/libsockatlas.so lib/sockatlas/lib64/libsockatlas.so '
fi
patcher= musl=
[ ! -e "$top/build/musl/libsockatlas.so" ] || musl="lib/sockatlas/musl/libsockatlas.so "
[ ! -e "$top/build/sockatlas-patch" ] || patcher="lib/sockatlas/sockatlas-patch "
case_is "what it installs" "bin/sockatlas ${both}lib/sockatlas/libsockatlas.so ${musl}${patcher}share/bash-completion/completions/sockatlas share/fish/vendor_completions.d/sockatlas.fish share/man/man1/sockatlas.1 share/sockatlas/schema share/zsh/site-functions/_sockatlas " \
    "$(cd image/opt/atlas && find . -type f -o -type l | sed 's|^\./||; s|schema/.*|schema|' | lines)"
installed=$work/image/opt/atlas/bin/sockatlas
case_is "from the installed prefix, the shim there is used" "$(pwd -P)/image/opt/atlas/lib/sockatlas${preload#"$top/build"}" \
    "$("$installed" run -d installed sh -c 'echo $LD_PRELOAD' 2>/dev/null)"
"$installed" run -d installed "$targets/tcp_both_ends" 2>/dev/null
case_is "and traces" 3 "$("$installed" list --json installed | wc -l)"
mv image moved
case_is "a prefix that moved works too" 3 \
    "$(moved/opt/atlas/bin/sockatlas run -d moved.data "$targets/tcp_both_ends" 2>/dev/null; "$sockatlas" list --json moved.data | wc -l)"
mv moved image
case_ok "make uninstall" make -C "$top" -s uninstall DESTDIR="$work/image" PREFIX=/opt/atlas
case_is "leaves neither file nor folder" "image gone" "$([ -e image ] && find image; echo "image gone")"
mkdir -p "x y/image/opt/my atlas/share"
case_ok "make install, both names with spaces" make -C "$top" -s install DESTDIR="$work/x y/image" PREFIX="/opt/my atlas"
case_is "what it installs there works" 3 \
    "$("x y/image/opt/my atlas/bin/sockatlas" list --json moved.data | wc -l)"
case_ok "again" make -C "$top" -s install DESTDIR="$work/x y/image" PREFIX="/opt/my atlas"
case_ok "make uninstall" make -C "$top" -s uninstall DESTDIR="$work/x y/image" PREFIX="/opt/my atlas"
case_is "leaves the folders that were there and no others" "x y x y/image x y/image/opt x y/image/opt/my atlas x y/image/opt/my atlas/share " \
    "$(find "x y" | sort | lines)"
make -C "$top" -s install DESTDIR="$work/other" PREFIX=/usr >/dev/null && : >other/usr/share/sockatlas/note
make -C "$top" -s uninstall DESTDIR="$work/other" PREFIX=/usr >/dev/null
case_is "what is not ours stays" "other other/usr other/usr/share other/usr/share/sockatlas other/usr/share/sockatlas/note " "$(find other | sort | lines)"
case_is "a build says a line a file" "" "$(make --no-print-directory -C "$top" BUILD="$work/quiet" "$work/quiet/shim/clock.o" | grep -v '^  CC shim/clock.c$')"
case_has "V=1 shows the command" "clock.o shim/clock.c" "$(make -C "$top" V=1 BUILD="$work/loud" "$work/loud/shim/clock.o")"

finish
