/* SPDX-License-Identifier: MIT
 *
 * The shim's beginning. Every wrapper calls load_ready() first, because another library's constructor may have called
 * it before ours ran.
 */
#ifndef SHIM_LOAD_H
#define SHIM_LOAD_H

#include "shim/real.h"

/* Resolves the real functions and reads the configuration. Idempotent. */
void load_now(void);

static inline void load_ready(void)
{
    if (__builtin_expect(!real.resolved, 0))
        load_now();
}

#endif
