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
/* In a sandbox, where the vDSO would ask the kernel for the fine clock: CLOCK_BOOTTIME is this much ahead of
 * CLOCK_MONOTONIC_COARSE, which it never asks for. */
static bool coarse;
static uint64_t coarse_behind;

uint64_t clock_settled(void)
{
    uint64_t now = __builtin_expect(coarse, 0) && sandbox_inside() ? vdso_clock(CLOCK_MONOTONIC_COARSE) + coarse_behind
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

/* These two sources the vDSO always reads itself; of the others it depends. */
void clock_sandbox(void)
{
    char source[32];
    image_clock_source(source);
    if (strcmp(source, "tsc") == 0 || strcmp(source, "arch_sys_counter") == 0 || coarse)
        return;
    coarse_behind = vdso_clock(CLOCK_BOOTTIME) - vdso_clock(CLOCK_MONOTONIC_COARSE);
    coarse = true;
}
