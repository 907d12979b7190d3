/* SPDX-License-Identifier: MIT
 *
 * Applying the filters (filter.h) to what a caller knows of an event, a socket or a conversation.
 */
#ifndef ANALYZER_CMD_FILTER_MATCH_H
#define ANALYZER_CMD_FILTER_MATCH_H

#include "analyzer/cmd/filter.h"
#include "analyzer/model/model.h"

/* What the filters look at. What is not known is 0 or NULL, is none of the values asked for, and none of those not
 * wanted. */
struct filter_subject {
    const struct process *process;      /* its pid, comm, unit and container */
    const struct address *addresses[4]; /* any of them may match */
    const char *transport, *role, *end;
    bool failed;
    int64_t first_us, last_us; /* it was there from..until, since the Unix epoch */
    int64_t duration_us;       /* how long it took, or was there; -1 unknown */
    int64_t origin_us;         /* the trace's first event: what relative times count from */
};

bool filter_match(const struct filter *filter, const struct filter_subject *subject);
/* A socket that is settled. */
bool filter_socket(const struct filter *filter, const struct model *model, const struct socket *socket);
/* A conversation: all that is asked for holds at one of its ends, and what is not wanted at neither. */
bool filter_conversation(const struct filter *filter, const struct model *model,
                         const struct conversation *conversation);
/* The same of what is known of its two ends. */
bool filter_ends(const struct filter *filter, const struct filter_subject *from, const struct filter_subject *to);
/* The role of the end that began, or of the other one. */
const char *filter_role(enum match match, bool datagram, bool began);
/* A process as such, by --pid, --comm, --unit and --container. */
bool filter_process(const struct filter *filter, const struct process *process);
/* A listener as a socket of its role. */
bool filter_listener(const struct filter *filter, const struct listener *listener);
/* Whether both ends of the socket's pair are the same process's. */
bool filter_is_internal(const struct socket *socket);

/* Has the model count and report what passes, if anything is asked for. `of` with its filter; its model is to be filled
 * in once there is one, and both must live as long. */
struct filter_of_model {
    const struct filter *filter;
    const struct model *model;
};
void filter_callbacks(struct filter_of_model *of, struct model_callbacks *callbacks);

/* Has callbacks get the sockets that pass, and the events of processes that pass, if anything is asked for. `sieve`
 * with its filter; its model is to be filled in once there is one, and both must live as long. */
struct filter_sieve {
    const struct filter *filter;
    const struct model *model;
    struct model_callbacks behind;
};
void filter_sieve(struct filter_sieve *sieve, struct model_callbacks *callbacks);

#endif
