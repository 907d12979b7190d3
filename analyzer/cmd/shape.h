/* SPDX-License-Identifier: MIT
 *
 * What all commands that print take alike: the traces, --format and its short forms, -o FILE, --wide, --color and
 * --quiet. A child of the command's argp.
 */
#ifndef ANALYZER_CMD_SHAPE_H
#define ANALYZER_CMD_SHAPE_H

#include "analyzer/cmd/output.h"

#include <argp.h>

/* A format that the command writes. */
struct shape_format {
    const char *name;
    const char *what; /* more of it for --help, NULL nothing */
};

struct shape {
    const struct shape_format *formats; /* filled in before parsing; ends with one without a name */
    bool required;                      /* one must be named; else the first is the default */
    unsigned format;                    /* its index */
    const char *chosen;                 /* the option that named it, NULL none did */
    char **traces;
    int count;
    const char *output; /* NULL: standard output */
    bool wide;
};

/* Its input is a struct shape, zeroed but for what is filled in. */
extern const struct argp shape_argp;
#define SHAPE_CHILD                                                                                                    \
    {                                                                                                                  \
        &shape_argp, 0, NULL, 0                                                                                        \
    }

/* From a command's parser: another option that names a format. */
void shape_choose(struct shape *shape, const char *name, const char *option, const struct argp_state *state);
/* Columns that a view may fill on `out`; 0: no limit. */
unsigned shape_width(const struct shape *shape, FILE *out);

#endif
