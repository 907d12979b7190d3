/* SPDX-License-Identifier: MIT
 *
 * What a run did, as facts that two runs have in common if the same happened. Filled by diff_socket.c, compared by
 * diff.c.
 */
#ifndef ANALYZER_VIEW_DIFF_FACT_H
#define ANALYZER_VIEW_DIFF_FACT_H

#include "analyzer/trace/hash.h"
#include "analyzer/view/diff.h"
#include "analyzer/view/words.h"

enum fact_kind {
    FACT_EDGE,
    FACT_LISTENER,
    FACT_FAILURE,
    FACT_SETTING,
    FACT_CONNECT_TIME,
    FACT_ROUND_TRIP,
    FACT_SOCKET /* only there to tell whether settings can be compared */
};

struct fact {
    UT_hash_handle hh;
    enum fact_kind kind;
    char *key; /* kind, program, what, value; '\n' between */
    char *program, *what;
    char *value; /* what may change: a setting's; "" */
    uint64_t count;
    uint32_t *samples; /* us */
    unsigned samples_count, samples_capacity;
    uint64_t samples_step; /* every so many is kept */
};

/* A port that the kernel chose for whoever bound to port 0. */
struct chosen_port {
    UT_hash_handle hh;
    uint32_t port;
};

/* Facts of one kind, program and `what`, by that part of their keys: they stand together once they are sorted. */
struct fact_group {
    UT_hash_handle hh;
    struct fact *first;
};

struct diff_run {
    struct fact *facts;
    struct fact_group *groups;
    struct chosen_port *chosen;
};

/* "edge", "connect_time", ... */
const char *fact_kind_word(enum fact_kind kind);
/* A process's name, which outlasts it; "outside" of the trace. */
const char *fact_program(const struct process *process, char out[WORD_PROCESS_MAX]);
/* As asprintf(3), for texts that are freed by the caller; never fails. */
void fact_print(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The fact that `process` did `what`: a new one, or the one there was, counted once more. */
struct fact *fact_add(struct diff_run *run, enum fact_kind kind, const struct process *process, const char *what,
                      const char *value);
/* Sorts a run's facts by kind, then by key, and groups them. */
void fact_sort(struct diff_run *run);
/* The first fact of the group that `fact`, which may be another run's, belongs to, and the next one; NULL: none. */
struct fact *fact_first(const struct diff_run *run, const struct fact *fact);
struct fact *fact_next(const struct fact *fact);
/* One time of a fact that was just added. */
void fact_sample(struct fact *fact, uint64_t us);

#endif
