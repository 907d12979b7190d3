/* SPDX-License-Identifier: MIT
 *
 * Reads the clock. Callable from anywhere; where it has to ask more than the time, it does so by raw system calls.
 */
#include "shim/clock.h"

#include "shim/image.h"
#include "shim/sandbox.h"
#include "shim/sys.h"
#include "shim/vdso.h"

#include <string.h>

HOT static int64_t offset;
HOT static bool changes; /* in children */
/* In a sandbox the coarse clock is read, which takes neither a system call nor the processor's time stamp; how much
 * CLOCK_BOOTTIME is ahead of it. */
static bool coarse;
static uint64_t coarse_behind;

uint64_t clock_settled(void)
{
    uint64_t now = __builtin_expect(coarse, 0) && sandbox_inside() ? vdso_clock_coarse() + coarse_behind
                                                                   : vdso_clock(CLOCK_BOOTTIME);
    return now - (uint64_t)__atomic_load_n(&offset, __ATOMIC_RELAXED);
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
    if (__builtin_expect(process_settled(), 1) || sandbox_inside() || clock_warm())
        return clock_settled();
    struct process_wiped *page = process_page();
    if (page->clock_reads++ == 0 && changes)
        clock_learn();
    return vdso_clock_asked(CLOCK_BOOTTIME) - (uint64_t)__atomic_load_n(&offset, __ATOMIC_RELAXED);
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

static void make_coarse(void)
{
    if (coarse)
        return;
    coarse_behind = vdso_clock(CLOCK_BOOTTIME) - vdso_clock_coarse();
    coarse = true;
}

/* For the fine clock the vDSO reads these two sources itself, of the others it may ask the kernel. In strict mode the
 * processor's time stamp may not be read. */
void clock_sandbox(bool strict)
{
    char source[32];
    image_clock_source(source);
    if (strict || (strcmp(source, "tsc") != 0 && strcmp(source, "arch_sys_counter") != 0))
        make_coarse();
}

void clock_stamp_forbidden(void)
{
    make_coarse();
    vdso_avoid();
}
