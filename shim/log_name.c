/* SPDX-License-Identifier: MIT
 *
 * Builds the name of a log's file, see log_name.h. Calls nothing but memcpy(3).
 */
#include "shim/log_name.h"

#include <stddef.h>
#include <string.h>

/* As much as fits; `last` is where the terminating 0 can stand at the latest. */
static char *append(char *to, const char *last, const char *from)
{
    while (*from && to < last)
        *to++ = *from++;
    *to = 0;
    return to;
}

static char *append_number(char *to, const char *last, uint64_t value, unsigned base)
{
    char digits[24];
    size_t at = sizeof(digits) - 1;
    digits[at] = 0;
    do
        digits[--at] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    return append(to, last, digits + at);
}

void log_name_build(char out[LOG_NAME_MAX], const struct log_name *name, const char *before, const char *after)
{
    char comm[17] = {0};
    const char *last = &out[LOG_NAME_MAX - 1];
    memcpy(comm, name->comm, 16);
    for (char *c = comm; *c; c++)
        if (*c == '/' || *c <= ' ' || *c > '~')
            *c = '_';
    char *to = append(append(out, last, before), last, comm);
    to = append_number(append(to, last, "."), last, name->pid, 10);
    to = append_number(append(to, last, "."), last, name->boottime_ns, 16);
    append(to, last, after);
}
