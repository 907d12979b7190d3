#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What another user may do to who traces: as root in folders of another user's and beside them, with planted links and files and folders
# exchanged meanwhile; which programs are followed when they become another user; what is never removed. What an ordinary user meets runs
# as one too.
. "$(dirname "$0")/../e2e/lib.sh"

other=65534
chmod 755 "$work"
cp "$sockatlas" "$shim" "$targets/connect_refused" "$targets/become" "$targets/tcp_both_ends" "$targets/busy" "$targets/forge" "$tools/exchange" .
as_other=(setpriv --reuid=$other --regid=$other --clear-groups)
two_users=
[ "$(id -u)" -ne 0 ] || ! "${as_other[@]}" true 2>/dev/null || two_users=1

preloaded() { # DIR COMMAND...: traced by hand; what it says is in err
    (export SOCKATLAS_DIR=$1 LD_PRELOAD=$work/libsockatlas.so && shift && exec "$@") >out 2>err </dev/null
}
listing() { # FOLDER...: the mode of each, and all that is in it
    local folder
    for folder; do
        stat -c '%a %u' "$folder" && ls -A "$folder"
    done
}
covered() { # FOLDER: what the map does not show, and why
    "$sockatlas" map --format json "$1" | jq -r '.coverage[] | "\(.what): \(.detail)"' | sort -u
}
names() { # FOLDER: programs on its map that have sockets of their own
    "$sockatlas" list --json "$1" | jq -r '.comm' | sort -u | paste -sd' '
}

# ---- Folders of another user's ----

