/* SPDX-License-Identifier: MIT
 *
 * What the commands that record take alike: where to, and what of it. Children of the commands' argp.
 */
#ifndef ANALYZER_CMD_RECORDING_H
#define ANALYZER_CMD_RECORDING_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#define RECORDING_DIR "sockatlas.data"

/* -d, --across-users and --no-cmdline, of `run` and `attach`. Zeroed; `dir` is filled in. */
struct recording {
    const char *dir;
    bool dir_given, across_users, no_cmdline;
};
extern const struct argp recording_argp;
#define RECORDING_CHILD                                                                                                \
    {                                                                                                                  \
        &recording_argp, 0, NULL, 0                                                                                    \
    }

/* --kernel, of `run` and `collect`. Zeroed. */
struct recording_kernel {
    bool wanted;
    size_t buffer; /* 0: the usual */
};
extern const struct argp recording_kernel_argp;
#define RECORDING_KERNEL_CHILD                                                                                         \
    {                                                                                                                  \
        &recording_kernel_argp, 0, NULL, 0                                                                             \
    }

#endif
