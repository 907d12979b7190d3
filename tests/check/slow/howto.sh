#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Somebody who never saw the project follows analyzer/README.md and shim/README.md: a rule of doctor's and a wrapper, as they stand there,
# are put into a copy of the source, built, and do what is said of them.
. "$(dirname "$0")/../../e2e/lib.sh"

block() { # README FILE: the code that it has for that file
    awk -v wanted="/* $2 */" '/^```/ { if (taken) exit; next } $0 == wanted { taken = 1; next } taken' "$top/$1"
}
mkdir tree
make -C "$top" -s dist >/dev/null
tar -xzf "$top"/build/sockatlas-*.tar.gz -C tree --strip-components=1

# The three steps of a rule.
block analyzer/README.md analyzer/doctor/rule_wet_paint.c >tree/analyzer/doctor/rule_wet_paint.c
block analyzer/README.md tests/doctor/targets/wet_paint.c >tree/tests/doctor/targets/wet_paint.c
echo 'RULE(wet_paint)' >>tree/analyzer/doctor/rules.def

# The three of a wrapper. `frob` is a library's, made below.
block shim/README.md shim/hook_connection.c >wrapper
cat wrapper >>tree/shim/hook_connection.c
echo 'REAL(frob)' >>tree/shim/real.def
sed -i '/^int frob(/d' tree/shim/hook_connection.c
grep '^int frob(' wrapper | sed 's|;.*|;|' >declaration
sed -i "/^int bindresvport(/{
    r declaration
}" tree/shim/hook.h
last=$(grep -oE 'X\([0-9]+, [a-z_A-Z0-9]+\)' tree/shim/trace_format.h | sed -n '/, socket)/,/, [a-z]*$/p' | grep -A200 '1, socket)' | sed -E 's/X\(([0-9]+).*/\1/' |
    awk 'NR == 1 || $1 == before + 1 { before = $1; next } { exit } END { print before }')
sed -i -E "s/X\($last, ([a-z_A-Z0-9]+)\)\$/X($last, \1) X($((last + 1)), frob)/" tree/shim/trace_format.h

make -C tree -s -j2 CFLAGS=-O0 WERROR=-Werror has_i386= all build/doctor/wet_paint >said 2>&1
case_is "both build, without a warning" "0 " "$? $(grep -vE '^  [A-Z]+ ' said | head -n 20)"

find_paint() { # [nearly]: how many findings of that rule
    command rm -rf paint
    tree/build/sockatlas run -d paint tree/build/doctor/wet_paint "$@" >said 2>&1
    tree/build/sockatlas doctor --json paint | jq -s '[.[] | select(.rule == "wet-paint")] | length'
}
case_is "the rule finds its mistake" 1 "$(find_paint)"
case_is "and nothing where it is nearly made" 0 "$(find_paint nearly)"
case_has "and is among those that were checked" ", $(grep -c '^RULE(' tree/analyzer/doctor/rules.def) rules checked" "$(tree/build/sockatlas doctor paint)"

cat >frob.c <<'END'
#include <sys/syscall.h>
#include <unistd.h>
int frob(int fd, int how) { return (int)syscall(SYS_shutdown, fd, how); }
END
cat >user.c <<'END'
#include <sys/socket.h>
int frob(int fd, int how);
int main(void)
{
    int ends[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || frob(ends[0], SHUT_WR);
}
END
gcc -shared -fPIC -o libfrob.so frob.c && gcc -o user user.c ./libfrob.so
tree/build/sockatlas run -d frobbed ./user >said 2>&1
case_is "a program that calls the function runs" 0 $?
case_is "its record is in the log" '{"event":"shutdown","how":"SHUT_WR","error":null}' \
    "$(tree/build/sockatlas events --json frobbed | jq -c 'select(.call == "frob") | {event, how, error}')"
case_has "and events names the function" "frob" "$(tree/build/sockatlas events frobbed)"

finish
