/* SPDX-License-Identifier: MIT
 *
 * Executing a program without a libc to interpose on, so that it is followed all the same: sockatlas-patch
 * (analyzer/patch/) is started and waits for the program. The exec itself is the caller's, as ever, with its errors.
 * For the wrappers of exec and for `run`; callable from anywhere but a sandbox. errno is not touched.
 */
#ifndef SHIM_LAUNCH_H
#define SHIM_LAUNCH_H

#include "shim/trace_format.h"

struct launch {
    int pipe; /* closed by the exec; -1: there is nothing to end */
};

/* Before the calling thread executes the file at `path`. `patcher`: the path of sockatlas-patch. SOCKATLAS_TRACEABLE:
 * the program will be followed, and launch_end() is to be called if it was not executed. */
enum sockatlas_untraced launch_begin(struct launch *launch, const char *patcher, const char *path);
void launch_end(struct launch *launch);

#endif
