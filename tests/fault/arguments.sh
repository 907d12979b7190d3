#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a program is told by its calls is what it would be told without the shim, whatever it gives them.
. "$(dirname "$0")/lib.sh"

case_ok "errors that are told once, without the shim" "$targets/kept_errors"
faulty "$targets/kept_errors"
case_is "errors that are told once reach whoever asks" "0 " "$? $(cat out)"
finish
