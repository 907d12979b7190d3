/* SPDX-License-Identifier: MIT
 *
 * What the files of matching share; nothing else includes it.
 *
 *   match.c        the order of the rules, joining, and all rules but those of
 *   match_path.c   unix connections
 *   match_nat.c    translated addresses
 *   match_half.c   what can be told of halves, on which all rules stand
 */
#ifndef ANALYZER_MODEL_MATCH_H
#define ANALYZER_MODEL_MATCH_H

#include "analyzer/model/internal.h"

/* ---- match_half.c ---- */

/* The halves of one side among all with this key: each side has a list of its own, so that one that waits in vain for
 * the other side is not walked by all that come after it. */
static inline uint64_t match_side_key(uint64_t key, enum side side)
{
    return hash_numbers(key, side);
}
static inline enum side match_other_side(const struct flow *flow)
{
    return flow->side == SIDE_SERVER ? SIDE_CLIENT : SIDE_SERVER;
}
/* An end of a connection: class, address and port. */
uint64_t match_endpoint_key(const struct flow *flow, const struct address *address);
/* Meaningful outside its own network namespace. */
bool match_routable(const struct address *address);
/* A socket that was closed before the other began cannot be its other half. Clocks of two hosts are not compared. */
bool match_overlap(const struct flow *client, const struct flow *server);
/* The server may be gone by the time that it is sure that its half never shows. */
void match_remember_served(const struct model *model, struct flow *flow);

/* ---- match_path.c ---- */

/* The other half of a unix connection by the path served, the peer credentials and the order; NULL: none yet, and the
 * flow is listed to be found. */
struct flow *match_path_find(struct model *model, struct flow *flow);
/* For one that no path has matched (the socket was bound under another name, then linked or renamed): by who the kernel
 * says is at either end. Returns the first that is to be joined, with `other`, before `flow` has its turn, or `flow`
 * itself; NULL: none, or more than one listener could be meant. */
struct flow *match_credentials_find(struct model *model, struct flow *flow, struct flow **other);

/* ---- match_nat.c ---- */

/* Lists an internet connection's unmatched half so that its other half is found where addresses were translated. */
void match_nat_list(struct model *model, struct flow *flow);
/* The other half of a connection whose addresses were translated on the way, once nothing else claims either; NULL:
 * none that can be proved. */
struct flow *match_nat_find(struct model *model, struct flow *flow);

#endif
