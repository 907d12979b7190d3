/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the calls that limit or lock a process's address space, of which the log's range is a large part: it is
 * given back, so that the program has what it would have without us.
 */
#include "shim/config.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/log.h"
#include "shim/process.h"
#include "shim/sys.h"

#include <sys/mman.h>
#include <sys/resource.h>

/* The share of a limited address space that the log may have. */
enum { SHARE = 32 };

/* libc declares that a limit is never NULL, and the compiler takes that for true in the wrapper as well; programs give
 * NULL all the same. */
static inline const void *as_given(const void *limit)
{
    __asm__("" : "+r"(limit));
    return limit;
}

static void limited64(int resource, int result, const struct rlimit64 *limit)
{
    bool set = resource == RLIMIT_AS && result == 0 && limit && limit->rlim_cur != RLIM64_INFINITY;
    if (set && config.on && !process_in_vfork())
        log_shrink(limit->rlim_cur / SHARE);
}

/* `limit`: what was set. NULL: nothing, with which libc's calls succeed. */
static void limited(int resource, int result, const struct rlimit *limit)
{
    struct rlimit64 same = {.rlim_cur = RLIM64_INFINITY};
    if (limit && result == 0 && limit->rlim_cur != RLIM_INFINITY)
        same.rlim_cur = limit->rlim_cur;
    limited64(resource, result, limit ? &same : NULL);
}

/* A limit of this process. */
HOOK int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    load_ready();
    int result = real.setrlimit(resource, limit);
    limited((int)resource, result, as_given(limit));
    return result;
}

/* What programs built with _FILE_OFFSET_BITS=64 call. */
HOOK int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
    load_ready();
    int result = real.setrlimit64 ? real.setrlimit64(resource, limit)
                                  : real.setrlimit(resource, (const struct rlimit *)limit); /* musl: the same layout */
    limited64((int)resource, result, as_given(limit));
    return result;
}

static bool is_own(pid_t pid)
{
    return pid == 0 || (uint32_t)pid == process_owner();
}

/* A limit of any process. */
HOOK int prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *limit, struct rlimit *old)
{
    load_ready();
    int result = real.prlimit(pid, resource, limit, old);
    if (is_own(pid))
        limited((int)resource, result, as_given(limit));
    return result;
}

/* What programs built with _FILE_OFFSET_BITS=64 call. */
HOOK int prlimit64(pid_t pid, __rlimit_resource_t resource, const struct rlimit64 *limit, struct rlimit64 *old)
{
    load_ready();
    int result = real.prlimit64 ? real.prlimit64(pid, resource, limit, old)
                                : real.prlimit(pid, resource, (const struct rlimit *)limit, (struct rlimit *)old);
    if (is_own(pid))
        limited64((int)resource, result, as_given(limit));
    return result;
}

/* Without the right to lock any amount the whole address space counts (mlock(2)), so the call is tried again with less
 * of the log in it. */
static int lock_with_less(int flags)
{
    struct rlimit64 limit;
    int result = -1;
    if (sys(SYS_prlimit64, 0, RLIMIT_MEMLOCK, NULL, &limit) == 0 && limit.rlim_cur != RLIM64_INFINITY) {
        log_shrink(limit.rlim_cur / SHARE);
        result = real.mlockall(flags);
    }
    if (result < 0) {
        log_shrink(0);
        result = real.mlockall(flags);
    }
    return result;
}

/* All memory stays in core; of the log, what is in use. */
HOOK int mlockall(int flags)
{
    load_ready();
    int before = errno, result = real.mlockall(flags);
    int error = hook_error(result);
    if (!config.on || !log_is_open() || process_in_vfork())
        return result;
    /* In a sandbox nothing of the log can be given back. */
    if ((error == ENOMEM || error == EAGAIN) && !sandbox_inside())
        result = lock_with_less(flags);
    if (result == 0) {
        errno = before;
        log_unlock();
    }
    return result;
}
