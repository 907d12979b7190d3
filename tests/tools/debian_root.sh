#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/tools/debian_root.sh FOLDER: makes FOLDER the root of a smallest Debian, of the release and from where this machine has its own packages.
# The first caller makes it (a minute), in build/debian-root.tar, later ones unpack that. Needs root. Exit status 1, and one line,
# where it cannot be had.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
export PATH=$PATH:/usr/sbin:/sbin
packed=$top/build/debian-root.tar

. /etc/os-release
from=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: ${VERSION_CODENAME:-}" | head -n 1)
[ -n "$from" ] || { echo "debian_root: no source of Debian's packages is set" && exit 1; }
exec 9>"$packed.lock"
flock 9
if [ ! -e "$packed" ]; then
    new=$(mktemp -d) || exit 1
    trap 'rm -rf "$new"' EXIT
    if ! debootstrap --variant=minbase "$VERSION_CODENAME" "$new/root" "$from" >"$new/log" 2>&1; then
        echo "debian_root: debootstrap: $(tail -n 1 "$new/log")"
        exit 1
    fi
    cp /etc/apt/sources.list "$new/root/etc/apt/" 2>/dev/null
    cp -R /etc/apt/sources.list.d /etc/apt/apt.conf.d "$new/root/etc/apt/" 2>/dev/null
    tar -C "$new/root" --numeric-owner -cf "$packed.new" . && mv "$packed.new" "$packed"
fi
mkdir -p "$1" && tar -C "$1" --numeric-owner -xf "$packed"
