/* SPDX-License-Identifier: MIT
 *
 * Saying what is wrong with an argument, see usage.h.
 */
#include "analyzer/cmd/usage.h"

#include "analyzer/trace/escape.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void usage_error(const struct argp_state *state, const char *format, ...)
{
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0)
        abort();
    va_end(arguments);
    char *said = escape_new(ESCAPE_MESSAGE, line);
    argp_error(state, "%s", said);
    free(said); /* argp_parse() was told not to exit */
    free(line);
}

/* Where the messages of argp_parse() go. */
struct messages {
    FILE *out;
    const char *title; /* getopt_long()'s begin with it */
};

/* One message of getopt_long(), or text of argp's own, which may have several lines. */
static ssize_t write_escaped(void *cookie, const char *text, size_t size)
{
    const struct messages *messages = cookie;
    char *copy = strndup(text, size);
    bool named = copy && strncmp(copy, messages->title, strlen(messages->title)) == 0;
    for (char *line = copy, *end; line; line = end) {
        end = named ? strrchr(line, '\n') : strchr(line, '\n');
        if (end)
            *end++ = '\0';
        escape_put(ESCAPE_MESSAGE, line, messages->out);
        fputs(end ? "\n" : "", messages->out);
    }
    free(copy);
    return (ssize_t)size;
}

void usage_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
    struct messages messages = {.out = stderr, .title = argv[0]};
    FILE *escaped = fopencookie(&messages, "w", (cookie_io_functions_t){.write = write_escaped});
    if (escaped) {
        setvbuf(escaped, NULL, _IONBF, 0);
        stderr = escaped;
    }
    argp_parse(argp, argc, argv, flags, NULL, input);
    stderr = messages.out;
    if (escaped)
        fclose(escaped);
}

static error_t parse_help(int key, char *text, struct argp_state *state)
{
    (void)text;
    if (key != 'h')
        return ARGP_ERR_UNKNOWN;
    argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
    return 0;
}

static const struct argp_option help_options[] = {{NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0}, {0}};

const struct argp usage_help_argp = {.options = help_options, .parser = parse_help};
