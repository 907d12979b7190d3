/* SPDX-License-Identifier: MIT
 *
 * How much of the memory that this process may use a log may take. Callable from anywhere; some ten system calls.
 */
#ifndef SHIM_MEMORY_SHARE_H
#define SHIM_MEMORY_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes: a part of the least of what the machine has and what the process's memory cgroups allow. `grouped`: it is
 * known to be in one, so that little is safe where /proc does not say in which, as after chroot(2). */
uint64_t memory_share(bool grouped);

#endif