if [ -n "$two_users" ]; then
    mkdir home etc own && chown $other home
    preloaded "$PWD/own/trace" ./connect_refused
    case_is "a folder of one's own: a log" 1 "$(ls own/trace | wc -l)"
    case_is "... private" 700 "$(stat -c %a own/trace)"
    preloaded "$PWD/home/trace" ./connect_refused
    case_is "in another user's folder: refused in a line" "sockatlas: $PWD/home/trace: another user may change $PWD/home; not tracing" "$(cat err)"
    case_is "in another user's folder: nothing is made" "" "$(ls home)"
    (cd home && preloaded sockatlas.data ../connect_refused && mv out err ..)
    case_is "in another user's folder, by a name: refused in a line" \
        "sockatlas: $PWD/home/sockatlas.data: another user may change $PWD/home; not tracing" "$(cat err)"
    (cd home && ../sockatlas run ../connect_refused) >out 2>err
    case_is "run in another user's folder: status" 125 $?
    case_is "run in another user's folder: line" \
        "sockatlas run: sockatlas.data: another user may change $PWD/home; choose another folder with -d" "$(cat err)"
    mkdir -p home/deep/below && chown root home/deep home/deep/below
    ./sockatlas run -d home/deep/below/trace ./connect_refused >out 2>err
    case_is "run below another user's folder: status" 125 $?
    preloaded "$PWD/home/deep/below/trace" ./connect_refused
    case_has "below another user's folder: refused in a line" "another user may change $PWD/home; not tracing" "$(cat err)"
    rm -r home/deep

    before=$(listing etc)
    "${as_other[@]}" ln -s "$PWD/etc" home/link
    for path in home/link home/link/trace; do
        preloaded "$PWD/$path" ./connect_refused
        ./sockatlas run -d "$path" ./connect_refused >out 2>err
        case_is "$path leads elsewhere: run's status" 125 $?
        case_is "$path leads elsewhere: nothing was made there" "$before" "$(listing etc)"
    done

    # The same while the names are exchanged all the time.
    "${as_other[@]}" mkdir home/sockatlas.data
    start "${as_other[@]}" ./exchange swap home/sockatlas.data home/link
    for ((i = 0; i < 60; i++)); do
        (cd home && SOCKATLAS_DIR='' LD_PRELOAD=../libsockatlas.so ../connect_refused) >out 2>&1
        ./sockatlas run -d home/sockatlas.data true >out 2>&1
    done
    kill "${started[-1]}"
    case_is "names are exchanged meanwhile, 60 times: nothing was made elsewhere" "$before" "$(listing etc)"

    # In a sticky folder, as /tmp is, others may add what they like but not replace what is there.
    mkdir -m 1777 sticky
    preloaded "$PWD/sticky/trace" ./connect_refused
    case_is "in a sticky folder: a log" 1 "$(ls sticky/trace | wc -l)"
    "${as_other[@]}" ln -s "$PWD/etc" sticky/planted
    preloaded "$PWD/sticky/planted" ./connect_refused
    case_is "a planted link in a sticky folder: refused in a line" \
        "sockatlas: $PWD/sticky/planted: a symbolic link of another user's stands on the way, $PWD/sticky/planted; not tracing" "$(cat err)"
    preloaded "$PWD/sticky/planted/trace" ./connect_refused
    case_has "a planted link on the way: refused in a line" "a symbolic link of another user's stands on the way" "$(cat err)"
    "${as_other[@]}" mkdir -m 755 sticky/theirs
    preloaded "$PWD/sticky/theirs" ./connect_refused
    case_has "another user's folder in a sticky one: refused in a line" "another user may change" "$(cat err)"
    start "${as_other[@]}" ./exchange plant sticky/raced "$PWD/etc"
    logs=0
    for ((i = 0; i < 200; i++)); do
        preloaded "$PWD/sticky/raced" ./connect_refused
        [ ! -d sticky/raced ] || [ -h sticky/raced ] || { logs=$((logs + 1)) && rm -r sticky/raced; }
    done
    kill "${started[-1]}"
    case_is "a link is planted meanwhile, 200 times: nothing was made elsewhere" "$before" "$(listing etc)"
    echo "# $logs of 200 had a folder of their own"
    # A folder that others may write to, without the sticky bit.
    mkdir -m 777 open
    preloaded "$PWD/open/trace" ./connect_refused
    case_has "in a folder that others may write to: refused in a line" "another user may change $PWD/open; not tracing" "$(cat err)"
    mkdir -m 775 group && chgrp $other group
    ./sockatlas run -d group/trace true >out 2>err
    case_is "in a folder that another group may write to: run's status" 125 $?

    # Links of root's are part of the machine.
    mkdir real && ln -s real linked && ln -s ../linked real/round
    preloaded "$PWD/linked/round/trace" ./connect_refused
    case_is "through links of one's own: a log" 1 "$(ls real/trace | wc -l)"
    ./sockatlas run -d linked/run ./connect_refused 2>err
    case_has "run through links of one's own" "the trace is in $PWD/real/run " "$(cat err)"
    preloaded "$PWD/real/../real/./last" ./connect_refused
    case_is "a path with dots: a log" 1 "$(ls real/last | wc -l)"

    # ---- What is another user's is not touched ----
    mkdir -p precious && ./sockatlas run -d precious/trace ./connect_refused 2>err && echo cache >precious/trace/.cache.1.0
    before=$(listing precious/trace)
    mkdir shop && (cd shop && ../sockatlas run true 2>../err && ln -s ../precious/trace sockatlas.data.old)
    (cd shop && ../sockatlas run true) 2>err
    case_is "DIR.old is a link: status" 125 $?
    case_is "DIR.old is a link: line" "sockatlas run: sockatlas.data.old: exists and is not a folder" "$(cat err)"
    case_is "DIR.old is a link: what it leads to is whole" "$before" "$(listing precious/trace)"
    rm shop/sockatlas.data.old && (cd shop && ../sockatlas run true 2>../err)
    "${as_other[@]}" sh -c 'echo theirs' >shop/sockatlas.data.old/theirs.atlas && chown $other shop/sockatlas.data.old/theirs.atlas
    before=$(listing shop/sockatlas.data.old)
    (cd shop && ../sockatlas run true) 2>err
    case_is "DIR.old holds another user's file: status" 125 $?
    case_is "DIR.old holds another user's file: all is left" "$before" "$(listing shop/sockatlas.data.old)"

    # ---- Programs that become other users ----
    for how in keep clean; do
        rm -rf across across.old
        ./sockatlas run -d across ./become $other $how "$PWD/tcp_both_ends" >out 2>err
        case_is "a program of another user's, $how: it runs" 0 $?
        case_is "... the folder is private" 700 "$(stat -c %a across)"
        case_is "... it is not followed, and named" "untraced_child: $PWD/tcp_both_ends: it runs as another user (\`run --across-users\` follows it)" \
            "$(covered across)"
        case_has "... run's summary counts it" "1 blind spot" "$(cat err)"
        rm -rf across
        ./sockatlas run --across-users -d across ./become $other $how "$PWD/tcp_both_ends" >out 2>err
        case_is "across users, $how: the folder is to be added to, not read" 1733 "$(stat -c %a across)"
        case_is "... the program is followed" tcp_both_ends "$(names across)"
        case_is "... its log is its user's" "600 $other" "$(stat -c '%a %u' across/tcp_both_ends.*)"
        case_ok "... others cannot read the folder" sh -c '! setpriv --reuid=1 --regid=1 --clear-groups ls across 2>&1'
        case_ok "... nor remove what is not theirs" sh -c '! setpriv --reuid=1 --regid=1 --clear-groups rm -f across/run.atlas'
    done
    ./sockatlas run -d real/across ./become $other real "$PWD/tcp_both_ends" >out 2>err
    case_has "a program with another effective user is named" "untraced_child: $PWD/tcp_both_ends: setuid, setgid" "$(covered real/across)"
    case_is "an environment that was cleaned stays so" "" \
        "$(./sockatlas run -d real/clean ./become $other clean /usr/bin/env 2>err)"
    case_has "... across users it has the preload" "LD_PRELOAD=" \
        "$(./sockatlas run --across-users -d real/clean ./become $other clean /usr/bin/env 2>err)"
    ./sockatlas run -d across ./become 0 clean "$PWD/tcp_both_ends" >out 2>err
    case_is "a cleaned environment without another user is followed" tcp_both_ends "$(names across)"
    mkdir -m 700 closed
    ./sockatlas run --across-users -d closed/trace ./become $other keep "$PWD/tcp_both_ends" >out 2>err
    case_has "across users in a folder closed to them: said" "closed/trace: $PWD/closed is closed to other users" "$(cat err)"
    case_has "... and named" "untraced_child: .*it may not write in the trace folder" "$(covered closed/trace)"
    for i in 1 2 3; do
        ./sockatlas run --across-users -d thrice ./become $other keep "$PWD/tcp_both_ends" >out 2>err
        case_is "across users, run $i in one folder" 0 $?
    done

    # ---- What others put into a trace ----
    core() { # FOLDER...: what the map is about
        "$sockatlas" map --format json "$@" 2>err | jq -c '[.nodes[] | [.comm, .pid]], [.edges[] | [.from, .to, .bytes_sent]]'
    }
    preloaded "$PWD/own/planted" ./tcp_both_ends
    preloaded "$PWD/own/theirs" ./connect_refused
    before=$(core own/planted)
    cp own/theirs/*.atlas own/planted/forged.atlas && chown $other own/planted/forged.atlas
    ln -s ../theirs/connect_refused.atlas own/planted/link.atlas
    ln -s "$PWD"/own/theirs/*.atlas own/planted/led.atlas
    mkfifo own/planted/fifo.atlas && mkdir own/planted/folder.atlas
    (cd own/planted && chown -h $other link.atlas led.atlas fifo.atlas folder.atlas)
    case_is "planted files: the map is as before" "$before" "$(core own/planted)"
    case_is "planted files: each is named in a line" "fifo.atlas: a FIFO, no log; left out
folder.atlas: a folder, no log; left out
forged.atlas: put there by user $other, not by the folder's owner; left out unless it is named
led.atlas: a symbolic link, no log; left out
link.atlas: a symbolic link, no log; left out" "$(sed 's|^own/planted/||' err)"
    for command in map list events "map --format json" tuned doctor "export --format jsonl"; do
        # shellcheck disable=SC2086
        timeout 10 "$sockatlas" $command own/planted >out 2>err
        case_is "planted files: status of $command" 1 $?
        case_is "planted files: $command names each once" 5 "$(grep -c 'left out' err)"
    done
    case_has "another user's log, asked for: used" "connect_refused" "$(core own/planted/forged.atlas own/planted)"
    case_is "another user's log, asked for: the others are named" 4 "$(grep -c 'left out' err)"
    case_is "another user's log, asked for: marked" "foreign_log: known by the word of user $other, who made its log" \
        "$(covered own/planted/forged.atlas 2>err)"
    (cd own/planted && cp forged.atlas theirs.atlas && chown -hR $other .)
    case_ok "all of a folder's owner: read" "$sockatlas" list own/planted/forged.atlas
    case_is "a folder and logs of one user: read by another" "connect_refused tcp_both_ends" \
        "$(rm -r own/planted/{link,led,fifo,folder}.atlas && names own/planted 2>err)"
    case_is "... in an export too" "foreign_log: known by the word of user $other, who made its log" \
        "$("$sockatlas" export --format jsonl thrice | "$sockatlas" map --format json - | jq -r '.coverage[] | "\(.what): \(.detail)"')"
    case_is "programs followed across users are marked" "foreign_log: known by the word of user $other, who made its log" "$(covered thrice)"

    # ---- What a worker writes into root's log ----
    for pid in 1 $$; do
        ./sockatlas run -d forged ./forge $other record $pid 2>err
        case_is "a record as process $pid: forged at all" 0 $?
        case_has "a record as process $pid: run's line" "forge\..*\.atlas: forged: a record about process $pid, which this log cannot have, at slot" "$(cat err)"
        case_is "a record as process $pid: not on the map" "" "$(core forged | grep -w "$pid")"
        case_is "a record as process $pid: the map says so" "forged: 1 forged record in its log left out" "$(covered forged 2>err)"
        "$sockatlas" events --json forged 2>err | jq -r .pid >out
        case_is "a record as process $pid: not among the events" "" "$(grep -wx $pid out)"
        case_is "a record as process $pid: one line" 1 "$(wc -l <err)"
    done
    ./sockatlas run -d forged ./forge $other header 1 2>err
    case_has "a header of another process: run's line" "forge\..*\.atlas: forged: its header is of another process than its name; left out" "$(cat err)"
    case_is "a header of another process: not on the map" "" "$(core forged | grep -w important)"
    # A process with a log of its own cannot have begun in another's.
    # shellcheck disable=SC2016
    ./sockatlas run -d forged bash -c 'exec 3<>/dev/udp/127.0.0.1/9; ./become 0 keep /usr/bin/env sleep 1.2; ./forge '$other' birth $$; exec 3<>/dev/udp/127.0.0.1/9' 2>err
    case_has "a birth of a process that lives: run's line" "forge\..*\.atlas: forged: a record about process" "$(cat err)"
    case_is "a birth of a process that lives: it is what it was" 1 "$(core forged | grep -o '"bash",[0-9]*' | wc -l)"
else
    case_skip "folders, files and programs of another user's" "not root, or no setpriv here"
fi

# ---- Anybody's ----

./sockatlas run -d mine ./connect_refused 2>err
./sockatlas run -d mine ./connect_refused 2>err
echo "why" >mine.old/notes.txt
before=$(listing mine mine.old)
./sockatlas run -d mine true 2>err
case_is "DIR.old holds a note: status" 125 $?
case_is "DIR.old holds a note: line" "sockatlas run: mine.old: holds notes.txt, which is no log of this user's; move it away" "$(cat err)"
case_is "DIR.old holds a note: all is left" "$before" "$(listing mine mine.old)"
rm mine.old/notes.txt && echo "no log" >mine.old/prose.atlas
./sockatlas run -d mine true 2>err
case_is "DIR.old holds prose with a log's name: status" 125 $?
rm mine.old/prose.atlas && echo cache >mine.old/.cache.1.0
./sockatlas run -d mine true 2>err
case_is "DIR.old holds a file like a half log: status" 125 $?
case_ok "... it is left" test -s mine.old/.cache.1.0
rm mine.old/.cache.1.0
./sockatlas run -d mine sh -c 'echo cache >mine/.cache.1.0' 2>err
case_ok "a file like a half log is no half log" test -s mine/.cache.1.0

# A program that a run left behind goes on recording into that run's folder, wherever later runs moved it, and is not deleted.
mkfifo go gone && exec 6<>go 7<>gone
./sockatlas run -d still sh -c './connect_refused & exec 3<>/dev/null; setsid bash -c "exec 3<>/dev/udp/127.0.0.1/9; echo \$\$ >left; echo ready >&7; read -r _ <&6; ./connect_refused; echo done >&7; read -r _ <&6" &
    read -r _ <&7; wait $!' >out 2>err &
run=$!
started+=($run)
wait_true test -s left && adopt "$(cat left)"
kill -KILL "$run"
wait "$run" 2>/dev/null
./sockatlas run -d still true 2>err
case_is "a second run while a program of the first goes on: status" 0 $?
before=$(listing still still.old)
./sockatlas run -d still true 2>err
case_is "a third: status" 125 $?
case_has "a third: which log is still recorded into" "still.old: .*\.atlas is still recorded into, by a program that goes on" "$(cat err)"
case_is "a third: all is left" "$before" "$(listing still still.old)"
exec 6>&- 7>&-

# Two runs at once in one folder keep apart.
mkfifo hold && exec 8<>hold
start ./sockatlas run -d both sh -c './connect_refused; echo ready >first; read -r _ <&8; ./tcp_both_ends' 2>first.err >out
first=$!
wait_true test -s first
./sockatlas run -d both sh -c './busy ledger 1 1 5' >out 2>err
before=$(listing both both.old)
./sockatlas run -d both true 2>third.err
case_is "two runs in one folder, a third: status" 125 $?
case_is "two runs in one folder, a third: line" \
    "sockatlas run: both.old: another \`sockatlas run\` still records into it; choose another folder with -d" "$(cat third.err)"
case_is "two runs in one folder, a third: all is left" "$before" "$(listing both both.old)"
echo go >&8
wait "$first"
exec 8>&-
case_is "two runs in one folder: the first one's programs" "connect_refused tcp_both_ends" "$(names both.old)"
case_is "two runs in one folder: the second one's" "busy" "$(names both)"
case_has "two runs in one folder: the first says where its trace is" "the trace is in $(pwd -P)/both.old " "$(cat first.err)"

# ---- What is private ----

(umask 022 && ./sockatlas map -o out.json --format json mine)
case_is "a file by -o is its user's alone" 600 "$(stat -c %a out.json)"
./sockatlas run --no-cmdline -d secret sh -c './connect_refused; exec ./connect_refused' -- pass-word 2>err
case_is "--no-cmdline: nothing of the command line is in the trace" "" "$(grep -l 'pass-word\|exec ./conn' secret/*)"
case_is "--no-cmdline: names are" "connect_refused" "$(names secret)"
./sockatlas run -d secret sh -c ./connect_refused pass-word 2>err
case_has "without it, it is" "run.atlas" "$(grep -l pass-word secret/*)"

# ---- Stopped ----

# Nobody reads what --live prints, so that `run` cannot come to its end after its command has.
mkfifo unread && exec 9<>unread
start ./sockatlas run --live -d stopped sh -c 'echo $$ >command; exec ./busy ledger 2 4 400' 2>unread
run=$!
wait_true test -s command
wait_gone "$(cat command)"
wait_true sh -c "grep -q pipe /proc/$run/task/*/wchan || ! kill -0 $run"
case_ok "run goes on behind its command" kill -0 "$run"
kill -TERM "$run"
wait "$run" 2>/dev/null
case_is "a signal then ends it" 143 $?
exec 9>&-
case_is "... and leaves a trace" busy "$(names stopped)"

# Both are there when `run` looks: that the command has ended, and the signal, whose number is the lower.
mkfifo go
start ./sockatlas run -d both sh -c 'echo $$ >both.pid; read -r line <go'
run=$!
wait_true test -s both.pid
kill -STOP "$run"
echo >go
wait_gone "$(cat both.pid)"
kill -TERM "$run"
kill -CONT "$run"
wait "$run" 2>/dev/null
case_is "a signal that comes when the command has just ended ends it too" 143 $?
finish
