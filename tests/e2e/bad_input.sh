#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the analyzer says of input it cannot read: one line that names the file, exit status 1, no crash; everything readable beside
# the damage is kept.
. "$(dirname "$0")/lib.sh"

"$sockatlas" run -d good "$targets/fork_listener" 2>/dev/null || exit 1
log=$(echo good/fork_listener*.atlas)
mkdir empty && echo "just text" >text && : >nothing && head -c 5000 /dev/zero >zeros

readers="map list events export"
options_of() {
    [ "$1" != export ] || echo "--format jsonl"
}
for command in $readers; do
    for input in nosuch empty /dev/null text nothing zeros; do
        # shellcheck disable=SC2046
        timeout 20 "$sockatlas" $command $(options_of $command) $input >out 2>err
        case_is "$command $input: status" 1 $?
        case_is "$command $input: lines on stderr" 1 "$(wc -l <err)"
        case_has "$command $input: the line names it" "^$input: .+" "$(cat err)"
    done
    # shellcheck disable=SC2046
    case_is "$command nosuch beside a good one: status" 1 "$(timeout 20 "$sockatlas" $command $(options_of $command) nosuch "$log" >out 2>/dev/null; echo $?)"
    case_has "$command nosuch beside a good one: that is read" "." "$(cat out)"
    case_is "$command with an unknown option: status" 2 "$(timeout 20 "$sockatlas" $command --nosuch >out 2>&1; echo $?)"
done
case_is "no trace at all: status" 1 "$(cd empty && "$sockatlas" map >../out 2>../err; echo $?)"
case_has "no trace at all: line" "^(\./)?sockatlas.data: No such file" "$(cat err)"

# ---- What can be read only once: an export is read, all else is refused in one line
"$sockatlas" export --format jsonl -o good.jsonl "$log"
id=$("$sockatlas" list --json "$log" | head -1 | grep -oE '"socket": ?[0-9]+' | grep -oE '[0-9]+')
for command in map list "show $id" tuned doctor events "export --format csv"; do
    # shellcheck disable=SC2086
    "$sockatlas" $command good.jsonl >expected 2>/dev/null
    expected=$?
    # shellcheck disable=SC2086
    for how in pipe file fifo twice; do
        case $how in
        pipe) cat good.jsonl | timeout 20 "$sockatlas" $command - >out 2>err ;;
        file) timeout 20 "$sockatlas" $command - <good.jsonl >out 2>err ;;
        fifo) timeout 20 "$sockatlas" $command <(cat good.jsonl) >out 2>err ;;
        twice) cat good.jsonl | timeout 20 "$sockatlas" $command - - >out 2>err ;;
        esac
        case_is "$command, $how: status, and nothing said" "$expected " "$? $(cat err)"
        case_ok "$command, $how: the same as by name" cmp expected out
    done
    # shellcheck disable=SC2086
    for what in "log:by its name only" "text:not a trace" "nothing:empty, not a trace"; do
        input=${what%%:*}
        [ "$input" != log ] || input=$log
        [[ $command != show* || $what != log:* ]] || continue # its copy is read as any log
        timeout 20 "$sockatlas" $command - <"$input" >out 2>err
        case_is "$command - <${what%%:*}: status" 1 $?
        case_has "$command - <${what%%:*}: one line" "^1 stdin: .*${what#*:}$" "$(wc -l <err) $(cat err)"
        timeout 20 "$sockatlas" $command <(cat "$input") >out 2>err
        case_is "$command <(cat ${what%%:*}): status" 1 $?
        case_has "$command <(cat ${what%%:*}): one line" "^1 /dev/fd/[0-9]+: .*${what#*:}$" "$(wc -l <err) $(cat err)"
    done
    # shellcheck disable=SC2086
    timeout 20 "$sockatlas" $command - <&- >out 2>err
    case_is "$command - without standard input: status" 1 $?
    case_is "$command - without standard input: line" "stdin: empty, not a trace" "$(cat err)"
