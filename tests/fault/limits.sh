#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Limits spent: the process's own and the trace's. The program gets what it would get without the shim, and records and losses add
# up to its calls.
. "$(dirname "$0")/lib.sh"

environment=(SOCKATLAS_LIMIT=65536)
busy "SOCKATLAS_LIMIT reached, one thread" busy 1 1 200 kill
busy "SOCKATLAS_LIMIT reached, processes of threads" busy 4 4 50 kill
environment=(SOCKATLAS_LIMIT=1)
unharmed "SOCKATLAS_LIMIT below a log's size" busy 1 1 20 kill
environment=()

busy "no descriptor to spare, then a socket" busy_confined first 10 nofile
busy "a socket, then no descriptor to spare" busy_confined later 10 nofile
busy "a socket, then no file may grow" busy_confined later 300 fsize
unharmed "no file may grow, then a socket" busy_confined first 10 fsize
busy "64 MiB of address space, then a socket" busy_confined first 10 as
busy "a socket, then 64 MiB of address space" busy_confined later 10 as

# under OPTION VALUE CASE COMMAND...: with the shell's limit of that name.
under() {
    local option=$1 value=$2 what=$3
    shift 3
    faulty bash -c 'ulimit '"$option $value"' && exec "$@"' bash "$@"
    adds_up "$what" $?
}
under -f 64 "files of at most 64 KiB" "$targets/busy" ledger 1 2 350 kill
under -v $((128 << 10)) "128 MiB of address space" "$targets/busy" ledger 2 1 50 kill
under -l 0 "no locked memory" "$targets/busy" ledger 1 2 50 kill
under -s 256 "small stacks" "$targets/busy" ledger 1 8 50 kill
under -n 32 "32 descriptors" "$targets/busy" ledger 1 2 50 kill
finish
