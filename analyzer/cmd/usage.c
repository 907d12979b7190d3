/* SPDX-License-Identifier: MIT
 *
 * Saying what is wrong with an argument, see usage.h.
 */
#include "analyzer/cmd/usage.h"

#include "analyzer/trace/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void usage_error(const struct argp_state *state, const char *format, ...)
{
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0)
        abort();
    va_end(arguments);
    argp_error(state, "%s", text_one_line(line));
    free(line); /* argp_parse() was told not to exit */
}
