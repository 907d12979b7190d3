/* SPDX-License-Identifier: MIT
 *
 * The program an exec is about to start: can it be traced? Callable from anywhere, and by the analyzer; some six system
 * calls, one descriptor for a moment.
 */
#ifndef SHIM_TARGET_H
#define SHIM_TARGET_H

#include "shim/trace_format.h"

/* Why the loader will not preload `shim`, an entry of LD_PRELOAD, into the file at `path` (SOCKATLAS_TRACEABLE: it
 * will, or the exec will fail). Where `shim` has "$LIB" in it, there is one for either word size. Scripts are followed
 * to their interpreter. `dirfd` as in openat(2). */
enum sockatlas_untraced target_untraced(int dirfd, const char *path, const char *shim);
/* The same for a name that execvp(3) would look up; `folders`: the process's PATH, NULL none. */
enum sockatlas_untraced target_untraced_search(const char *name, const char *folders, const char *shim);

#endif
