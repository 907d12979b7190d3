/* SPDX-License-Identifier: MIT
 *
 * Reads the clock. Callable from anywhere; where it has to ask more than the time, it does so by raw system calls.
 */
#include "shim/clock.h"

#include "shim/image.h"
#include "shim/sys.h"

#include <time.h>

HOT static int64_t offset;
HOT static bool changes; /* in children */

static uint64_t nanoseconds(const struct timespec *now)
{
    return (uint64_t)now->tv_sec * 1000000000u + (uint64_t)now->tv_nsec -
           (uint64_t)__atomic_load_n(&offset, __ATOMIC_RELAXED);
}

uint64_t clock_settled(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return nanoseconds(&now);
}

bool clock_warm(void)
{
    struct process_wiped *page = process_page();
    return !page || page->clock_reads >= PROCESS_YOUNG;
}

/* A forked child's first readings go by system call: what would spare it lies in two pages that the child has to fault
 * in first, and many a child does not live to see that pay. */
uint64_t clock_now(void)
{
    if (__builtin_expect(process_settled(), 1) || process_confined() || clock_warm())
        return clock_settled();
    struct process_wiped *page = process_page();
    if (page->clock_reads++ == 0 && changes)
        clock_learn();
    struct timespec now;
    sys(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
    return nanoseconds(&now);
}

void clock_learn(void)
{
    __atomic_store_n(&offset, image_clock_offset(), __ATOMIC_RELAXED);
}

int64_t clock_offset(void)
{
    return __atomic_load_n(&offset, __ATOMIC_RELAXED);
}

void clock_change(void)
{
    changes = true;
}
