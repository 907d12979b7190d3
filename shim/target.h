/* SPDX-License-Identifier: MIT
 *
 * The program an exec is about to start: can it be traced? Callable from anywhere, and by the analyzer; some six system
 * calls, one descriptor for a moment.
 */
#ifndef SHIM_TARGET_H
#define SHIM_TARGET_H

#include "shim/trace_format.h"

#include <stdbool.h>

/* Why the loader will not preload `shim`, an entry of LD_PRELOAD, into the file at `path` (SOCKATLAS_TRACEABLE: it
 * will, or the exec will fail). Where `shim` has "$LIB" in it, there is one for either word size. Scripts are followed
 * to their interpreter. `dirfd` as in openat(2). */
enum sockatlas_untraced target_untraced(int dirfd, const char *path, const char *shim);
/* The file that execvp(3) would execute by this name; `folders`: the process's PATH, NULL none. `path` has space for
 * TARGET_PATH_MAX. False: none, or its path is longer. */
enum { TARGET_PATH_MAX = 1024 };
bool target_find(const char *name, const char *folders, char *path);

#endif
