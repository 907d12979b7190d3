/* SPDX-License-Identifier: MIT
 *
 * Where a subcommand writes: standard output, or the FILE of its -o.
 */
#ifndef ANALYZER_CMD_OUTPUT_H
#define ANALYZER_CMD_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* `path` NULL: standard output. NULL when the file cannot be made, which is said on stderr. */
FILE *output_open(const char *path);
/* False when not all of it arrived, which is said on stderr, except for standard output: main.c says that. */
bool output_close(FILE *out, const char *path);

#endif
