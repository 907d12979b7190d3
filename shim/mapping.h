/* SPDX-License-Identifier: MIT
 *
 * What /proc/self/maps says of one of our mappings: where its file stands now, whatever it was called before. Callable
 * from anywhere; opens a descriptor for a moment.
 */
#ifndef SHIM_MAPPING_H
#define SHIM_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

/* The path of the file that is mapped at `address`. False: there is none, or it is longer than `capacity`. */
bool mapping_path(const void *address, char *out, size_t capacity);

#endif
