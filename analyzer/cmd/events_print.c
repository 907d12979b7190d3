/* SPDX-License-Identifier: MIT
 *
 * Events as lines, see events_print.h.
 */
#include "analyzer/cmd/events_print.h"

#include "analyzer/trace/jsonl.h"
#include "analyzer/view/events.h"
#include "analyzer/view/words.h"

#include <string.h>

/* How long the call took, where its record says so; else -1. */
static int64_t took_us(const struct event *event)
{
    switch (event->kind) {
    case SOCKATLAS_CONNECT:
        return (int64_t)(((const struct sockatlas_body_connect *)event_body(event))->duration_ns / 1000);
    case SOCKATLAS_CONNECTED:
        return (int64_t)(((const struct sockatlas_body_connected *)event_body(event))->duration_ns / 1000);
    case SOCKATLAS_NAME:
        return (int64_t)(((const struct sockatlas_body_name *)event_body(event))->duration_ns / 1000);
    default:
        return -1;
    }
}

/* Of a process, not of a socket. */
static bool is_of_life(const struct event *event)
{
    switch (event->kind) {
    case SOCKATLAS_FORK:
    case SOCKATLAS_START:
    case SOCKATLAS_EXEC:
    case SOCKATLAS_EXEC_FAILED:
    case SOCKATLAS_SPAWN:
    case SOCKATLAS_EXIT:
    case SOCKATLAS_COVERAGE:
    case SOCKATLAS_NETNS:
    case SOCKATLAS_RUN:
    case SOCKATLAS_GONE:
    case SOCKATLAS_UNTRACED:
    case SOCKATLAS_PROCESS:
        return true;
    default:
        return false;
    }
}

static bool is_wanted(const struct events_print *print, const struct event *event)
{
    if (print->lives && is_of_life(event))
        return true;
    struct address first, second;
    const struct events_socket *socket = events_known_socket(print->known, event);
    char cgroup[sizeof event->image->header.cgroup + 1];
    event_addresses(event, &first, &second);
    memcpy(cgroup, event->image->header.cgroup, sizeof cgroup - 1);
    cgroup[sizeof cgroup - 1] = 0;
    const struct process process = {.pid = event->pid, .comm = events_known_comm(print->known), .cgroup = cgroup};
    struct filter_subject subject = {
        .process = &process,
        .addresses = {&first, &second},
        .failed = event_failed(event),
        .first_us = event_time_us(event),
        .last_us = event_time_us(event),
        .duration_us = took_us(event),
        .origin_us = print->origin_us,
    };
    if (socket != NULL) {
        subject.transport = word_transport(socket->family, socket->type, socket->protocol);
        subject.role = socket->role;
        subject.addresses[2] = &socket->local;
        subject.addresses[3] = &socket->peer;
    }
    return filter_match(print->filter, &subject);
}

void events_print_begin(struct events_print *print)
{
    if (print->filter != NULL && !filter_given(print->filter))
        print->filter = NULL;
    print->known = events_known_new(print->filter != NULL);
}

void events_print(struct events_print *print, const struct event *event)
{
    if (!print->started) {
        print->started = true;
        print->origin_ns = event->time_ns + (uint64_t)event->image->offset_ns;
        print->origin_us = event_time_us(event);
    }
    if (print->filter != NULL || !print->json)
        events_known_take(print->known, event);
    if (print->filter != NULL && !is_wanted(print, event))
        return;
    if (print->json)
        jsonl_print(&print->line, event, print->out);
    else
        events_text(print->out, event, events_known_comm(print->known), print->origin_ns, &print->look);
}

void events_print_end(struct events_print *print)
{
    members_free(&print->line);
    events_known_free(print->known);
}
