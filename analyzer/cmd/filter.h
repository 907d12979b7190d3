/* SPDX-License-Identifier: MIT
 *
 * The filters that `events` and `list` share: reading them from the command line, and applying them to what a caller
 * knows of an event or a socket. All that are given must hold; a filter given several times (or with commas) holds when
 * one of its values does.
 *
 *     static const struct argp_child children[] = {{&filter_argp, 0, "Filters:", 0}, {0}};
 *     ... case ARGP_KEY_INIT: state->child_inputs[0] = &filter;
 */
#ifndef ANALYZER_CMD_FILTER_H
#define ANALYZER_CMD_FILTER_H

#include "analyzer/trace/address.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* --pid --comm --address --port --transport --role --failed --since --until; its input is a struct filter. */
extern const struct argp filter_argp;

/* A time as given: seconds after the first event ("1.5", "200ms"), or a date ("2024-05-31T12:00:00", "@SECONDS"). */
struct filter_time {
    bool given, relative;
    int64_t us; /* since the trace's first event, or since the Unix epoch */
};

/* Zero-initialised: lets everything through. Arrays grow as needed and live until filter_free(). */
struct filter {
    uint32_t *pids;
    unsigned pids_count;
    char **comms; /* shell patterns */
    unsigned comms_count;
    struct filter_address {
        struct address address; /* AF_INET, AF_INET6: compared by its first `prefix` bits */
        unsigned prefix;
        char *pattern; /* else a shell pattern for what address_text() prints; NULL */
    } * addresses;
    unsigned addresses_count;
    uint16_t *ports;
    unsigned ports_count;
    char **transports; /* "tcp" */
    unsigned transports_count;
    char **roles; /* "client" */
    unsigned roles_count;
    bool failed;
    struct filter_time since, until;
};

/* What the filters look at. What is not known is 0 or NULL and does not match a filter that asks for it. */
struct filter_subject {
    uint32_t pid;
    const char *comm;
    const struct address *addresses[4]; /* any of them may match */
    const char *transport, *role;
    bool failed;
    int64_t first_us, last_us; /* it was there from..until, since the Unix epoch */
    int64_t origin_us;         /* the trace's first event: what relative times count from */
};

/* Whether any filter was given at all. */
bool filter_given(const struct filter *filter);
bool filter_match(const struct filter *filter, const struct filter_subject *subject);
void filter_free(struct filter *filter);

#endif
