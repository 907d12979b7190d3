/* SPDX-License-Identifier: MIT
 *
 * Connections that are established and not yet accepted, for each port that one traced socket listens on, as far as
 * their clients are traced, too. Kept before the rules see an event; memory is the ports.
 */
#ifndef ANALYZER_DOCTOR_QUEUE_H
#define ANALYZER_DOCTOR_QUEUE_H

#include "analyzer/doctor/internal.h"
#include "analyzer/model/spread.h"

/* An attempt that got no answer while the queue was full, or only when it was sent again. */
struct queue_dropped {
    uint64_t socket, time_ns, ns; /* when it began or was made, how long it took */
    bool unanswered;
};

struct queue {
    UT_hash_handle hh;
    struct queue_key {
        uint64_t netns;
        uint32_t host, port;
    } key;
    struct address address;
    uint64_t listener;             /* the socket's id */
    const struct process *process; /* who listens, then who accepted last */
    int64_t backlog;               /* as the kernel takes it; -1 unknown */
    bool several;                  /* more than one socket listens on the port: whose queue is not known */
    uint64_t waiting, most, most_ns;
    uint64_t accepted;
    struct spread waited_us;
    uint64_t longest_us, longest_ns, longest_socket;
    struct spread pause_us;   /* until one was accepted, while one waited */
    uint64_t waited_since_ns; /* when the latest accept was, or since when one waits if that is later */
    uint64_t dropped_count;
    struct queue_dropped dropped[EVIDENCE_MAX];
};

/* The queue in which a connection to `address` waits, NULL: no traced process listens there. */
struct queue *queue_of(const struct doctor *doctor, const struct chart *chart, const struct address *address);

/* It was full, and clients were not answered meanwhile. The kernel takes one more than the backlog. */
static inline bool queue_was_full(const struct queue *queue)
{
    return !queue->several && queue->dropped_count && queue->backlog >= 0 && (int64_t)queue->most > queue->backlog;
}

#endif
