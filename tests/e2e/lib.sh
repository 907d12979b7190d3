# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every end-to-end script starts with: `. "$(dirname "$0")/lib.sh"`. A temporary folder ($work, the current one), the built
# programs, free ports, background programs that are stopped by pid at the end, and cases reported as TAP.
#
#   case_is "what holds" EXPECTED SEEN      case_has "what holds" PATTERN TEXT     case_ok "what holds" COMMAND...
#   case_skip "what would hold" "why not"   cases_of SAID     finish
#
# What must hold of every trace (tests/ground/agree.c) is looked at in all that a script leaves in $work or removes: `finish` has a case of
# it. Not in one that was made to be wrong, which `forged FOLDER...` says; `all_forged` says it of all that follow. With SOCKATLAS_KEEP=FOLDER
# a trace of which it does not hold is kept there.

set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sockatlas=$top/build/sockatlas
shim=$top/build/libsockatlas.so
preload=$shim # what `run` has in LD_PRELOAD; where there are shims for both word sizes the loader chooses
[ ! -e "$top/build/i386/linked" ] || preload=$top/build/\$LIB/libsockatlas.so
targets=$top/build/targets
# SOCKATLAS_MACHINE=i386: 32-bit programs are traced in place of this machine's own, and the loader finds the shim for them.
if [ -n "${SOCKATLAS_MACHINE:-}" ]; then
    targets=$top/build/$SOCKATLAS_MACHINE/targets
    shim=$preload
fi
tools=$top/build/tools
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C NO_COLOR=1
unset SOCKATLAS_DIR SOCKATLAS_LIMIT SOCKATLAS_IO SOCKATLAS_OFF LD_PRELOAD
# With SOCKATLAS_TEST_LIMIT=64K all logs are as small as can be, so that each that is busy is written full many times.
[ -z "${SOCKATLAS_TEST_LIMIT:-}" ] || export SOCKATLAS_LIMIT=$SOCKATLAS_TEST_LIMIT

work=$(mktemp -d "${TMPDIR:-/tmp}/sockatlas-test.XXXXXX") || exit 1
readonly work
cd "$work" || exit 1
cases=0 failures=0 started=() at_end=() all_forged=

