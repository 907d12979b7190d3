/* SPDX-License-Identifier: MIT
 *
 * The live view's sockets as they stand.
 */
#ifndef ANALYZER_VIEW_TOP_ROWS_H
#define ANALYZER_VIEW_TOP_ROWS_H

#include "analyzer/model/model.h"
#include "analyzer/trace/hash.h"

/* Closed sockets that stay in the list. */
#define TOP_CLOSED_MAX 2000

struct top_row {
    struct socket socket; /* a copy, without options, holders and peer_name */
    bool closed;
    bool moved_known; /* transfers were recorded one by one: so much went through so far */
    uint64_t moved_sent, moved_received;
    uint64_t events; /* seen of it */
    uint64_t last_ns;
    UT_hash_handle hh;
};

struct top_rows {
    struct model *model;
    struct top_row *table; /* by socket.id */
    uint64_t events;       /* of the whole trace */
    unsigned closed;
    bool (*wanted)(void *context, const struct socket *socket); /* whether a row is shown; NULL: all are */
    void *context;
};

/* A model's callbacks; `context` is the struct top_rows. */
void top_rows_event(void *context, const struct event *event, const struct process *process,
                    const struct socket *socket);
void top_rows_settled(void *context, const struct socket *socket);
/* Looks which sockets are still there, and lets the oldest closed ones go. */
void top_rows_update(struct top_rows *rows);
void top_rows_free(struct top_rows *rows);
/* Bytes as far as the trace tells of them now; false: it does not. */
bool top_row_bytes(const struct top_row *row, uint64_t *sent, uint64_t *received);

#endif
