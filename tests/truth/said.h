/* SPDX-License-Identifier: MIT
 *
 * What either side says of the calls on sockets, in one form: said_trace.c has the trace's, said_strace.c that of
 * strace. Called by compare.c.
 */
#ifndef TESTS_TRUTH_SAID_H
#define TESTS_TRUTH_SAID_H

#include "analyzer/trace/event.h"
#include "tests/truth/watched.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thing that happened to a socket, said by either side. Two of the same identity are the same kind of call by the
 * same thread on the same descriptors with the same result; `words` hold what else it must agree in. */
struct said {
    char identity[96];
    char words[ADDRESS_TEXT_MAX + 64]; /* "" not known */
    unsigned char value[SOCKATLAS_OPTION_BYTES_MAX];
    size_t value_size;             /* 0: not known */
    const struct watched *watched; /* NULL: said by the trace */
    bool optional;                 /* the trace may leave it out */
    uint32_t pid, tid;
    int fd;
    size_t order;
    struct said *match;
};

struct said_list {
    struct said *all;
    size_t count, capacity;
};

/* What explains that the trace lacks something. */
struct explanation {
    uint32_t pid;
    int fd;        /* -1: all of the process */
    bool untraced; /* the shim is not in it */
    double time;   /* CLOCK_REALTIME */
    char what[64];
};

struct said *said_append(struct said_list *list, const struct said *said);
/* The address, where it is of a family that both sides write alike; else `words` stays as it is. */
void said_address(const struct address *address, char *words, size_t capacity);

/* All that the trace says. Ends the program where it cannot be read. */
void said_by_trace(char *const *traces, int count, struct said_list *list);
/* After that: what explains gaps, the records lost, the process of a thread. */
const struct explanation *said_explanations(size_t *count);
uint64_t said_lost(void);
uint32_t said_process(uint32_t tid);

/* What call `index` says, nothing or more. After said_by_trace(). */
void said_by_strace(struct said_list *list, const struct watched *calls, size_t index);

#endif