# forget FOLDER: removes what the logs in it have in memory, where its file system does not keep space.
forget() {
    local log name
    find "$1" -type f \( -name '*.atlas' -o -name '.*.*.*' \) 2>/dev/null | while read -r log; do
        name=${log##*/}
        name=${name#.}
        rm -f "/dev/shm/sockatlas-${name%.atlas}.atlas"
    done
}

# forged FOLDER...: these are not looked at. A mark beside it, so that the folder stays what it is.
forged() {
    local each
    for each; do
        : >"$each.forged"
    done
}

# copy_part FOLDER: so many of its logs, each with its segments, as are read quickly: what must hold of a trace holds of any of its logs.
copy_part() {
    local log left=16384 logs=300 all=0 some=0 size
    while read -r size log; do
        all=$((all + 1))
        [ $some -lt $logs ] && [ "$size" -le $left ] || continue
        some=$((some + 1)) left=$((left - size))
        cp --sparse=always "$1/${log%.atlas}".* "$work/.looked/" 2>/dev/null
    done < <(cd "$1" && find . -maxdepth 1 -name '*.atlas' -printf '%k %f\n' | sort -k2)
    echo "${1#"$work/"}: $some of its $all logs" >>"$work/.parts"
    [ $some -gt 0 ]
}

# look_at PATH...: the traces at or below these; of more than 1000 logs, or 16 MiB, a part, which is said. A copy is looked at, which does not
# change meanwhile.
look_at() {
    local folder said status
    [ -z "$all_forged" ] || return 0
    while read -r folder; do
        [ ! -e "$folder.forged" ] || continue
        command rm -rf "$work/.looked"
        if [ "$(find "$folder/" -maxdepth 1 -name '*.atlas' | wc -l)" -gt 1000 ] || [ "$(du -sk "$folder/" | cut -f1)" -gt 16384 ]; then
            mkdir "$work/.looked" && copy_part "$folder" || continue
        else
            cp -r --sparse=always "$folder" "$work/.looked" 2>/dev/null
        fi
        said=$(timeout 60 "$top/build/ground/agree" "$sockatlas" "$work/.looked" 2>&1)
        status=$?
        if [ $status -ne 0 ]; then
            said+=" (status $status)"
            [ -z "${SOCKATLAS_KEEP:-}" ] || cp -r --sparse=always "$work/.looked" "$(mktemp -d "$SOCKATLAS_KEEP/trace.XXXXXX")/trace"
        fi
        echo "${said:+${folder#"$work/"}: $(head -10 <<<"${said//"$work/.looked: "/}")}" >>"$work/.agreement"
    done < <(find -H "$@" -name '*.atlas' -type f -printf '%h\n' 2>/dev/null | sort -u)
    command rm -rf "$work/.looked"
}

# What is removed is looked at before.
rm() {
    local each paths=()
    for each; do
        [ ! -d "$each" ] || paths+=("$each")
    done
    [ ${#paths[@]} -eq 0 ] || look_at "${paths[@]}"
    command rm "$@"
}

end_started() {
    local pid
    for pid in ${started[@]+"${started[@]}"}; do
        kill -TERM "$pid" 2>/dev/null
    done
    for pid in ${started[@]+"${started[@]}"}; do
        "$tools/gone" "$pid" 5 || kill -KILL "$pid" 2>/dev/null
    done
    started=()
}

clean_up() {
    local step
    [ "$BASHPID" -eq $$ ] || return # a child that got a signal before it had forgotten the traps
    end_started
    for step in ${at_end[@]+"${at_end[@]}"}; do
        eval "$step"
    done
    forget "$work"
    cd / && command rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# start COMMAND...: runs it in the background; $! is its pid; stopped at the end of the script.
start() {
    "$@" </dev/null &
    started+=($!)
}

# adopt PID...: a daemon's pid, to be stopped at the end like what `start` started.
adopt() {
    started+=("$@")
}

# free_port [COUNT]: so many ports, no two alike; those of two calls may be.
free_port() {
    "$tools/port" free "${1:-1}"
}

# wait_port PORT|PATH: until something accepts there; fails after 20 seconds.
wait_port() {
    "$tools/port" wait "$1" 20 || { echo "# nothing listens on $1" && return 1; }
}

# wait_gone PID: until that process is no more; fails after 20 seconds.
wait_gone() {
    "$tools/gone" "$1" 20
}

# wait_true COMMAND...: for what no event tells of, asked again for at most 20 seconds.
wait_true() {
    local tries=400
    while ! "$@" 2>/dev/null; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        env -u LD_PRELOAD sleep 0.05
    done
}

pass() {
    cases=$((cases + 1))
    echo "ok $cases - $1"
}

fail() { # CASE [LINE...]
    cases=$((cases + 1)) failures=$((failures + 1))
    echo "not ok $cases - $1"
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/#   /'
}

case_is() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected: $2" "seen:     $3"; fi
}

# The pattern is an extended regular expression that some line must match.
case_has() {
    if grep -qE -- "$2" <<<"$3"; then pass "$1"; else fail "$1" "expected a line like: $2" "seen:" "$3"; fi
}

case_ok() {
    local what=$1 said status
    shift
    said=$("$@" 2>&1)
    status=$?
    if [ $status -eq 0 ]; then pass "$what"; else fail "$what" "exit status $status of: $*" "$said"; fi
}

case_skip() {
    cases=$((cases + 1))
    echo "ok $cases - $1 # SKIP $2"
}

# cases_of SAID: another program's lines `ok WHAT` and `not ok WHAT` as cases, others as comments.
cases_of() {
    local line
    while IFS= read -r line; do
        case $line in
        'ok '*) pass "${line#ok }" ;;
        'not ok '*) fail "${line#not ok }" ;;
        *) echo "# $line" ;;
        esac
    done <<<"$1"
}

# trace DIR COMMAND...: what the command and sockatlas print is not looked at.
trace() {
    local dir=$1
    shift
    "$sockatlas" run -d "$dir" "$@" >/dev/null 2>&1 </dev/null
}

finish() {
    end_started
    look_at "$work"
    local differ
    [ ! -e "$work/.parts" ] || sed 's/^/# looked at a part: /' "$work/.parts"
    if [ -e "$work/.agreement" ]; then
        differ=$(sed '/^$/d' "$work/.agreement")
        case_is "what commands say of each trace agrees" "" "$differ"
    fi
    echo "1..$cases"
    exit $((failures > 0))
}
