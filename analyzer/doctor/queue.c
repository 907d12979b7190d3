/* SPDX-License-Identifier: MIT
 *
 * Queues of connections that wait to be accepted, see queue.h.
 */
#include "analyzer/doctor/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The kernel sends a SYN again after a second: what took nearly as long was not answered at first. */
#define SENT_AGAIN_NS (SECOND_NS * 9 / 10)
/* On one host an answer takes microseconds. */
#define GIVEN_UP_NS (SECOND_NS / 5)

struct queue *queue_of(const struct doctor *doctor, const struct chart *chart, const struct address *address)
{
    struct queue_key key;
    struct queue *queue;
    memset(&key, 0, sizeof key);
    key.netns = chart->netns;
    key.host = chart->host;
    key.port = address->port;
    HASH_FIND(hh, doctor->queues, &key, sizeof key, queue);
    bool serves = queue && (address_is_any(&queue->address) || address_equal(&queue->address, address));
    return serves ? queue : NULL;
}

static void take_listen(struct doctor *doctor, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    const struct sockatlas_body_listen *body = event_body(sight->event);
    int64_t most = sight->event->image->header.somaxconn;
    struct queue_key key;
    struct queue *queue;
    memset(&key, 0, sizeof key);
    key.netns = chart->netns;
    key.host = chart->host;
    key.port = chart->local.port;
    HASH_FIND(hh, doctor->queues, &key, sizeof key, queue);
    if (!queue) {
        if (!(queue = calloc(1, sizeof *queue)))
            abort();
        queue->key = key;
        HASH_ADD(hh, doctor->queues, key, sizeof queue->key, queue);
    } else if (queue->listener != chart->id && chart_find(doctor, queue->listener)) {
        queue->several = true; /* the former one is still open */
    }
    queue->address = chart->local;
    queue->listener = chart->id;
    queue->process = sight->process;
    queue->backlog = body->backlog < 0 || (most && body->backlog > most) ? (most ? most : -1) : body->backlog;
}

static void add_dropped(struct queue *queue, const struct queue_dropped *dropped)
{
    if (queue->dropped_count < EVIDENCE_MAX)
        queue->dropped[queue->dropped_count] = *dropped;
    queue->dropped_count++;
}

/* A connect() that is over. */
static void take_connect(struct doctor *doctor, const struct sight *sight, enum outcome outcome)
{
    struct chart *chart = sight->chart;
    const struct event *event = sight->event;
    struct queue *queue = queue_of(doctor, chart, &chart->peer);
    uint64_t ns = event->kind == SOCKATLAS_CONNECT
                      ? ((const struct sockatlas_body_connect *)event_body(event))->duration_ns
                      : ((const struct sockatlas_body_connected *)event_body(event))->duration_ns;
    if (!queue)
        return;
    bool refused = outcome == OUTCOME_FAILED && event->error != ETIMEDOUT;
    if (ns >= SENT_AGAIN_NS && !refused)
        add_dropped(queue, &(struct queue_dropped){chart->id, event->time_ns, ns, outcome == OUTCOME_FAILED});
    if (outcome == OUTCOME_FAILED || chart->waits_in || chart_by_tuple(doctor, chart, true))
        return; /* or accepted before its client went on */
    chart->waits_in = queue;
    if (!queue->waiting)
        queue->waited_since_ns = event->time_ns;
    if (++queue->waiting > queue->most) {
        queue->most = queue->waiting;
        queue->most_ns = event->time_ns;
    }
}

static void take_accept(struct doctor *doctor, const struct sight *sight)
{
    struct chart *client = chart_by_tuple(doctor, sight->chart, true);
    struct queue *queue = client ? client->waits_in : NULL;
    uint64_t now = sight->event->time_ns;
    if (!queue)
        return;
    uint64_t us = now > client->connected_ns ? (now - client->connected_ns) / 1000 : 0;
    queue_leave(client);
    queue->process = sight->process;
    queue->accepted++;
    spread_add(&queue->waited_us, us);
    if (us > queue->longest_us) {
        queue->longest_us = us;
        queue->longest_ns = now;
        queue->longest_socket = sight->chart->id;
    }
    if (now > queue->waited_since_ns)
        spread_add(&queue->pause_us, (now - queue->waited_since_ns) / 1000);
    queue->waited_since_ns = now;
}

void queue_event(struct doctor *doctor, const struct sight *sight)
{
    const struct event *event = sight->event;
    if (!sight->chart->tcp)
        return;
    if (event->kind == SOCKATLAS_LISTEN && !event->error)
        take_listen(doctor, sight);
    else if (event->kind == SOCKATLAS_ACCEPT && !event->error)
        take_accept(doctor, sight);
    else if (sight->outcome == OUTCOME_ESTABLISHED || sight->outcome == OUTCOME_FAILED)
        take_connect(doctor, sight, sight->outcome);
}

void queue_socket(struct doctor *doctor, const struct socket *socket, const struct chart *chart)
{
    struct queue *queue =
        chart->tcp && socket->outcome == OUTCOME_UNANSWERED ? queue_of(doctor, chart, &chart->peer) : NULL;
    uint64_t began = socket->connect_started_ns ? socket->connect_started_ns : socket->opened_ns;
    if (!queue || !began || socket->closed_ns < began + GIVEN_UP_NS)
        return;
    add_dropped(queue, &(struct queue_dropped){socket->id, began, socket->closed_ns - began, true});
}

void queue_leave(struct chart *chart)
{
    if (chart->waits_in)
        chart->waits_in->waiting--;
    chart->waits_in = NULL;
}

void queue_free_all(struct doctor *doctor)
{
    struct queue *queue = doctor->queues, *next;
    HASH_CLEAR(hh, doctor->queues);
    for (; queue; queue = next) {
        next = queue->hh.next;
        spread_free(&queue->waited_us);
        spread_free(&queue->pause_us);
        free(queue);
    }
}
