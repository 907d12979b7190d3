/* SPDX-License-Identifier: MIT
 *
 * One event as one line of text, see events.h.
 */
#include "analyzer/trace/buffer.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/events.h"
#include "analyzer/view/table.h"

#include <string.h>

void events_text_join_result(char *call)
{
    char *result = NULL;
    for (char *at = call; (at = strstr(at, ") = ")); at++)
        result = at + 2;
    for (; result && (result = strchr(result, ' ')); result++)
        *result = VIEW_HARD_SPACE;
}

/* Seconds as "%11.6f" has them, half a microsecond rounded up. */
static void put_seconds(struct buffer *out, int64_t ns)
{
    enum { DIGITS = 11, FRACTION = 6, SPACE = 32 };
    char digits[SPACE], *at = digits + SPACE;
    uint64_t us = ((ns < 0 ? -(uint64_t)ns : (uint64_t)ns) + 500) / 1000;
    bool negative = ns < 0 && us > 0;
    for (int i = 0; us > 0 || i <= FRACTION; i++, us /= 10) {
        if (i == FRACTION)
            *--at = '.';
        *--at = (char)('0' + us % 10);
    }
    if (negative)
        *--at = '-';
    while (at > digits + SPACE - DIGITS)
        *--at = ' ';
    buffer_add(out, at, (size_t)(digits + SPACE - at));
}

static void put_who(struct buffer *out, const struct event *event, const char *comm, uint64_t origin_ns)
{
    enum { PID = 6, COMM = 12, COMM_MAX = 16 };
    char name[ESCAPED_MAX(COMM_MAX)];
    uint64_t time = event->time_ns + (uint64_t)event->image->offset_ns;
    put_seconds(out, (int64_t)(time - origin_ns));
    char pid[TEXT_INTEGER_MAX], spaces[] = "            ";
    size_t size = (size_t)(text_unsigned(event->pid, pid) - pid);
    buffer_add(out, spaces, 1 + (size < PID ? PID - size : 0));
    buffer_add(out, pid, size);
    buffer_add(out, " ", 1);
    size = escape(ESCAPE_TEXT, comm, strnlen(comm, COMM_MAX), name);
    unsigned columns = escape_is_ascii(name, size) ? (unsigned)size : view_columns(name);
    buffer_add(out, name, size);
    buffer_add(out, spaces, columns < COMM ? COMM - columns : 0);
    buffer_add(out, " ", 1);
}

/* Ends a text that others take for a string. */
static char *ended(struct buffer *text)
{
    buffer_add(text, "", 1);
    return text->text;
}

void events_text(FILE *out, const struct event *event, const char *comm, uint64_t origin_ns,
                 const struct events_look *look)
{
    static struct buffer who, call; /* their memory is kept from one line to the next */
    bool red = look->colour && event_failed(event);
    who.size = call.size = 0;
    if (red)
        fputs("\033[31m", out);
    put_who(&who, event, comm, origin_ns);
    events_put_call(look->width ? &call : &who, event, look->width != 0);
    if (look->width) {
        const char *label = ended(&who);
        events_text_join_result(ended(&call));
        view_wrap(label, call.text, view_columns(label), look->width, out);
    } else {
        buffer_add(&who, "\n", 1);
        fwrite_unlocked(who.text, 1, who.size, out);
    }
    if (red)
        fputs("\033[0m", out);
}
