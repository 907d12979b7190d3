/* SPDX-License-Identifier: MIT
 *
 * Saying and counting complaints, see complaint.h.
 */
#include "analyzer/trace/complaint.h"

#include "analyzer/trace/escape.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_quiet;

void complain_quietly(void)
{
    is_quiet = true;
}

static void say_line(const struct complaints *complaints, const char *format, va_list arguments)
{
    char *line = NULL;
    if (is_quiet && complaints != NULL && complaints->complain == NULL)
        return;
    if (vasprintf(&line, format, arguments) < 0)
        return;
    char *said = escape_new(ESCAPE_MESSAGE, line);
    if (complaints != NULL && complaints->complain != NULL)
        complaints->complain(complaints->context, said);
    else
        fprintf(stderr, "%s\n", said);
    free(said);
    free(line);
}

void complain(struct complaints *complaints, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complaints->count++;
    say_line(complaints, format, arguments);
    va_end(arguments);
}

void complain_note(const struct complaints *complaints, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line(complaints, format, arguments);
    va_end(arguments);
}

void complain_line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line(NULL, format, arguments);
    va_end(arguments);
}
