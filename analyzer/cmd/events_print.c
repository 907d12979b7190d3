/* SPDX-License-Identifier: MIT
 *
 * Events as lines, see events_print.h.
 */
#include "analyzer/cmd/events_print.h"

#include "analyzer/trace/jsonl.h"
#include "analyzer/view/events.h"
#include "analyzer/view/words.h"

static bool is_wanted(const struct events_print *print, const struct event *event)
{
    struct address first, second;
    const struct events_socket *socket = events_known_socket(print->known, event);
    event_addresses(event, &first, &second);
    struct filter_subject subject = {
        .pid = event->pid,
        .comm = events_known_comm(print->known),
        .addresses = {&first, &second},
        .failed = event_failed(event),
        .first_us = event_time_us(event),
        .last_us = event_time_us(event),
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
