/* SPDX-License-Identifier: MIT
 *
 * The live view: the sockets as they stand (top_rows.c), and the screen that shows them (top_screen.c, ncurses).
 */
#ifndef ANALYZER_VIEW_TOP_H
#define ANALYZER_VIEW_TOP_H

#include "analyzer/model/model.h"

#include <uthash.h>

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

/* key, column title, what the status line calls it */
#define TOP_SORTS(X)                                                                                                   \
    X(RECENT, "latest event")                                                                                          \
    X(PROCESS, "process")                                                                                              \
    X(STATE, "state")                                                                                                  \
    X(ADDRESS, "address")                                                                                              \
    X(BYTES, "bytes")                                                                                                  \
    X(AGE, "age")

enum top_sort {
#define X(name, word) TOP_SORT_##name,
    TOP_SORTS(X)
#undef X
        TOP_SORT_COUNT
};

/* What the user chose. */
struct top_screen {
    const char *title; /* the trace's name */
    enum top_sort sort;
    bool reverse, hide_closed;
    char filter[64];   /* shows rows whose line has it; "" all */
    bool typing;       /* keys go to the filter */
    uint64_t selected; /* socket id, 0: the first row */
    unsigned top;      /* first row shown */
    bool life;         /* the selected socket's life instead of the list */
    unsigned life_top;
    char *life_text; /* its lines */
    uint64_t life_events;
    unsigned complaints;
};

enum top_wish { TOP_STAY, TOP_QUIT };

/* Takes the terminal, and gives it back. */
void top_screen_open(void);
void top_screen_close(void);
unsigned top_screen_width(void);
/* Draws all. Reads top_screen.life_text when `life` is set. */
void top_screen_draw(struct top_screen *screen, const struct top_rows *rows);
/* Takes the keys that were pressed. */
enum top_wish top_screen_keys(struct top_screen *screen, const struct top_rows *rows);

#endif
