/* SPDX-License-Identifier: MIT
 *
 * Finds the vDSO's clock_gettime() at the first reading. Callable from anywhere.
 */
#include "shim/vdso.h"

#include "shim/elf.h"
#include "shim/sys.h"

#include <stddef.h>

#if defined(__x86_64__) || defined(__i386__)
#define NAME "__vdso_clock_gettime"
#else
#define NAME "__kernel_clock_gettime"
#endif

HOT static int (*reader)(clockid_t, struct timespec *);

static uint64_t nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

static int ask(clockid_t clock, struct timespec *out)
{
    return (int)sys(SYS_clock_gettime, clock, out);
}

static __attribute__((noinline, cold)) int (*find(void))(clockid_t, struct timespec *)
{
    int (*found)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))elf_vdso(NAME);
    return found ? found : ask;
}

uint64_t vdso_clock(clockid_t clock)
{
    struct timespec now = {0};
    int (*read)(clockid_t, struct timespec *) = __atomic_load_n(&reader, __ATOMIC_RELAXED);
    if (__builtin_expect(!read, 0)) {
        read = find();
        __atomic_store_n(&reader, read, __ATOMIC_RELAXED);
    }
    read(clock, &now);
    return nanoseconds(&now);
}

uint64_t vdso_clock_asked(clockid_t clock)
{
    struct timespec now = {0};
    ask(clock, &now);
    return nanoseconds(&now);
}

uint64_t vdso_clock_coarse(void)
{
    struct timespec now = {0};
    find()(CLOCK_MONOTONIC_COARSE, &now);
    return nanoseconds(&now);
}

void vdso_avoid(void)
{
    __atomic_store_n(&reader, ask, __ATOMIC_RELAXED);
}
