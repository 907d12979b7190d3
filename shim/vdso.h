/* SPDX-License-Identifier: MIT
 *
 * The kernel's clocks, read without a system call where the kernel's vDSO can, and never by libc's clock_gettime(), for
 * which a program or another preload may have put one of its own. Callable from anywhere.
 */
#ifndef SHIM_VDSO_H
#define SHIM_VDSO_H

#include <stdint.h>
#include <time.h>

/* `clock` in nanoseconds, as this process's time namespace has it. */
uint64_t vdso_clock(clockid_t clock);
/* The same by a system call. */
uint64_t vdso_clock_asked(clockid_t clock);
/* CLOCK_MONOTONIC_COARSE, never by a system call where there is a vDSO. */
uint64_t vdso_clock_coarse(void);
/* From now on vdso_clock() makes a system call. */
void vdso_avoid(void);

#endif
