/* SPDX-License-Identifier: MIT
 *
 * Knows which threads are in a seccomp sandbox. Its only system calls are those by which the loader reads a library,
 * and are made once, before anything else is asked of the kernel. Callable from anywhere.
 */
#include "shim/sandbox.h"

#include "shim/sys.h"
#include "shim/thread.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

HOT enum sandbox_state sandbox_state;

static THREAD enum {
    UNDECIDED, /* not asked yet while some thread was inside */
    OUTSIDE,
    INSIDE,
} place_of;
#define place THREAD_OWN(place_of)

/* -1: none that is known. */
static int trusted = -1;
/* Calls of sandbox_enter() for all that stand. */
static unsigned everyone;
/* A thread that was inside has made another: one that is met for the first time may be that. */
static bool inherited;
/* It was this thread's vfork child that entered. */
static THREAD bool child_entered_of;
#define child_entered THREAD_OWN(child_entered_of)

/* glibc's own, absent from musl. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

/* Opens a file as this libc's loader has just opened this object: a filter sees the same number and the same flags (the
 * path it cannot see). */
static long open_as_loader(const char *path)
{
#ifdef SYS_open
    if (!gnu_get_libc_version)
        return sys_raw(SYS_open, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
#endif
    return sys_raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
}

/* The number behind `name`, -1 where there is none. */
static int number_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (!at)
        return -1;
    int value = 0;
    at += strlen(name);
    while (*at == ' ' || *at == '\t')
        at++;
    for (; *at >= '0' && *at <= '9' && value < 1000000; at++)
        value = value * 10 + (*at - '0');
    return value;
}

/* How many filters a process is under, by its /proc/PID/status. -1: it cannot be read. Kernels before 5.9 do not count
 * them: 1 for any number. */
static int filters_of(const char *path)
{
    enum { PART = 768, LINE = 64 }; /* the stack may be small: the end of each part is looked at again with the next */
    char text[LINE + PART + 1];
    long fd = open_as_loader(path), got;
    if (fd < 0)
        return -1;
    int mode = -1, count = -1;
    size_t kept = 0;
    while (mode != 0 && count < 0 && (got = sys_raw(SYS_read, fd, (long)(text + kept), PART, 0, 0, 0)) > 0) {
        size_t size = kept + (size_t)got;
        text[size] = 0;
        int mode_here = number_of(text, "\nSeccomp:"), count_here = number_of(text, "\nSeccomp_filters:");
        mode = mode_here >= 0 ? mode_here : mode;
        count = count_here >= 0 ? count_here : count;
        kept = size < LINE ? size : LINE;
        memmove(text, text + size - kept, kept);
    }
    sys_raw(SYS_close, fd, 0, 0, 0, 0, 0);
    if (kept == 0)
        return -1;
    if (mode <= 0)
        return 0;
    return count > 0 ? count : 1;
}

/* An image that began under a filter asks nothing of the kernel, unless the filter is known to let it: because whoever
 * started it says that there were as many when all was well (SOCKATLAS_FILTERS), or because pid 1 is under as many, as
 * in a container, whose runtime's filter refuses and does not kill. */
static enum sandbox_state learn(void)
{
    int own = filters_of("/proc/self/status");
    if (own == 0 || (trusted >= 0 && (own < 0 || own == trusted)))
        return SANDBOX_NONE;
    if (own > 0 && trusted < 0 && own == filters_of("/proc/1/status"))
        return SANDBOX_NONE;
    return SANDBOX_ALL;
}

void sandbox_trust(int filters)
{
    trusted = filters;
}

void sandbox_ask_again(void)
{
    enum sandbox_state all = SANDBOX_ALL;
    trusted = 0;
    if (__atomic_load_n(&everyone, __ATOMIC_SEQ_CST) == 0)
        __atomic_compare_exchange_n(&sandbox_state, &all, SANDBOX_UNKNOWN, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

bool sandbox_inside_slowly(void)
{
    enum sandbox_state state = __atomic_load_n(&sandbox_state, __ATOMIC_ACQUIRE);
    if (state == SANDBOX_UNKNOWN) {
        enum sandbox_state learned = learn();
        if (__atomic_compare_exchange_n(&sandbox_state, &state, learned, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            state = learned;
    }
    if (state != SANDBOX_THREADS)
        return state == SANDBOX_ALL;
    if (place == UNDECIDED)
        place = __atomic_load_n(&inherited, __ATOMIC_ACQUIRE) ? INSIDE : OUTSIDE;
    return place == INSIDE;
}

/* At least that; never back to what lets more. */
static void raise_state(enum sandbox_state to)
{
    enum sandbox_state now = __atomic_load_n(&sandbox_state, __ATOMIC_ACQUIRE);
    while (now < to &&
           !__atomic_compare_exchange_n(&sandbox_state, &now, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        ;
}

struct sandbox_entering sandbox_enter(bool all, bool vforked)
{
    struct sandbox_entering entering = {.all = all && !vforked, .was = sandbox_inside()};
    if (vforked && !entering.was)
        child_entered = true;
    place = INSIDE;
    if (entering.all) {
        __atomic_fetch_add(&everyone, 1, __ATOMIC_SEQ_CST);
        raise_state(SANDBOX_ALL);
    }
    raise_state(SANDBOX_THREADS);
    return entering;
}

/* Another thread may be entering with all at this moment. */
void sandbox_refused(const struct sandbox_entering *entering)
{
    enum sandbox_state expected = SANDBOX_ALL;
    if (entering->all && __atomic_sub_fetch(&everyone, 1, __ATOMIC_SEQ_CST) == 0) {
        __atomic_compare_exchange_n(&sandbox_state, &expected, SANDBOX_THREADS, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&everyone, __ATOMIC_SEQ_CST))
            raise_state(SANDBOX_ALL);
    }
    if (entering->was)
        return;
    child_entered = false;
    place = OUTSIDE;
}

void sandbox_outside(void)
{
    if (place == UNDECIDED)
        place = OUTSIDE;
}

HOT static bool threads_began;

bool sandbox_threads_began(void)
{
    return __atomic_load_n(&threads_began, __ATOMIC_RELAXED);
}

void sandbox_thread_begins(void)
{
    __atomic_store_n(&threads_began, true, __ATOMIC_RELAXED);
    if (sandbox_inside())
        __atomic_store_n(&inherited, true, __ATOMIC_RELEASE);
}

void sandbox_forked(void)
{
    if (sandbox_state != SANDBOX_THREADS || sandbox_inside())
        return;
    inherited = false;
    sandbox_state = SANDBOX_NONE;
}

bool sandbox_goes(void)
{
    bool was = child_entered;
    if (was)
        place = OUTSIDE;
    child_entered = false;
    return was;
}

void sandbox_stays(bool was)
{
    if (was)
        place = INSIDE;
    child_entered = was;
}
