/* SPDX-License-Identifier: MIT
 *
 * Processes that are made by syscall(). For hook_syscall.c; the real functions are resolved before.
 */
#ifndef SHIM_FORK_H
#define SHIM_FORK_H

#include "shim/trace_format.h"

#include <stdint.h>

/* Makes a child that has a copy of this memory and goes on with this stack, as fork()'s does: returns in both. `flags`:
 * clone(2)'s. */
long fork_by_number(uint64_t flags, long number, const long arguments[6]);
/* The caller is about to make a child in this memory, and waits until that ends or executes a program. */
void fork_vforking(enum sockatlas_call call);

#endif
