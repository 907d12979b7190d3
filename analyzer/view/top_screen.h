/* SPDX-License-Identifier: MIT
 *
 * The live view's screen (ncurses), which shows the rows of top_rows.h.
 */
#ifndef ANALYZER_VIEW_TOP_SCREEN_H
#define ANALYZER_VIEW_TOP_SCREEN_H

#include "analyzer/view/top_rows.h"

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
    unsigned gaps; /* how often records were overwritten before they were read, or lost */
    char gap[200]; /* the latest: whose, when, how many */
};

enum top_wish { TOP_STAY, TOP_DRAW, TOP_QUIT };

/* Takes the terminal, and gives it back. */
void top_screen_open(void);
void top_screen_close(void);
unsigned top_screen_width(void);
/* Draws all. Reads top_screen.life_text when `life` is set. */
void top_screen_draw(struct top_screen *screen, const struct top_rows *rows);
/* Takes the keys that were pressed; TOP_DRAW: there were some. */
enum top_wish top_screen_keys(struct top_screen *screen, const struct top_rows *rows);

#endif
