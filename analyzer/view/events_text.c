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

/* Seconds as "%11.6f"; which way half a microsecond goes depends on the double next to it. */
static void put_seconds(struct buffer *out, int64_t ns)
{
    enum { DIGITS = 11, PRINTED = 64 };
    const int64_t exact = 9999 * INT64_C(1000000000);
    char *at = buffer_room(out, PRINTED);
    if (ns < 0 || ns >= exact || ns % 1000 == 500) {
        buffer_end(out, at + snprintf(at, PRINTED, "%*.6f", DIGITS, (double)ns / 1e9));
        return;
    }
    uint64_t us = ((uint64_t)ns + 500) / 1000;
    for (int i = DIGITS - 1; i >= 0; i--) {
        bool point = i == DIGITS - 7, needed = i >= DIGITS - 8;
        at[i] = (char)(point ? '.' : us || needed ? '0' + us % 10 : ' ');
        us /= point ? 1 : 10;
    }
    buffer_end(out, at + DIGITS);
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
    unsigned columns = view_columns(name);
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
    struct buffer who = {0}, call = {0};
    const char *colour = look->colour && event_failed(event) ? "\033[31m" : "";
    fputs(colour, out);
    put_who(&who, event, comm, origin_ns);
    events_put_call(look->width ? &call : &who, event, look->width != 0);
    if (look->width) {
        const char *label = ended(&who);
        events_text_join_result(ended(&call));
        view_wrap(label, call.text, view_columns(label), look->width, out);
    } else {
        buffer_add(&who, "\n", 1);
        fwrite(who.text, 1, who.size, out);
    }
    fputs(*colour ? "\033[0m" : "", out);
    buffer_free(&who);
    buffer_free(&call);
}
