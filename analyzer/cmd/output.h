/* SPDX-License-Identifier: MIT
 *
 * Where a subcommand writes: standard output, or the FILE of its -o.
 */
#ifndef ANALYZER_CMD_OUTPUT_H
#define ANALYZER_CMD_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* Whether `path` is one of the traces, or a log in a folder that is: writing it would destroy what is read. Said on
 * stderr. False for NULL. */
bool output_is_input(const char *path, char *const *traces, int count);
/* `path` NULL: standard output. NULL when the file cannot be made, which is said on stderr. */
FILE *output_open(const char *path);
/* False when not all of it arrived, which is said on stderr, except for standard output: main.c says that. */
bool output_close(FILE *out, const char *path);

#endif
