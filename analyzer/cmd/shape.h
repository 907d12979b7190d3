/* SPDX-License-Identifier: MIT
 *
 * What all commands that print once and end take alike: the traces, -o FILE and --wide. A child of the command's argp.
 */
#ifndef ANALYZER_CMD_SHAPE_H
#define ANALYZER_CMD_SHAPE_H

#include "analyzer/cmd/output.h"

#include <argp.h>

struct shape {
    char **traces;
    int count;
    const char *output; /* NULL: standard output */
    bool wide;
};

/* Its input is a zeroed struct shape. */
extern const struct argp shape_argp;
#define SHAPE_CHILD                                                                                                    \
    {                                                                                                                  \
        &shape_argp, 0, NULL, 0                                                                                        \
    }

/* Columns that a view may fill on `out`; 0: no limit. */
unsigned shape_width(const struct shape *shape, FILE *out);

#endif
