/* SPDX-License-Identifier: MIT
 *
 * Events as lines on a stream, filtered: what `events` and `run --live` print.
 */
#ifndef ANALYZER_CMD_EVENTS_PRINT_H
#define ANALYZER_CMD_EVENTS_PRINT_H

#include "analyzer/cmd/filter_match.h"
#include "analyzer/trace/event.h"
#include "analyzer/trace/members.h"
#include "analyzer/view/events.h"

#include <stdio.h>

struct events_print {
    FILE *out;
    const struct filter *filter; /* NULL: all */
    bool json;
    bool lives; /* processes' own records whatever the filter says: without them the others could not be understood */
    struct events_look look;

    struct members line;
    struct events_known *known;
    bool started;
    uint64_t origin_ns; /* wall-clock time of the first event */
    int64_t origin_us;
};

/* The caller has set the first five members, the others are zero. */
void events_print_begin(struct events_print *print);
/* Call it for every event, in stream order. Write errors show in ferror(out). */
void events_print(struct events_print *print, const struct event *event);
void events_print_end(struct events_print *print);

#endif
