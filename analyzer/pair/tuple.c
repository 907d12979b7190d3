/* SPDX-License-Identifier: MIT
 *
 * Internet connections by their mirrored addresses: what is local to one is the other's peer. Called by pair.c and
 * lives.c.
 */
#include "analyzer/pair/internal.h"

#include <sys/socket.h>

/* How many of one key are looked at. More wait only where one tuple was used again and again and nobody accepted. */
#define LOOK_MAX 64

/* From the client's end to the server's. Of one whose side is not known: as if it were the client's. */
static uint64_t own_key(const struct entry *entry)
{
    return entry->half.side == SIDE_SERVER ? hash_numbers(entry->peer_key, entry->local_key)
                                           : hash_numbers(entry->local_key, entry->peer_key);
}

static uint64_t reversed_key(const struct entry *entry)
{
    return hash_numbers(entry->peer_key, entry->local_key);
}

static bool is_up(const struct half *half)
{
    return half->outcome == OUTCOME_ESTABLISHED;
}

/* Two that connect to each other: refused, unless their SYNs cross. */
static bool sides_fit(const struct half *a, const struct half *b, bool late)
{
    if (a->side == SIDE_SERVER && b->side == SIDE_SERVER)
        return false;
    return a->side != SIDE_CLIENT || b->side != SIDE_CLIENT || (is_up(a) && (late || is_up(b)));
}

bool tuple_could_be(const struct half *client, const struct half *server)
{
    return client->class == server->class && evidence_mirrored(client, server) && evidence_may_meet(client, server) &&
           evidence_overlap(client, server);
}

/* The own namespace before others, then the first (a backlog is served in order). */
static struct entry *best_of(const struct pair *pair, const struct entry *entry, uint64_t hash, bool late)
{
    const struct half *half = &entry->half;
    struct entry *best = NULL;
    unsigned looked = 0;
    for (struct table_link *at = table_first(&pair->keys[KEY_MATE], hash); at && looked < LOOK_MAX;
         at = table_next(at), looked++) {
        struct entry *other = ENTRY_OF(at, KEY_MATE);
        if (other == entry || !sides_fit(half, &other->half, late))
            continue;
        bool served = half->side == SIDE_SERVER || other->half.side == SIDE_CLIENT;
        if (!(served ? tuple_could_be(&other->half, half) : tuple_could_be(half, &other->half)))
            continue;
        if (evidence_same_network(half, &other->half))
            return other;
        if (!best)
            best = other;
    }
    return best;
}

struct entry *tuple_find(struct pair *pair, struct entry *entry)
{
    struct half *half = &entry->half;
    evidence_hash_ends(entry);
    uint64_t key = own_key(entry);
    bool server = half->side == SIDE_SERVER;
    if (!entry->links[KEY_LIVES].listed)
        table_insert(&pair->keys[KEY_LIVES], &entry->links[KEY_LIVES], pair_side_key(key, half->side));
    struct entry *other = best_of(pair, entry, pair_side_key(key, server ? SIDE_CLIENT : SIDE_SERVER), false);
    if (!other && !server) /* both connected, or one of unknown side */
        other = best_of(pair, entry, pair_side_key(reversed_key(entry), SIDE_CLIENT), false);
    if (!other)
        tuple_list(pair, entry);
    return other;
}

void tuple_list(struct pair *pair, struct entry *entry)
{
    if (!entry->links[KEY_MATE].listed)
        table_insert(&pair->keys[KEY_MATE], &entry->links[KEY_MATE], pair_side_key(own_key(entry), entry->half.side));
}

struct entry *tuple_find_simultaneous(struct pair *pair, struct entry *entry)
{
    const struct half *half = &entry->half;
    if (half->side != SIDE_CLIENT || half->datagram || half->family == AF_UNIX)
        return NULL;
    return best_of(pair, entry, pair_side_key(reversed_key(entry), SIDE_CLIENT), true);
}

struct table_link *tuple_lives(const struct pair *pair, const struct entry *entry, enum side side)
{
    return table_first(&pair->keys[KEY_LIVES], pair_side_key(own_key(entry), side));
}
