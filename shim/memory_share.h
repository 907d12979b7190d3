/* SPDX-License-Identifier: MIT
 *
 * How much of the memory that this process may use a log may take. Callable from anywhere; some ten system calls.
 */
#ifndef SHIM_MEMORY_SHARE_H
#define SHIM_MEMORY_SHARE_H

#include <stdint.h>

/* Bytes: a part of the least of what the machine has and what the process's memory cgroups allow. */
uint64_t memory_share(void);

#endif
