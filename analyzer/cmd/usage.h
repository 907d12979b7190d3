/* SPDX-License-Identifier: MIT
 *
 * Saying what is wrong with an argument: one line, whatever is in the argument.
 */
#ifndef ANALYZER_CMD_USAGE_H
#define ANALYZER_CMD_USAGE_H

#include <argp.h>

/* argp_error(), with control characters as question marks: ends the program with CMD_USAGE. */
void usage_error(const struct argp_state *state, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
