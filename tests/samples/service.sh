#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/service: systemd takes both files; and a program that is started with what the one says, beside the collector as the other starts
# it, is recorded and collected.
. "$(dirname "$0")/lib.sh"
sample=$top/samples/service

# ---- What systemd says
if command -v systemd-analyze >/dev/null; then
    mkdir -p units/nginx.service.d
    # The programs are where they were built; the paths that are not there yet must not matter.
    for each in "$sample"/*.service; do
        sed "s|/usr/local/bin/sockatlas|$sockatlas|" "$each" >"units/$(basename "$each")"
    done
    cp "$sample/traced.conf" units/nginx.service.d/
    printf '[Unit]\nDescription=a server\n[Service]\nExecStart=/bin/true\n' >units/nginx.service
    ln -s sockatlas-collect@.service units/sockatlas-collect@nginx.service
    said=$(SYSTEMD_UNIT_PATH="$PWD/units:" systemd-analyze verify --man=no units/nginx.service units/sockatlas-collect@nginx.service 2>&1)
    status=$?
    case_is "systemd-analyze verify: status" 0 $status
    case_is "... without a word about them" "" "$(grep -E 'nginx|sockatlas|traced' <<<"$said")"
    echo 'Environmemt=a=b' >>units/nginx.service.d/traced.conf
    case_has "... it would say what is wrong" "Environmemt" \
        "$(SYSTEMD_UNIT_PATH="$PWD/units:" systemd-analyze verify --man=no units/nginx.service 2>&1)"
else
    case_skip "systemd-analyze verify" "no systemd-analyze here"
fi

# ---- What they do
here() { # FILE KEY: the values, with this tree's programs and a folder below this one for the installed ones
    sed -n "s/^$2=//p" "$1" | sed "s|/usr/local/lib/sockatlas|$top/build|; s|/usr/local/bin|$top/build|; s|/var/log|$work|; s|%[iN]|server|g"
}
mapfile -t environment < <(here "$sample/traced.conf" Environment)
case_is "two lines of environment" 2 ${#environment[@]}
mkdir -p "$(dirname "$work/$(here "$sample/traced.conf" LogsDirectory)")"
mkdir -m "$(here "$sample/traced.conf" LogsDirectoryMode)" "$work/$(here "$sample/traced.conf" LogsDirectory)"
read -ra command <<<"$(here "$sample/sockatlas-collect@.service" ExecStart)"
start "${command[@]}"
collector=$!
env "${environment[@]}" SOCKATLAS_LIMIT=1M "$targets/busy" ledger 1 1 3000
case_is "the service ends as without" 0 $?
trace=$work/sockatlas/server
collected() { compgen -G "$trace/*.zst" >/dev/null && [ "$(stat -c %s "$trace"/*.atlas)" -eq 4096 ]; }
case_ok "what it recorded is in segments" wait_true collected
case_ok "it adds up" "$top/build/fault/account" ledger "$trace"
kill -TERM "$collector"
wait "$collector"
case_is "the collector ends as systemd ends it" 0 $?
finish
