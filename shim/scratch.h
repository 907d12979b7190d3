/* SPDX-License-Identifier: MIT
 *
 * Memory for the time of one call, of any size: neither on the program's stack, which may be small, nor from its
 * allocator. Callable from anywhere; in a vfork child that executes a program its parent takes it down.
 */
#ifndef SHIM_SCRATCH_H
#define SHIM_SCRATCH_H

#include <stddef.h>

struct scratch {
    void *memory; /* NULL: none was wanted, or there is none to be had */
    size_t size;
};

/* One system call; none for size 0, and none in a sandbox, where there is but little. */
struct scratch scratch_take(size_t size);
void scratch_give(const struct scratch *scratch);

#endif
