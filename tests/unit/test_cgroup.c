/* SPDX-License-Identifier: MIT
 *
 * Units and containers in cgroup paths, as systemd and the container managers write them.
 */
#include "analyzer/names/cgroup.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ID_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static const struct sample {
    const char *path, *unit, *container;
} samples[] = {
    {"", NULL, NULL},
    {"/", NULL, NULL},
    {"/system.slice/nginx.service", "nginx.service", NULL},
    {"/system.slice/nginx.service/", "nginx.service", NULL},
    {"/system.slice/nginx.service/worker", "nginx.service", NULL},
    {"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", NULL},
    {"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", NULL},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service", "foo.service", NULL},
    {"/system.slice/_cpu.service", "cpu.service", NULL},
    {"/system.slice", NULL, NULL},
    {"/system.slice/.service", NULL, NULL},
    {"/system.slice/docker-" ID_A ".scope", "docker-" ID_A ".scope", ID_A},
    {"/docker/" ID_A, NULL, ID_A},
    {"/docker/" ID_A "/docker/" ID_B, NULL, ID_B},
    {"/docker/" ID_A "/system.slice/cron.service", "cron.service", ID_A},
    {"/machine.slice/libpod-" ID_A ".scope/container", "libpod-" ID_A ".scope", ID_A},
    {"/libpod_parent/libpod-" ID_A, NULL, ID_A},
    {"/machine.slice/libpod-conmon-" ID_A ".scope", "libpod-conmon-" ID_A ".scope", NULL},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-" ID_A ".scope",
     "cri-containerd-" ID_A ".scope", ID_A},
    {"/kubepods/besteffort/pod2c48913c-b29f-11e7-9350-020968147796/" ID_B, NULL, ID_B},
    {"/kubepods.slice/kubepods-pod1.slice/crio-" ID_A ".scope", "crio-" ID_A ".scope", ID_A},
    {"/default/" ID_A, NULL, ID_A},
    {"/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-1234567890", NULL,
     "0123456789abcdef0123456789abcdef-1234567890"},
    {"/lxc.payload.web", NULL, "web"},
    {"/lxc/web", NULL, "web"},
    {"/machine.slice/machine-web.scope", "machine-web.scope", "web"},
    {"/machine.slice/systemd-nspawn@web.service/payload", "systemd-nspawn@web.service", "web"},
    {"/docker/0123456789abcdef", NULL, NULL},
    {"/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", NULL, NULL},
};

Test(cgroup, says_unit_and_container)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        char unit[CGROUP_NAME_MAX], container[CGROUP_NAME_MAX];
        const char *found_unit = cgroup_unit(samples[i].path, unit);
        const char *found_container = cgroup_container(samples[i].path, container);
        cr_expect_str_eq(found_unit ? found_unit : "none", samples[i].unit ? samples[i].unit : "none", "%s",
                         samples[i].path);
        cr_expect_str_eq(found_container ? found_container : "none",
                         samples[i].container ? samples[i].container : "none", "%s", samples[i].path);
    }
}

Test(cgroup, takes_no_name_that_is_too_long)
{
    char path[600], out[CGROUP_NAME_MAX];
    snprintf(path, sizeof path, "/system.slice/%0400d.service", 0);
    cr_expect_null(cgroup_unit(path, out));
}
