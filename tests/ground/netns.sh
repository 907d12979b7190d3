# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the scripts start with that need network namespaces: `. "$(dirname "$0")/netns.sh"`. As root, or in a user namespace of its own;
# the script ends with a skipped case where neither is possible.
#
#   space NAME    makes a namespace, removed at the end, with its loopback up; its full name in $netns

if [ "$(id -u)" -ne 0 ] && [ -z "${SOCKATLAS_IN_USERNS:-}" ] && unshare -rn true 2>/dev/null; then
    SOCKATLAS_IN_USERNS=1 exec unshare -rnm "$0"
fi
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

mine=satlas$$
spaces=()
space() {
    netns=$mine-$1
    ip netns add "$netns" 2>/dev/null || return
    spaces+=("$netns")
    ip -n "$netns" link set lo up
}
remove_spaces() {
    local each
    for each in ${spaces[@]+"${spaces[@]}"}; do
        ip netns delete "$each"
    done
}
at_end+=(remove_spaces)

[ -z "${SOCKATLAS_IN_USERNS:-}" ] || mount -t tmpfs none /run 2>/dev/null
if ! command -v ip >/dev/null || ! space probe; then
    case_skip "what needs network namespaces" "neither root nor a user namespace with ip netns"
    finish
fi
