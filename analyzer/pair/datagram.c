/* SPDX-License-Identifier: MIT
 *
 * Two datagram sockets that name each other; a wildcard on either side fits any address. Called by pair.c.
 */
#include "analyzer/pair/internal.h"

#include <sys/socket.h>

/* A socket may be bound to a wildcard: only ports are sure. `from` and `to` as the one sees them whose key it is. */
static uint64_t exchange_key(const struct half *half, const struct address *from, const struct address *to)
{
    if (half->family == AF_UNIX)
        return hash_numbers(address_hash(from, 0), address_hash(to, 0));
    return hash_numbers(half->class, (uint64_t)from->port << 16 | to->port);
}

static bool wild_equal(const struct address *known, const struct address *bound)
{
    return known->port == bound->port && (address_is_any(bound) || evidence_same_endpoint(known, bound));
}

/* A path means one socket in all network namespaces of a host, whoever sends to it from wherever. */
static bool may_meet(const struct half *a, const struct half *b)
{
    if (evidence_same_network(a, b))
        return true;
    if (a->family == AF_UNIX)
        return a->host == b->host && (a->local.bytes[0] || b->local.bytes[0]);
    bool specific = !address_is_any(&a->local) && !address_is_any(&b->local);
    return (evidence_routable(&a->peer) && evidence_routable(&b->peer)) || (specific && evidence_may_meet(a, b));
}

struct entry *datagram_find(struct pair *pair, struct entry *entry)
{
    const struct half *half = &entry->half;
    uint64_t hash = exchange_key(half, &half->peer, &half->local);
    struct table_look look;
    struct table_link *at = table_look(&look, &pair->keys[KEY_MATE], hash);
    for (; at; at = table_look_on(&look)) {
        struct entry *other = ENTRY_OF(at, KEY_MATE);
        if (other->half.socket == half->socket || other->half.class != half->class ||
            !wild_equal(&half->peer, &other->half.local) || !wild_equal(&other->half.peer, &half->local) ||
            !(half->used || other->half.used))
            continue;
        if (may_meet(half, &other->half))
            return other;
    }
    table_insert(&pair->keys[KEY_MATE], &entry->links[KEY_MATE], exchange_key(half, &half->local, &half->peer));
    return NULL;
}
