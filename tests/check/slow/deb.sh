#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make dist` and `make deb`: the archive builds by itself, the package is one that Debian's own checker has nothing against, and it is
# installed in a fresh root, used there, and removed without a trace.
. "$(dirname "$0")/../../e2e/lib.sh"

version=$("$sockatlas" --version | awk '{ print $NF }')
make -C "$top" -s dist >said 2>&1
case_is "make dist: status" 0 $?
archive=$top/build/sockatlas-$version.tar.gz
case_is "it holds what git knows of" "" \
    "$(diff <(git -C "$top" ls-files | sort) <(tar -tzf "$archive" | grep -v '/$' | sed "s|^sockatlas-$version/||" | sort))"
cp "$archive" first.tar.gz && make -C "$top" -s dist >said 2>&1
case_ok "the same source gives the same archive" cmp first.tar.gz "$archive"

make -C "$top" -s deb DEBEMAIL=builder@debian.org >said 2>&1
case_is "make deb: status" 0 $?
deb=$(echo "$top/build/deb/sockatlas_$version"_*.deb)
case_is "lintian: nothing" "" "$(lintian --allow-root --fail-on none "$top"/build/deb/*.changes 2>&1 | grep -E '^[EW]:')"
holds=$(dpkg -c "$deb" | awk '{ print $6 }')
for file in usr/bin/sockatlas usr/lib/sockatlas/libsockatlas.so usr/share/man/man1/sockatlas.1.gz lib/systemd/system/sockatlas-collect@.service \
    usr/share/bash-completion/completions/sockatlas usr/share/zsh/vendor-completions/_sockatlas usr/share/fish/vendor_completions.d/sockatlas.fish; do
    case_has "it holds $file" "^\./$file$" "$holds"
done
if [ -e "$top/build/i386/libsockatlas.so" ]; then
    case_has "and the shim for 32-bit programs" '^\./usr/lib/sockatlas/i386/libsockatlas.so$' "$holds"
fi
if [ -e "$top/build/musl/libsockatlas.so" ]; then
    case_has "and the shim for running processes of musl's" '^\./usr/lib/sockatlas/musl/libsockatlas.so$' "$holds"
fi

if [ "$(id -u)" -ne 0 ]; then
    case_skip "installed in a fresh root" "to make one needs root"
    finish
elif ! said=$("$top/tests/tools/debian_root.sh" root); then
    case_skip "installed in a fresh root" "$said"
    finish
fi
inside() { # COMMAND...: in the fresh root, with its own /proc and /dev
    unshare --mount --pid --fork --kill-child sh -c 'mount -t proc proc root/proc && mount --rbind /dev root/dev &&
        exec chroot root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"' sh "$@"
}
files() { # what there is, but for what apt and dpkg know of packages, and caches
    find root -path root/proc -prune -o -path root/dev -prune -o -path root/tmp -prune -o -path root/var/lib/dpkg -prune -o -path root/var/lib/apt -prune -o \
        -path root/var/cache -prune -o -path root/var/log -prune -o -print | sort
}
cp /etc/resolv.conf root/etc/
inside apt-get update -qq >said 2>&1
case_is "the fresh root knows its packages" 0 $?
files >before
cp "$deb" root/tmp/sockatlas.deb
inside apt-get install -qq --no-install-recommends /tmp/sockatlas.deb >said 2>&1
case_is "apt-get install: status" 0 $?
inside sockatlas run -d /tmp/trace bash -c 'exec 3<>/dev/tcp/127.0.0.1/1' >said 2>&1
case_has "run: nothing is missed" "no blind spots" "$(cat said)"
case_has "map: the connection that was refused" 'bash.*127\.0\.0\.1:1 .*ECONNREFUSED|ECONNREFUSED.*127\.0\.0\.1:1' "$(inside sockatlas map --wide /tmp/trace | tr '\n' ' ')"
inside sh -c 'LD_PRELOAD=/usr/lib/sockatlas/libsockatlas.so SOCKATLAS_DIR=/tmp/hand bash -c "exec 3<>/dev/tcp/127.0.0.1/1"; sockatlas list --json /tmp/hand' >said 2>&1
case_has "preloaded by hand, too" '"errno":"ECONNREFUSED"|ECONNREFUSED' "$(cat said)"
case_has "the completion is valid" ok "$(inside bash -n /usr/share/bash-completion/completions/sockatlas && echo ok)"
case_has "the unit starts what is installed" '^ExecStart=/usr/bin/sockatlas collect ' "$(cat "root/lib/systemd/system/sockatlas-collect@.service")"
inside apt-get purge -qq sockatlas >said 2>&1 && inside apt-get autoremove --purge -qq >said 2>&1
case_is "apt-get purge: status" 0 $?
files >after
case_is "nothing of it is left" "" "$(diff before after)"
command rm -rf root

finish
