#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/container and samples/ci: what the files say is done, in a container's shape (another root, with the volumes mounted in it) and as a
# job's steps.
. "$(dirname "$0")/lib.sh"

# ---- The container ----
pod=$top/samples/container/pod.yaml
value() { sed -n "s/.*{name: $1, value: \(.*\)}/\1/p" "$pod"; }
mkdir -p volume root/bin root/opt/sockatlas root/trace root/proc
mkdir -m 700 trace
command=$(sed -n 's/^ *command: \[\(.*\)\]/\1/p' "$pod" | tr -d '",')
case_ok "the init container's command" sh -c "$(sed "s|/usr/local/lib/sockatlas|$top/build|; s|/opt/sockatlas|$work/volume|" <<<"$command")"
case_ok "... brings the shim" cmp "$shim" volume/libsockatlas.so
cp "$targets/attach_load" "$(type -P true)" "$(type -P env)" root/bin/
ldd root/bin/attach_load | grep -o '/[^ ]*' | while read -r each; do
    mkdir -p "root${each%/*}" && cp -L "$each" "root$each"
done
rootless=()
[ "$(id -u)" -eq 0 ] || rootless=(--map-root-user)
if unshare "${rootless[@]}" -mpf true 2>err; then
    touch root/bin/stop
    unshare "${rootless[@]}" -mpf sh -c "mount --bind volume root/opt/sockatlas && mount -o remount,bind,ro root/opt/sockatlas &&
        mount --bind trace root/trace && mount -t proc none root/proc &&
        exec chroot root /bin/env LD_PRELOAD='$(value LD_PRELOAD)' SOCKATLAS_DIR='$(value SOCKATLAS_DIR)' /bin/attach_load /bin/stop" >out 2>container.err
    case_is "the program ends as without" "0 " "$? $(head -n 3 container.err)"
    case_is "on the node its connections are on the map" true "$(map '[.edges[] | select(.connections > 0)] | length > 0')"
else
    case_skip "the program's container" "no namespaces for this user here: $(tail -n 1 err)"
fi

# ---- The CI job ----
mkdir job bin
ln -s "$sockatlas" bin/sockatlas
printf 'test:\n\t%s %s\n' "$targets/attach_load" "$work/root/bin/stop" >job/Makefile
touch root/bin/stop
ran=0
while read -r step; do
    (cd job && PATH=$work/bin:$PATH sh -c "$step") >>job.out 2>&1
    case_is "a step: $step" 0 $?
    ran=$((ran + 1))
done < <(sed -n 's/^ *- run: //p' "$top/samples/ci/steps.yml")
case_is "all steps" 3 "$ran"
case_is "the findings are SARIF" 2.1.0 "$(jq -r .version job/findings.sarif)"
case_has "the map is of what the tests did" attach_load "$(cat job/map.txt)"
printf 'test:\n\texit 5\n' >job/Makefile
(cd job && PATH=$work/bin:$PATH sh -c "$(sed -n 's/^ *- run: //p' "$top/samples/ci/steps.yml" | head -n 1)") >>job.out 2>&1
case_is "tests that fail fail the step" 2 $?
finish
