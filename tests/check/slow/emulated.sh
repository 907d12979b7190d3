# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# An AArch64 machine to run suites in: QEMU, with a kernel, a libc and programs of Debian's own, which apt-get downloads for that
# architecture below build/aarch64, with lists and a status of its own there: what is installed here stays as it is. For the suites beside it.
#
#   emulated PAGES RELEASE PACKAGE NAME...   tests/run NAME... in a machine with pages of so many bytes, whose kernel is that release's
#                                            PACKAGE, which depends on the kernel's own: a case for each
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"

arm=$top/build/aarch64
root=$arm/root
build=$arm/build
compiler=aarch64-linux-gnu-gcc

# What the suites in there call, and what the product is built with.
programs='bash dash coreutils libc-bin jq strace iproute2 procps util-linux mount grep sed gawk findutils diffutils'
libraries='libc6-dev linux-libc-dev libcjson-dev libcurl4-openssl-dev uthash-dev nettle-dev libncurses-dev libsodium-dev libzstd-dev libcriterion-dev'

# apt RELEASE COMMAND...: apt-get or apt-cache for that release of Debian's, on AArch64.
apt() {
    local state=$arm/apt/$1
    shift
    timeout 75 "$@" -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User="$(id -un)" -o Dir::State="$state" \
        -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Debug::NoLocking=1 -o Acquire::Retries=0
}

# From where this machine has its Debian, for another release.
apt_begin() { # RELEASE
    local state=$arm/apt/$1 uri
    [ ! -e "$state/ready" ] || return 0
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' | grep -v security | sort -u | head -1)
    [ -n "$uri" ] || return 1
    mkdir -p "$state"/lists/partial "$state"/cache/archives/partial
    : >"$state/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $1 main" >"$state/sources.list"
    apt "$1" apt-get -qq --error-on=any update && touch "$state/ready"
}

unpack() { # PACKAGE'S FILE, FOLDER, [tar's arguments]
    local file=$1 folder=$2
    shift 2
    dpkg-deb --fsys-tarfile "$file" | tar -x -C "$folder" --exclude='./usr/share/*' "$@"
}

# The packages above and what they depend on, unpacked in $root.
download() {
    local archives=$arm/apt/bookworm/cache/archives file
    [ ! -e "$root/ready" ] || return 0
    # shellcheck disable=SC2086
    apt_begin bookworm && apt bookworm apt-get -qq -y install --download-only --no-install-recommends $programs $libraries || return 1
    mkdir -p "$root"
    for file in "$archives"/*.deb; do
        unpack "$file" "$root" || return 1
    done
    command rm -f "$archives"/*.deb
    touch "$root/ready"
}

# download_kernel RELEASE PACKAGE: afterwards it is $arm/kernel/PACKAGE.
download_kernel() {
    local state=$arm/apt/$1 new=$arm/kernel/new package
    [ ! -e "$arm/kernel/$2" ] || return 0
    apt_begin "$1" || return 1
    package=$(apt "$1" apt-cache depends "$2" | awk '/Depends: linux-image/ { print $2; exit }')
    [ -n "$package" ] && mkdir -p "$new" && (cd "$state" && apt "$1" apt-get -qq download "$package") || return 1
    unpack "$state/$package"_*.deb "$new" --wildcards --strip-components=2 './boot/vmlinuz-*' || return 1
    command rm -f "$state/$package"_*.deb
    mv "$new"/vmlinuz-* "$arm/kernel/$2"
}

# The product and what tests it, for that machine, in $build.
cross_build() {
    local goals=("$build"/fault/{account,kills} "$build/ground/agree" "$build/tests/test_ring") source
    for source in "$top"/tests/{targets,tools}/*.c; do
        source=${source#"$top/tests/"}
        goals+=("$build/${source%.c}")
    done
    make -C "$top" -s -j2 BUILD="$build" CC="$compiler --sysroot=$root" CFLAGS=-O2 all "${goals[@]}"
}

# file_system NAME...: ./initrd, a small Debian with all that in /work, which runs those suites.
file_system() {
    local folder
    mkdir -p fs/{proc,sys,dev,tmp,run,root,etc,work/build,usr/{bin,sbin,lib/aarch64-linux-gnu}}
    for folder in bin sbin lib; do
        ln -s "usr/$folder" "fs/$folder"
    done
    cp -a "$root"/bin/. "$root"/usr/bin/. fs/usr/bin/
    cp -a "$root"/sbin/. "$root"/usr/sbin/. fs/usr/sbin/
    cp -a "$root"/lib/aarch64-linux-gnu/*.so* "$root"/usr/lib/aarch64-linux-gnu/*.so* fs/usr/lib/aarch64-linux-gnu/
    cp -a "$root"/lib/ld-linux-aarch64.so.1 fs/usr/lib/
    ln -sf gawk fs/usr/bin/awk
    ln -sf dash fs/usr/bin/sh
    echo 'root:x:0:0:root:/root:/bin/bash' >fs/etc/passwd
    echo 'root:x:0:' >fs/etc/group
    echo '127.0.0.1 localhost' >fs/etc/hosts
    mkdir fs/work/tests
    cp -a "$top"/tests/{run,check,e2e,fault,targets,unit} fs/work/tests/
    cp -a "$build"/{sockatlas,libsockatlas.so,targets,tools,fault,ground,tests} fs/work/build/
    find fs/work/build -type f \( -name '*.d' -o -name '*.o' \) -delete
    cat >fs/init <<END
#!/bin/bash
export PATH=/usr/bin:/usr/sbin HOME=/root N=40
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev
mkdir /dev/shm && mount -t tmpfs shm /dev/shm && mount -t tmpfs tmp /tmp && ln -s /proc/self/fd /dev/fd
ip link set lo up
echo "machine: \$(uname -m), pages of \$(getconf PAGESIZE)"
cd /work && tests/run $*
echo o >/proc/sysrq-trigger
sleep 60
END
    chmod +x fs/init
    (cd fs && find . | cpio -o -R 0:0 -H newc --quiet) >initrd
}

emulated() {
    local pages=$1 release=$2 package=$3 name line said
    local what="AArch64 with pages of $pages bytes"
    shift 3
    for name in qemu-system-aarch64 cpio $compiler; do
        command -v "$name" >/dev/null || { case_skip "$what" "there is no $name" && return; }
    done
    if ! said=$(download 2>&1 && download_kernel "$release" "$package" 2>&1); then
        case_skip "$what" "apt-get cannot download Debian's packages for it: $(tail -1 <<<"${said:-no answer in time}")"
        return
    fi
    if ! said=$(cross_build 2>&1); then
        fail "$what: the product is built for it" "$(tail -20 <<<"$said")"
        return
    fi
    file_system "$@"
    qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -smp 2 -m 1800 -kernel "$arm/kernel/$package" -initrd initrd \
        -append 'console=ttyAMA0 quiet panic=1' -nographic -no-reboot -net none </dev/null >console 2>&1
    case_has "$what: it is such a machine" "^machine: aarch64, pages of $pages" "$(tr -d '\r' <console)"
    for name; do
        line=$(tr -d '\r' <console | grep -E "^$name +[0-9]+ passed +[0-9]+ failed")
        if grep -qE ' +[1-9][0-9]* passed +0 failed' <<<"$line"; then
            pass "$what: $line"
        else
            fail "$what: $name" "${line:-it did not run}" "$(grep -A8 'not ok' console || tail -40 console)"
        fi
    done
}
