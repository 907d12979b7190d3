/* SPDX-License-Identifier: MIT
 *
 * The pairing: halves in, conversations out. It never sees an event or a live socket.
 *
 *     half = pair_half(pair);      fill in the row
 *     pair_offer(pair, half);      others can be matched with it; provisional until both are over
 *     ...                          the row may still change, but for its key: transport, addresses, side, start
 *     pair_end(pair, half);        the row is final; decided now, when its mate is over, or when nothing more can come
 *
 * Decided halves are told through `decided`, then freed. Memory is the halves that are open, those whose mate is open,
 * and those that wait for a mate, of which there are PAIR_WAITING_MAX at most.
 */
#ifndef ANALYZER_PAIR_PAIR_H
#define ANALYZER_PAIR_PAIR_H

#include "analyzer/pair/half.h"

/* 900 bytes each, tables included: 230 MB. */
#define PAIR_WAITING_MAX (1u << 18)

struct pair;

struct pair_callbacks {
    void *context;
    /* Final: match, peer_socket, peer_process, initiator, outcome and end. `mate`: the other half, decided with it;
     * NULL: none in the trace. Both are freed when this returned for both. */
    void (*decided)(void *context, struct half *half, const struct half *mate);
    /* Before its halves are told as decided. */
    void (*conversation)(void *context, const struct conversation *conversation);
    /* Who has the other end of one that has no mate in the trace, and how that is known; NULL: nobody known. Asked once
     * for a half, so that a record that names one connection is used for one. */
    struct process *(*elsewhere)(void *context, const struct half *half, enum match *match);
    /* The wall clock of that half's host at that time. */
    uint64_t (*wall)(void *context, unsigned host, uint64_t time_ns);
};

struct pair *pair_new(const struct pair_callbacks *callbacks);
void pair_free(struct pair *pair);

struct half *pair_half(struct pair *pair);
/* It is known by now as one that others can be matched with; a second call after `used` was set looks again. */
void pair_offer(struct pair *pair, struct half *half);
/* It is nobody's mate (any more). */
void pair_withdraw(struct pair *pair, struct half *half);
/* It never was: freed, and nothing is told. */
void pair_discard(struct pair *pair, struct half *half);
void pair_end(struct pair *pair, struct half *half);
/* Decides what has waited long enough; `now_ns`: wall clock. `hosts`: how many the trace is of. */
void pair_advance(struct pair *pair, uint64_t now_ns, unsigned hosts);
/* Every half has ended: decides all. */
void pair_finish(struct pair *pair);

/* The other half of one that is not decided, as far as is known by now; NULL none. Decides nothing. */
const struct half *pair_mate(const struct half *half);
/* All halves that are not decided, in the order in which they were made, each with what the pairing would find now and
 * its mate, if it has one. Decides nothing. */
typedef void pair_see_fn(void *context, const struct half *half, const struct half *mate);
void pair_each(const struct pair *pair, pair_see_fn *see, void *context);
/* How many halves had to be decided before the end because too many waited. */
uint64_t pair_given_up(const struct pair *pair);

#endif
