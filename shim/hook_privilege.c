/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the calls by which a process gives up what it needs to make its log, or moves to another network
 * namespace or into a sandbox. The log is made just before, at the latest.
 */
#include "shim/clock.h"
#include "shim/coverage.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/netns.h"
#include "shim/probe.h"
#include "shim/record.h"
#include "shim/watch.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/prctl.h>

/* Give up the right to write where the log goes. A change to what one is already is none. */
static void before_drop(void)
{
    load_ready();
    log_prepare();
}

/* The process's user or name has changed, unless the call failed. */
static int after_change(int result)
{
    if (result == 0)
        record_process();
    return result;
}

/* Another root folder. */
HOOK int chroot(const char *path)
{
    before_drop();
    return real.chroot(path);
}

/* Another user or group. */
HOOK int setuid(uid_t user)
{
    before_drop();
    return after_change(real.setuid(user));
}

/* See setuid. */
HOOK int setgid(gid_t group)
{
    before_drop();
    return real.setgid(group);
}

/* See setuid. */
HOOK int setreuid(uid_t user, uid_t effective)
{
    before_drop();
    return after_change(real.setreuid(user, effective));
}

/* See setuid. */
HOOK int setregid(gid_t group, gid_t effective)
{
    before_drop();
    return real.setregid(group, effective);
}

/* See setuid. */
HOOK int setresuid(uid_t user, uid_t effective, uid_t saved)
{
    before_drop();
    return after_change(real.setresuid(user, effective, saved));
}

/* See setuid. */
HOOK int setresgid(gid_t group, gid_t effective, gid_t saved)
{
    before_drop();
    return real.setresgid(group, effective, saved);
}

/* See setuid. */
HOOK int seteuid(uid_t user)
{
    before_drop();
    return after_change(real.seteuid(user));
}

/* See setuid. */
HOOK int setegid(gid_t group)
{
    before_drop();
    return real.setegid(group);
}

/* The user by whom files are opened. */
HOOK int setfsuid(uid_t user)
{
    before_drop();
    return real.setfsuid(user);
}

/* See setfsuid. */
HOOK int setfsgid(gid_t group)
{
    before_drop();
    return real.setfsgid(group);
}

/* Other groups beside it. */
HOOK int setgroups(size_t count, const gid_t *groups)
{
    before_drop();
    return real.setgroups(count, groups);
}

/* See setgroups: those of a user. */
HOOK int initgroups(const char *user, gid_t group)
{
    before_drop();
    return real.initgroups(user, group);
}

/* Other rights: root without CAP_DAC_OVERRIDE is as anybody. */
HOOK int capset(void *header, const void *data)
{
    before_drop();
    return real.capset(header, data);
}

/* Another root file system. */
HOOK int pivot_root(const char *root, const char *old)
{
    before_drop();
    return real.pivot_root(root, old);
}

/* A namespace that exists. Type 0 may be any kind. */
HOOK int setns(int fd, int type)
{
    before_drop();
    int result = real.setns(fd, type);
    if (result == 0 && (type == 0 || (type & CLONE_NEWNET)))
        netns_entered(SOCKATLAS_CALL_setns);
    if (result == 0 && config.on && (type == 0 || (type & CLONE_NEWTIME)))
        clock_learn();
    return result;
}

/* A new namespace. */
HOOK int unshare(int flags)
{
    before_drop();
    int result = real.unshare(flags);
    if (result == 0 && (flags & CLONE_NEWNET))
        netns_entered(SOCKATLAS_CALL_unshare);
    if (result == 0 && (flags & CLONE_NEWTIME))
        clock_change();
    return result;
}

/* A name; a sandbox. After it no system call is ours to make; records go on as far as space was made ahead. */
HOOK int prctl(int option, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, option);
    unsigned long a = va_arg(arguments, unsigned long), b = va_arg(arguments, unsigned long);
    unsigned long c = va_arg(arguments, unsigned long), d = va_arg(arguments, unsigned long);
    va_end(arguments);
    if (option == PR_SET_TSC && a == PR_TSC_SIGSEGV && config.on)
        clock_stamp_forbidden();
    if (option == PR_SET_NAME)
        return after_change(real.prctl(option, a, b, c, d));
    if (option != PR_SET_SECCOMP)
        return real.prctl(option, a, b, c, d);
    struct sandbox_entering entering =
        watch_sandbox(a == SECCOMP_MODE_STRICT ? WATCH_SANDBOX_STRICT : WATCH_SANDBOX_FILTER);
    int result = real.prctl(option, a, b, c, d);
    watch_sandboxed(SOCKATLAS_CALL_prctl, &entering, result == 0);
    return result;
}
