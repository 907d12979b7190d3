/* SPDX-License-Identifier: MIT
 *
 * Saying what is wrong with an argument: one line, whatever is in the argument.
 */
#ifndef ANALYZER_CMD_USAGE_H
#define ANALYZER_CMD_USAGE_H

#include <argp.h>

/* argp_parse(), whose messages and those of getopt_long() are escaped: they name arguments as they are. */
void usage_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);
/* argp_error() from within usage_parse(): ends the program with CMD_USAGE. */
void usage_error(const struct argp_state *state, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For the commands that do not take shape.h's options: -h, as --help. A child of the command's argp. */
extern const struct argp usage_help_argp;
#define USAGE_CHILD                                                                                                    \
    {                                                                                                                  \
        &usage_help_argp, 0, NULL, 0                                                                                   \
    }

#endif
