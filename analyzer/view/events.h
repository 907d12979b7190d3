/* SPDX-License-Identifier: MIT
 *
 * The decoded log as text, and what a single event does not say itself but the events before it did.
 */
#ifndef ANALYZER_VIEW_EVENTS_H
#define ANALYZER_VIEW_EVENTS_H

#include "analyzer/trace/buffer.h"
#include "analyzer/trace/event.h"

#include <stdio.h>

/* What earlier events told of processes and sockets. Memory: processes seen, and sockets open at once. */
struct events_known;

/* A socket as far as it is known. */
struct events_socket {
    uint16_t family, type;
    int32_t protocol;
    const char *role; /* "client", ...; NULL not yet known */
    struct address local, peer;
};

/* with_sockets: events_known_socket() will be asked. */
struct events_known *events_known_new(bool with_sockets);
/* Takes an event in; call it for every event, in stream order, before asking about that event. */
void events_known_take(struct events_known *known, const struct event *event);
/* The name of the process of the event taken last; "" unknown. */
const char *events_known_comm(const struct events_known *known);
/* The socket the event is about, NULL unknown. Valid until the next events_known_take(). */
const struct events_socket *events_known_socket(const struct events_known *known, const struct event *event);
void events_known_free(struct events_known *known);

/* width: columns of the terminal, whose lines are broken there and tell what is looked for first; 0: one whole line. */
struct events_look {
    unsigned width;
    bool colour;
};

/* One line that reads like strace's: TIME PID COMM CALL(FD, ARGUMENTS...) = RESULT ERRNO <DURATION>; TIME in seconds
 * since `origin_ns`. */
void events_text(FILE *out, const struct event *event, const char *comm, uint64_t origin_ns,
                 const struct events_look *look);
/* The part of it from CALL on, without a newline; `brief`: of TCP's summary only what is looked for first. */
void events_text_call(FILE *out, const struct event *event, bool brief);
void events_put_call(struct buffer *out, const struct event *event, bool brief);
/* Before view_wrap(): keeps a call's result on one line. */
void events_text_join_result(char *call);

#endif