done
case_is "diff - FILE" 0 "$(cat good.jsonl | "$sockatlas" diff - good.jsonl >/dev/null 2>&1; echo $?)"
case_is "diff FILE -" 0 "$(cat good.jsonl | "$sockatlas" diff good.jsonl - >/dev/null 2>&1; echo $?)"
case_is "diff of two pipes" 0 "$("$sockatlas" diff <(cat good.jsonl) <(cat good.jsonl) >/dev/null 2>&1; echo $?)"
case_is "diff - -: status" 2 "$(cat good.jsonl | timeout 20 "$sockatlas" diff - - >/dev/null 2>err; echo $?)"
case_has "diff - -: line" "^sockatlas diff: -: can be read only once" "$(head -1 err)"
mkfifo once
case_is "diff of one pipe with itself: status" 2 "$(timeout 20 "$sockatlas" diff once ./once >/dev/null 2>err; echo $?)"
case_has "diff of one pipe with itself: line" "^sockatlas diff: ./once: can be read only once" "$(head -1 err)"

# Cut at every slot boundary and at odd places: what is whole before the cut is read, byte for byte the same. The record that the cut
# goes through may come out as its head alone.
"$sockatlas" events "$log" --json >whole 2>/dev/null
size=$(stat -c %s "$log")
wrong=""
cut_at() {
    head -c "$1" "$log" >cut.atlas
    local command status
    for command in events map list; do
        timeout 20 "$sockatlas" $command cut.atlas >out.$command 2>err
        status=$?
        [ $status -le 1 ] || wrong="$wrong $command:$1:status=$status"
        [ $status -eq 0 ] || grep -qE '^cut\.atlas: ' err || wrong="$wrong $command:$1:line"
        [ "$1" -ge 4096 ] || [ $status -eq 1 ] || wrong="$wrong $command:$1:header"
    done
    "$sockatlas" events cut.atlas --json >out 2>/dev/null
    local lines
    lines=$(wc -l <out)
    cmp -s <(head -n "$lines" whole | cut -d, -f1-8) <(cut -d, -f1-8 out) || wrong="$wrong events:$1:order"
    [ "$lines" -eq 0 ] || cmp -s <(head -n $((lines - 1)) whole) <(head -n -1 out) || wrong="$wrong events:$1:differ"
}
for ((at = 0; at < size; at += 64)); do
    cut_at $at
done
case_is "cut at every slot boundary" "" "$wrong"
case_is "cut before the last slot: all but the last record" "$(($(wc -l <whole) - 1))" "$(wc -l <out)"
wrong=""
RANDOM=42
for ((i = 0; i < 60; i++)); do
    cut_at $((RANDOM % size))
done
case_is "cut at sixty odd places" "" "$wrong"

# Bytes overwritten: no crash, no hang, an exit status that says something.
wrong=""
for ((i = 0; i < 150; i++)); do
    cp "$log" damaged.atlas
    for ((j = 0; j < 4; j++)); do
        printf "\\x$(printf %02x $((RANDOM % 256)))" |
            dd of=damaged.atlas bs=1 seek=$((RANDOM % size)) conv=notrunc status=none
    done
    for command in events map list; do
        timeout 20 "$sockatlas" $command damaged.atlas >out 2>err
        status=$?
        [ $status -le 1 ] || wrong="$wrong $i:$command:status=$status"
    done
done
case_is "overwritten in 150 ways" "" "$wrong"
# ---- Values that options do not take: status 2, and a first line that names the option and the value
trace values "$targets/tcp_both_ends"
while read -r command option value; do
    [ "$value" != '""' ] || value=
    "$sockatlas" "$command" "--$option=$value" values >out 2>err
    case_is "$command --$option=$value: status" 2 $?
    case_has "$command --$option=$value: line" "^sockatlas $command: .*--$option.*" "$(head -1 err)"
    case_is "$command --$option=$value: nothing else is done" "" "$(cat out)"
