/* SPDX-License-Identifier: MIT
 *
 * The sockets of a live trace as they stand, see top_rows.h.
 */
#include "analyzer/view/top_rows.h"

#include <stdlib.h>

static struct top_row *find_row(struct top_rows *rows, uint64_t id)
{
    struct top_row *row = NULL;
    HASH_FIND(hh, rows->table, &id, sizeof id, row);
    return row;
}

/* What the copy points at must outlive the callback: only processes do. Who is at the other end is not asked for each
 * event: top_rows_update() does. */
static void copy_socket(struct top_row *row, const struct socket *socket)
{
    struct process *peer = row->socket.peer_process;
    row->socket = *socket;
    row->socket.options = NULL;
    row->socket.holders = NULL;
    row->socket.holders_count = 0;
    row->socket.peer_name = NULL;
    if (!row->socket.peer_process)
        row->socket.peer_process = peer;
}

static struct top_row *take(struct top_rows *rows, const struct socket *socket)
{
    struct top_row *row = find_row(rows, socket->id);
    if (row) {
        copy_socket(row, socket);
        return row;
    }
    row = calloc(1, sizeof *row);
    if (!row)
        abort();
    copy_socket(row, socket);
    row->last_ns = socket->opened_ns;
    HASH_ADD(hh, rows->table, socket.id, sizeof row->socket.id, row);
    return row;
}

static void set_closed(struct top_rows *rows, struct top_row *row)
{
    rows->closed += !row->closed;
    row->closed = true;
}

static void count_transfer(struct top_row *row, const struct sockatlas_body_io *io)
{
    row->moved_known = true;
    if (io->result > 0)
        *(io->sent ? &row->moved_sent : &row->moved_received) += (uint64_t)io->result;
}

void top_rows_event(void *context, const struct event *event, const struct process *process,
                    const struct socket *socket)
{
    (void)process;
    struct top_rows *rows = context;
    rows->events++;
    if (!socket)
        return;
    struct top_row *row = take(rows, socket);
    row->events++;
    row->last_ns = event->time_ns;
    if (event->kind == SOCKATLAS_IO)
        count_transfer(row, event_body(event));
}

bool top_row_bytes(const struct top_row *row, uint64_t *sent, uint64_t *received)
{
    bool final = row->closed && row->socket.sent_known && row->socket.received_known;
    *sent = final ? row->socket.bytes_sent : row->moved_sent;
    *received = final ? row->socket.bytes_received : row->moved_received;
    return final || row->moved_known;
}

void top_rows_settled(void *context, const struct socket *socket)
{
    struct top_rows *rows = context;
    /* One that was let go already does not come back. */
    if (socket->closed_ns && !find_row(rows, socket->id) && rows->closed >= TOP_CLOSED_MAX)
        return;
    set_closed(rows, take(rows, socket));
}

static int by_last(struct top_row *a, struct top_row *b)
{
    return a->last_ns < b->last_ns ? -1 : a->last_ns > b->last_ns;
}

void top_rows_update(struct top_rows *rows)
{
    struct top_row *row = NULL, *next = NULL;
    HASH_ITER(hh, rows->table, row, next)
    {
        if (row->closed)
            continue;
        const struct socket *socket =
            row->socket.cookie ? model_socket(rows->model, row->socket.host, row->socket.cookie) : NULL;
        if (socket && socket->id == row->socket.id) {
            copy_socket(row, socket);
            row->socket.peer_process = model_socket_peer(rows->model, socket);
        } else if (row->socket.cookie) {
            row->socket.state = row->socket.state == STATE_FAILED ? STATE_FAILED : STATE_CLOSED;
            set_closed(rows, row);
        }
    }
    if (rows->closed <= TOP_CLOSED_MAX + TOP_CLOSED_MAX / 4)
        return;
    HASH_SORT(rows->table, by_last);
    HASH_ITER(hh, rows->table, row, next)
    {
        if (rows->closed <= TOP_CLOSED_MAX)
            break;
        if (!row->closed)
            continue;
        HASH_DEL(rows->table, row); /* NOLINT(clang-analyzer-unix.Malloc): that this unlinks the row is not seen */
        free(row);
        rows->closed--;
    }
}

void top_rows_free(struct top_rows *rows)
{
    struct top_row *row = NULL, *next = NULL;
    row = rows->table;
    HASH_CLEAR(hh, rows->table);
    for (; row; row = next) {
        next = row->hh.next;
        free(row);
    }
}
