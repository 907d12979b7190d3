/* SPDX-License-Identifier: MIT
 *
 * Saying and counting complaints, see complaint.h.
 */
#include "analyzer/trace/complaint.h"

#include "analyzer/trace/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void complain(struct complaints *complaints, const char *format, ...)
{
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&line, format, arguments);
    va_end(arguments);
    complaints->count++;
    if (length < 0)
        return;
    text_one_line(line);
    if (complaints->complain != NULL)
        complaints->complain(complaints->context, line);
    else
        fprintf(stderr, "%s\n", line);
    free(line);
}