done <<'VALUES'
list pid abc
list pid -1
list pid 99999999999
list pid ""
list port 65536
list port http
list port 80,x
list address 300.1.1.1
list address 10.0.0.0/33
list address ""
list role servant
list transport tcpp
list transport ip-x
list comm ""
list since soon
list since -5
list until ""
list failed 1
list wide 3
events pid x
events since tomorrow
map format png
map by pid
doctor format xml
export format pcap
tuned json 1
diff json 1
show wide 1
run live 1
VALUES
case_is "list --json --csv: status" 2 "$("$sockatlas" list --json --csv values >/dev/null 2>err; echo $?)"
case_has "list --json --csv: line" 'json and --csv: one of them' "$(cat err)"
case_is "a transport without a word: its number" 0 "$("$sockatlas" list --transport ip-253,family-99,netlink values >/dev/null 2>&1; echo $?)"
case_is "tuned -o" "$("$sockatlas" tuned values)" "$("$sockatlas" tuned -o tuned.out values && cat tuned.out)"
ln -s values ./-t
wanted=$("$sockatlas" show --json 1 values)
case_has "show --json" '^{' "$wanted"
case_is "show 1 --json TRACE" "$wanted" "$("$sockatlas" show 1 --json values 2>&1)"
case_is "show 1 TRACE --json" "$wanted" "$("$sockatlas" show 1 values --json 2>&1)"
case_is "show --json -- 1 TRACE, whose name begins with -" "$wanted" "$("$sockatlas" show --json -- 1 -t 2>&1)"
case_is "show 1 --json -- TRACE, whose name begins with -" "$wanted" "$("$sockatlas" show 1 --json -- -t 2>&1)"
case_is "tuned -o to nowhere: status" 1 "$("$sockatlas" tuned -o no/such values >/dev/null 2>&1; echo $?)"

# ---- A full disk behind standard output: one line, and no status that says something was told
trace refused "$targets/connect_refused"
for command in map list "show 1" tuned "events" "export --format csv" "export --format jsonl" doctor "diff values"; do
    [ "$command" != "diff values" ] && wanted=1 || wanted=2
    # shellcheck disable=SC2086
    "$sockatlas" $command refused >/dev/full 2>err
    case_is "$command to a full disk" "$wanted sockatlas: standard output: No space left on device" "$? $(cat err)"
done

# ---- An export whose image is damaged: that, and its events' loss, in a line each; another image's events are kept
"$sockatlas" export --format jsonl -o image.jsonl values
sed '/"file": *"tcp_both/s/"pid": *[0-9]*/"pid":-1/' image.jsonl >damaged.jsonl
case_ok "an image is damaged" sh -c '! cmp -s image.jsonl damaged.jsonl'
case_is "a damaged image: status" 1 "$("$sockatlas" events --json damaged.jsonl >out 2>err; echo $?)"
case_is "a damaged image: two lines" 2 "$(wc -l <err)"
case_has "a damaged image: what" '^damaged.jsonl: missing or bad "pid", at line [0-9]+$' "$(cat err)"
case_has "a damaged image: its events" '^damaged.jsonl: event of an unknown image, the first of them, at line [0-9]+$' "$(cat err)"
case_has "a damaged image: another's events" '"event": *"run"' "$(cat out)"

# ---- Names that are none, and names that do something to a terminal: still one line that names it
odd=$'a\nb\e[31m'
shown='a\\x0ab\\x1b\[31m'
for command in map list "show 1" tuned doctor events "export --format csv"; do
    # shellcheck disable=SC2086
    timeout 20 "$sockatlas" $command "" >out 2>err
    case_is "$command of an empty name" "1 '': No such file or directory" "$? $(cat err)"
    # shellcheck disable=SC2086
    timeout 20 "$sockatlas" $command "$odd" >out 2>err
    case_has "$command of a name with a line feed and an escape" "^1 $shown: No such file or directory$" "$? $(cat err)"
