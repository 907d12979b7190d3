/* SPDX-License-Identifier: MIT
 *
 * Network namespaces.
 */
#include "tests/ground/network.h"

#include "tests/ground/cast.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool own;

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return done;
}

/* The kernel lets a new address be used once its worker has been. */
static bool usable(int fd)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_scope_id = 1};
    inet_pton(AF_INET6, "fe80::1", &address.sin6_addr);
    for (int tries = 0; tries < 10000; tries++) {
        if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            return true;
        poll(NULL, 0, 1);
    }
    return false;
}

static bool make_ready(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    struct in6_ifreq address = {.ifr6_prefixlen = 64, .ifr6_ifindex = 1};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET6, "fe80::1", &address.ifr6_addr);
    bool done = ioctl(fd, SIOCSIFFLAGS, &loopback) == 0 && ioctl(fd, SIOCSIFADDR, &address) == 0 && usable(fd);
    close(fd);
    return put("/proc/sys/net/ipv4/tcp_fastopen", "3") && done;
}

/* Its root is who we are. */
static bool enter_user(void)
{
    char map[64];
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || !put("/proc/self/setgroups", "deny"))
        return false;
    snprintf(map, sizeof map, "0 %u 1", user);
    bool done = put("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", group);
    return put("/proc/self/gid_map", map) && done;
}

bool network_own(void)
{
    own = (unshare(CLONE_NEWNET) == 0 || enter_user()) && make_ready();
    return own;
}

bool network_is_own(void)
{
    return own;
}

void network_prepare(int channel)
{
    int status;
    pid_t helper = fork();
    if (helper == 0)
        _exit(setns(cast_process(channel), CLONE_NEWNET) < 0 || !make_ready());
    if (helper < 0 || waitpid(helper, &status, 0) != helper || status != 0)
        cast_fail("actor %d: its network namespace cannot be made ready", channel);
}
