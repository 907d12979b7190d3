#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs that spoil the log that they have mapped, or the folder of their trace, while `run` follows and collects it: what shares the log
# with them goes on as if nothing were, `run` ends with the command's own status, soon and in bounds, what it leaves can be looked at, and
# it does not say that all was seen where a log could not be read. N=2000: so many records or files (500).
. "$(dirname "$0")/lib.sh"

many=${N:-500}
# CPU time of a command on its own, which is nowhere near it; what hangs is ended by it, or by the clock.
seconds=20

for way in $("$targets/ruin"); do
    bad=()
    read -r status kib _ < <(timeout -s KILL 120 "$tools/spent" $seconds "$sockatlas" run -d trace -- "$targets/ruin" "$way" "$many" 2>said)
    limit=$((64 * 1024 + 64 * $(du -sk trace | cut -f1)))
    [ "${status:-none}" = 0 ] || bad+=("run: status ${status:-none: it did not end}")
    [ "${kib:-0}" -le $limit ] || bad+=("run: $kib KiB, more than $limit")
    grep -q 'the trace is in' said || bad+=("run: no report: $(head -3 said)")
    LC_ALL=C grep -qP "[^\t\n -~]" said && bad+=("run: what it says has control characters")
    for command in "map" "list --json" "doctor" "events"; do
        # shellcheck disable=SC2086
        read -r status kib _ < <(timeout -s KILL 120 "$tools/spent" $seconds "$sockatlas" $command trace 2>>said)
        [[ ${status:-none} = [013] ]] || bad+=("$command: status ${status:-none}")
        [ "${kib:-0}" -le $limit ] || bad+=("$command: $kib KiB, more than $limit")
    done
    "$sockatlas" list trace 2>/dev/null | grep -q ruin || ! grep -q 'no blind spots' said ||
        bad+=("run: no blind spots, though its log cannot be read")
    rm -rf trace trace.old
    if [ ${#bad[@]} -eq 0 ]; then pass "$way"; else fail "$way" "${bad[@]}"; fi
done

# The space that the header tells of is not there, and the disk has no more.
apart=(unshare -m --propagation private)
[ "$(id -u)" -eq 0 ] || apart=(unshare -rm)
if mkdir disk && "${apart[@]}" mount -t tmpfs -o size=64k tmpfs disk 2>err; then
    "${apart[@]}" bash -c 'mount -t tmpfs -o size=64k tmpfs disk && LD_PRELOAD=$1 SOCKATLAS_DIR=$PWD/disk/trace "$2" made 1; echo $?
        "$3" list --json disk/trace | jq length' - "$shim" "$targets/ruin" "$sockatlas" >said 2>err
    case_is "made, on a full disk: the program ends as it should" 0 "$(sed -n 1p said)"
    case_has "made, on a full disk: the log has what there was space for" '^[1-9]' "$(sed -n 2p said)"
else
    case_skip "made, on a full disk" "no mount namespace here: $(head -1 err)"
fi
finish
