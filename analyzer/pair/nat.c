/* SPDX-License-Identifier: MIT
 *
 * The two halves of a connection whose addresses were translated on the way. Called by pair.c.
 *
 *   destination   the server's peer is the client's local address
 *   source        the client's peer is the server's local address, and the translator kept the client's port
 *   both          the client's port was kept, and the kernel counted the same bytes at both ends, each way
 *
 * The second and third need a client and a server that fit nobody else, or of which bytes say that they belong
 * together. Where the port was changed too, nothing is left that both ends know, and no match is claimed.
 */
#include "analyzer/pair/internal.h"

#include <sys/socket.h>

static bool is_connection(const struct half *half)
{
    return half->side != SIDE_UNKNOWN && !half->datagram && half->family != AF_UNIX;
}

/* The client's port, as a translator keeps it. */
static uint64_t kept_key(const struct half *half, enum side side)
{
    return pair_side_key(hash_numbers(half->class, evidence_client_address(half)->port), side);
}

static uint64_t client_key(const struct entry *entry, enum side side)
{
    return pair_side_key(entry->half.side == SIDE_SERVER ? entry->peer_key : entry->local_key, side);
}

static enum side opposite(const struct half *half)
{
    return half->side == SIDE_SERVER ? SIDE_CLIENT : SIDE_SERVER;
}

/* A client that connects within its own network meets its server by address. */
void nat_list(struct pair *pair, struct entry *entry)
{
    const struct half *half = &entry->half;
    if (!is_connection(half) || !evidence_client_address(half)->port)
        return;
    if (!entry->links[KEY_CLIENT].listed)
        table_insert(&pair->keys[KEY_CLIENT], &entry->links[KEY_CLIENT], client_key(entry, half->side));
    if (!half->served_near && !entry->links[KEY_KEPT].listed)
        table_insert(&pair->keys[KEY_KEPT], &entry->links[KEY_KEPT], kept_key(half, half->side));
}

/* Where the addresses were not translated, it is decided already that they are two connections. */
static bool could_be_ends(const struct half *client, const struct half *server)
{
    return client->class == server->class && client->outcome != OUTCOME_FAILED && evidence_overlap(client, server) &&
           !evidence_mirrored(client, server) && evidence_bytes(client, server) != BYTES_CONTRADICT;
}

/* ---- Destination ---- */

static struct entry *find_destination(const struct pair *pair, struct entry *entry)
{
    const struct half *half = &entry->half;
    bool server = half->side == SIDE_SERVER;
    struct table_look look;
    struct table_link *at = table_look(&look, &pair->keys[KEY_CLIENT], client_key(entry, opposite(half)));
    for (; at; at = table_look_on(&look)) {
        struct entry *other = ENTRY_OF(at, KEY_CLIENT);
        const struct half *c = server ? &other->half : half, *s = server ? half : &other->half;
        if (!could_be_ends(c, s) || !address_equal(&c->local, &s->peer) ||
            !clock_allows(pair, server ? other : entry, server ? entry : other))
            continue;
        if (evidence_same_network(c, s) || evidence_routable(&c->local))
            return other;
    }
    return NULL;
}

/* ---- Source, or both ---- */

static bool same_bytes(const struct half *a, const struct half *b)
{
    return a->bytes_known && b->bytes_known && a->bytes_sent == b->bytes_received &&
           a->bytes_received == b->bytes_sent && a->bytes_sent && a->bytes_received;
}

static bool kept(const struct pair *pair, const struct entry *client, const struct entry *server)
{
    const struct half *c = &client->half, *s = &server->half;
    if (!could_be_ends(c, s) || c->local.port != s->peer.port || client->contested || server->contested)
        return false;
    if ((!evidence_same_network(c, s) && !evidence_routable(&c->peer)) || !clock_allows(pair, client, server))
        return false;
    return address_equal(&c->peer, &s->local) || same_bytes(c, s);
}

/* Whom `entry` can be joined with: how many, the only one of them, and the only one with the same bytes. */
struct choice {
    unsigned count, agree;
    struct entry *only, *only_agrees;
};

static struct choice find_kept(const struct pair *pair, const struct entry *entry)
{
    struct choice choice = {.count = 0};
    const struct half *half = &entry->half;
    struct table_look look;
    struct table_link *at = table_look(&look, &pair->keys[KEY_KEPT], kept_key(half, opposite(half)));
    for (; at; at = table_look_on(&look)) {
        struct entry *other = ENTRY_OF(at, KEY_KEPT);
        if (!(half->side == SIDE_SERVER ? kept(pair, other, entry) : kept(pair, entry, other)))
            continue;
        choice.count++;
        choice.only = other;
        if (same_bytes(half, &other->half)) {
            choice.agree++;
            choice.only_agrees = other;
        }
    }
    if (look.cut) { /* those that were not looked at could be meant as well */
        choice.count++;
        choice.agree++;
    }
    return choice;
}

static struct entry *chosen(const struct choice *choice)
{
    return choice->count == 1 ? choice->only : choice->agree == 1 ? choice->only_agrees : NULL;
}

struct entry *nat_find(struct pair *pair, struct entry *entry)
{
    if (!is_connection(&entry->half))
        return NULL;
    struct entry *other = find_destination(pair, entry);
    if (other || !entry->links[KEY_KEPT].listed)
        return other;
    struct choice choice = find_kept(pair, entry);
    other = chosen(&choice);
    if (!other)
        return NULL;
    struct choice rivals = find_kept(pair, other);
    if (chosen(&rivals) == entry)
        return other;
    other->contested = !chosen(&rivals); /* also once its rivals are gone */
    return NULL;
}
