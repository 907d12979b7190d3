/* SPDX-License-Identifier: MIT
 *
 * The filters that all commands share: reading them from the command line, and what they ask. filter_match.h applies
 * them. All that are given must hold; one given several times (or with commas) holds when one of its values does, and
 * none of those that stand behind a `!`.
 *
 *     static const struct argp_child children[] = {FILTER_CHILD, {0}};
 *     ... case ARGP_KEY_INIT: state->child_inputs[0] = &filter;
 */
#ifndef ANALYZER_CMD_FILTER_H
#define ANALYZER_CMD_FILTER_H

#include "analyzer/trace/address.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* Its input is a struct filter, NULL: none are taken. */
extern const struct argp filter_argp;
#define FILTER_CHILD                                                                                                   \
    {                                                                                                                  \
        &filter_argp, 0, "Filters:", 1                                                                                 \
    }

/* What is asked for by values: FILTER_name is --name. */
enum filter_kind {
    FILTER_pid,
    FILTER_comm, /* a shell pattern */
    FILTER_unit, /* a shell pattern */
    FILTER_container,
    FILTER_address,
    FILTER_port,
    FILTER_transport,
    FILTER_role,
    FILTER_end,
    FILTER_KINDS
};

/* One value that was given. */
struct filter_term {
    struct filter_term *next;
    bool negated;
    char *text;             /* without the `!` */
    uint32_t low, high;     /* pids, ports: from .. to */
    struct address address; /* AF_INET, AF_INET6: compared by its first `prefix` bits; else `text` is a shell pattern */
    unsigned prefix;
};

/* A time as given: seconds after the first event ("1.5", "200ms"), or a date ("2024-05-31T12:00:00", "@SECONDS"). */
struct filter_time {
    bool given, relative, negated;
    int64_t us; /* since the trace's first event, or since the Unix epoch; a duration */
};

enum filter_failed { FAILED_OR_NOT, FAILED_ONLY, FAILED_NONE };

/* Zero-initialised: lets everything through. Lives until filter_free(). */
struct filter {
    struct filter_term *terms[FILTER_KINDS];
    enum filter_failed failed;
    struct filter_time since, until, min_duration;
    bool internal; /* also socket pairs within one process, where a view leaves those out */
};

/* Whether any filter was given at all. */
bool filter_given(const struct filter *filter);
void filter_free(struct filter *filter);

#endif