done
for value in "" "$odd"; do
    wanted=${value:+$shown} && wanted=${wanted:-"''"}
    case_has "show [$wanted]" "^sockatlas show: $wanted: neither" "$("$sockatlas" show "$value" values 2>&1 | head -1)"
    case_has "map --format [$wanted]" "^sockatlas map: --format $wanted: no such format" "$("$sockatlas" map --format "$value" values 2>&1 | head -1)"
    case_has "export --format [$wanted]" "^sockatlas export: --format $wanted: no such format" "$("$sockatlas" export --format "$value" values 2>&1 | head -1)"
    case_has "doctor --format [$wanted]" "^sockatlas doctor: --format $wanted: no such format" "$("$sockatlas" doctor --format "$value" values 2>&1 | head -1)"
    case_has "run [$wanted]" "^sockatlas run: $wanted: command not found" "$("$sockatlas" run "$value" 2>&1)"
    case_has "[$wanted]" "^sockatlas: $wanted: no such command" "$("$sockatlas" "$value" 2>&1)"
    case_has "list -o [$wanted]" "^sockatlas: ${wanted/a/no/a}: No such file" "$("$sockatlas" list -o "${value:+no/}$value" values 2>&1)"
    case_has "run -d [$wanted]" "^sockatlas run: ${wanted/a/no/a}: No such file" "$("$sockatlas" run -d "${value:+no/}$value" true 2>&1)"
done
for command in list events tuned doctor map diff show export top run; do
    case_has "$command --[$shown]" "^sockatlas $command: unrecognized option '--$shown'$" "$("$sockatlas" $command "--$odd" 2>&1 | head -1)"
done
case_has "list --role of such a value" "^sockatlas list: --role $shown: not a role" "$("$sockatlas" list --role "$odd" values 2>&1 | head -1)"

# ---- Numbers that do not fit are no others
for socket in 4294967296:3 1:4294967299 1:-1 18446744073709551616; do
    case_is "show $socket: status" 2 "$("$sockatlas" show $socket values >/dev/null 2>&1; echo $?)"
done

# ---- Where nothing could be read, nothing is said of who talked, and what stands in the -o file stays
echo precious >precious
for command in map "map --format json" "map --format html -o precious" tuned "tuned -o precious" doctor "doctor --format sarif"; do
    # shellcheck disable=SC2086
    timeout 20 "$sockatlas" $command nosuch >out 2>err
    case_is "$command of nothing" "1 nosuch: No such file or directory" "$? $(cat err)"
    case_is "$command of nothing: no report" "" "$(cat out)"
done
case_is "the file it was to go to is as it was" precious "$(cat precious)"
case_is "diff with nothing" "2 " "$("$sockatlas" diff values nosuch 2>/dev/null >out; echo "$? $(cat out)")"
case_is "diff of nothing" "2 " "$("$sockatlas" diff zeros values 2>/dev/null >out; echo "$? $(cat out)")"

# ---- What is read is not written over
"$sockatlas" export --format jsonl -o same.jsonl values
log=$(echo values/tcp_both*.atlas)
segment=${log%.atlas}.0000000000000000.atlas.zst
cp same.jsonl "$segment" # as far as its name tells
md5sum same.jsonl "$log" "$segment" >sums
ln -s same.jsonl link.jsonl
while read -r file traces; do
    for command in map list tuned "export --format jsonl"; do
        # shellcheck disable=SC2086
        "$sockatlas" $command -o "$file" $traces >out 2>err
        case_is "$command -o ${file##*/} of ${traces:-it}: status" 2 $?
        case_has "$command -o ${file##*/} of ${traces:-it}: line" "^sockatlas: $file: is read, and not written" "$(cat err)"
    done
done <<SAME
same.jsonl same.jsonl
link.jsonl values same.jsonl
$log values
$log ./values/
$log $log
$segment values
$segment $log
$segment $segment
SAME
case_is "export -o to its own standard input" 2 "$("$sockatlas" export --format csv -o same.jsonl - <same.jsonl >/dev/null 2>&1; echo $?)"
case_ok "they are as they were" md5sum --quiet -c sums
rm "$segment"
case_is "another file in the folder of a trace is written" 0 "$("$sockatlas" map --format json -o values/map.json values >/dev/null 2>&1; echo $?)"

finish
