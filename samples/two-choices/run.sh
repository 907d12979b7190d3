#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/two-choices/run.sh: the same echo over every transport, with parameters; what was asked for, and what the kernel made of it.
. "$(dirname "$0")/../lib.sh"

if [ "${1:-}" != traffic ]; then
    sample_ready
    sample_run || exit
    shown sockatlas map "$trace"
    shown sockatlas tuned "$trace"
    echo "\$ sockatlas list --json --role client $trace | jq -r '[.transport, .tcp.congestion, .tcp.snd_mss, .sndbuf, .rcvbuf] | @tsv'"
    sockatlas list --json --role client "$trace" | jq -r '[.transport, .tcp.congestion, .tcp.snd_mss, .sndbuf, .rcvbuf] | @tsv'
    exit
fi

sample_begin
"samples/$name/echo.py" "$work"
