#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/run itself, on made-up suites.
. "$(dirname "$0")/../e2e/lib.sh"

mkdir -p made/tests/{check,e2e,ground} made/build/tools
cp "$top/tests/run" made/tests/
cp "$tools/reap" made/build/tools/
export TMPDIR=$work # one that is killed leaves its files

suite() { # NAME: what it does is on stdin
    { echo '#!/bin/bash' && cat; } >"made/tests/$1.sh"
    chmod +x "made/tests/$1.sh"
}
run() { # [NAME...]: the status in `status`, what it printed in the file said
    made/tests/run "$@" >said 2>&1
    status=$?
}

suite check/good <<<'echo "ok 1 - a"; echo "ok 2 - b # SKIP not here"; echo 1..2'
suite e2e/bad <<<'echo "ok 1 - a"; echo "not ok 2 - b"; echo 1..2'
suite e2e/short <<<'echo "1..3"; echo "ok 1 - a"'
suite e2e/unplanned <<<'echo "ok 1 - a"'
suite e2e/dies <<<'echo 1..1; echo "ok 1 - a"; exit 3'
run good
case_is "a good suite: status" 0 "$status"
case_is "a good suite: skipped cases are not counted as passed" "1 passed, 0 failed" "$(tail -1 said)"
case_has "... and told with the reason" "good: ok 2 - b # SKIP not here" "$(cat said)"
run
case_is "all suites: status" 1 "$status"
case_is "all suites: the last line" "5 passed, 4 failed" "$(tail -1 said)"
case_has "a bad case is told" "bad: not ok 2 - b" "$(cat said)"
case_has "a suite that tells of more cases than it runs is told" "short: told of 3 cases, ran 1" "$(cat said)"
case_has "a suite that ends early is told" "unplanned: no plan" "$(cat said)"
case_has "a suite that dies is told" "dies: exit status 3" "$(cat said)"
# Two that wait for each other can only end if they run at once; one that runs alone sees no other.
meet='echo >$1/$2.here; while [ ! -e $1/$3.here ]; do sleep 0.01; done; echo 1..1; echo "ok 1 - met"'
suite e2e/one <<<"set -- $work one two; $meet"
suite e2e/two <<<"set -- $work two one; $meet"
suite e2e/quiet <<<"# Runs alone: it says so
echo 1..1; echo 'ok 1 - alone'"
SOCKATLAS_TEST_JOBS=2 SOCKATLAS_TEST_SECONDS=60 run quiet one two
case_is "suites run beside each other" "3 passed, 0 failed" "$(tail -1 said)"
case_is "... and one that must not, at the end" quiet "$(grep -E '^(one|two|quiet) ' said | tail -n 1 | cut -d' ' -f1)"
SOCKATLAS_TEST_JOBS=none run good
case_is "a wrong number of suites: status" 2 "$status"
case_has "... said" "SOCKATLAS_TEST_JOBS=none is not a number" "$(cat said)"
rm made/tests/e2e/{one,two,quiet}.sh
run nosuch
case_has "a suite that there is not: said" "nosuch: no such suite" "$(cat said)"
case_is "a suite that there is not: status" 1 "$status"

# What a suite started, and put into a session of its own, ends with it.
pids=$work/pids
gone() { # WHAT: all that wrote its pid down
    local pid running=
    while read -r pid; do
        "$tools/gone" "$pid" 20 || running+=" $pid"
    done <pids
    case_is "$1" "" "$running"
    adopt $running
}
put_away="for n in 1 2; do setsid sleep 300 & echo \$! >>$pids; done"

: >pids
suite e2e/killed <<<"$put_away; kill -KILL \$\$"
run killed
gone "a killed suite's children are ended"
case_has "... and it is told" "killed: no plan" "$(cat said)"

: >pids
suite e2e/untidy <<<"$put_away; echo 1..1; echo 'ok 1 - a'"
run untidy
gone "what a suite leaves running is ended"
case_has "... and told" "untidy: left running: sleep \([0-9]+\)" "$(cat said)"
case_is "... and a failure" "1 passed, 1 failed" "$(tail -1 said)"

: >pids
suite e2e/hangs <<<"$put_away; echo 1..1; echo 'ok 1 - a'; sleep 300"
SOCKATLAS_TEST_SECONDS=1 run hangs
gone "what a suite that hangs has started is ended"
case_has "... and it is told" "hangs: stopped after 1 seconds" "$(cat said)"

mkfifo ready
exec 5<>ready
suite e2e/waits <<<"$put_away; echo \$\$ >>$pids; echo >$work/ready; exec sleep 300"
for signal in KILL TERM INT; do
    : >pids
    start env --default-signal=INT made/tests/run waits >/dev/null 2>&1
    read -r _ <&5
    kill -s "$signal" $!
    wait $! 2>/dev/null
    gone "SIG$signal of tests/run ends the suite, and what it started"
done

suite ground/good <<<'touch ran; echo 1..1; echo "ok 1 - a"'
run bad
case_is "two suites of one name: status" 2 "$status"
case_is "two suites of one name: said" "tests/run: tests/ground/good.sh has the name of tests/check/good.sh" "$(cat said)"

finish
