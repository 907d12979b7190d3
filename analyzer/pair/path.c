/* SPDX-License-Identifier: MIT
 *
 * Unix connections: by path, and by credentials where the path does not tell. Called by pair.c.
 */
#include "analyzer/pair/internal.h"

#include <sys/socket.h>

/* A backlog is served in order. */
static bool earlier(const struct entry *a, const struct entry *b)
{
    return a->half.start_ns != b->half.start_ns ? a->half.start_ns < b->half.start_ns : a->half.socket < b->half.socket;
}

/* ---- Who is at the ends ---- */

static uint32_t connector(const struct half *half)
{
    return half->side == SIDE_SERVER ? half->peer_pid : half->own_pid;
}

/* Who called listen(). */
static uint32_t listened(const struct half *half)
{
    return half->side == SIDE_SERVER ? half->listen_pid : half->peer_pid;
}

static uint64_t credentials_key(const struct half *half)
{
    return hash_numbers((uint64_t)connector(half) << 32 | listened(half), (uint64_t)half->class << 32 | half->host);
}

static bool same_credentials(const struct half *a, const struct half *b)
{
    return a->class == b->class && a->host == b->host && connector(a) == connector(b) && listened(a) == listened(b);
}

/* The address that must be one for all of a side, so that there is no choice between listeners. */
static const struct address *served(const struct half *half)
{
    return half->side == SIDE_SERVER ? &half->local : &half->peer;
}

/* In time, and not through another listener: the path may have been bound again in between. */
static bool may_be_ends(const struct half *client, const struct half *server)
{
    if (client->peer_pid && server->listen_pid && client->pidns == server->pidns &&
        client->peer_pid != server->listen_pid)
        return false;
    return evidence_overlap(client, server) &&
           (!client->served_socket || !server->listener || client->served_socket == server->listener);
}

/* ---- By path ---- */

/* Two processes may know one path by different names (relative, through a link): the last part and `who`. */
static uint64_t path_key(const struct half *half, uint32_t who)
{
    const struct address *path = served(half);
    size_t start = 0;
    if (path->size && path->bytes[0])
        for (size_t i = 0; i < path->size; i++)
            if (path->bytes[i] == '/')
                start = i + 1;
    uint64_t hash = hash_numbers((uint64_t)who << 32 | half->host, half->class);
    return hash_numbers(hash_bytes(path->bytes + start, path->size - start), hash);
}

static bool same_path(const struct half *client, const struct half *server)
{
    if (server->local.size == 0)
        return false;
    if (client->served_socket && client->served_socket == server->listener)
        return true;
    if (!server->local.bytes[0] || client->peer.size == 0 || !client->peer.bytes[0])
        return address_equal(&client->peer, &server->local) && evidence_same_network(client, server);
    /* The key has compared the last parts; a name both give in full must agree. */
    return client->peer.bytes[0] != '/' || server->local.bytes[0] != '/' ||
           address_equal(&client->peer, &server->local) || (client->peer_pid && client->peer_pid == server->listen_pid);
}

struct entry *path_find(struct pair *pair, struct entry *entry)
{
    const struct half *half = &entry->half;
    bool server = half->side == SIDE_SERVER;
    if (!address_known(served(half)) || served(half)->size == 0)
        return NULL;
    uint64_t key = path_key(half, connector(half));
    struct entry *best = NULL;
    uint64_t hash = pair_side_key(key, server ? SIDE_CLIENT : SIDE_SERVER);
    struct table_look look;
    struct table_link *at = table_look(&look, &pair->keys[KEY_MATE], hash);
    for (; at; at = table_look_on(&look)) {
        struct entry *other = ENTRY_OF(at, KEY_MATE);
        const struct half *c = server ? &other->half : half, *s = server ? half : &other->half;
        if (c->host != s->host || connector(c) != connector(s) || c->class != s->class || !same_path(c, s) ||
            !may_be_ends(c, s))
            continue;
        if (!best || earlier(other, best))
            best = other;
    }
    if (best)
        return best;
    table_insert(&pair->keys[KEY_MATE], &entry->links[KEY_MATE], pair_side_key(key, half->side));
    table_insert(&pair->keys[KEY_CLIENT], &entry->links[KEY_CLIENT], pair_side_key(path_key(half, 0), half->side));
    if (connector(half) && listened(half))
        table_insert(&pair->keys[KEY_KEPT], &entry->links[KEY_KEPT], pair_side_key(credentials_key(half), half->side));
    return NULL;
}

struct entry *path_find_across(struct pair *pair, struct entry *entry)
{
    const struct half *half = &entry->half;
    bool server = half->side == SIDE_SERVER;
    if (!entry->links[KEY_CLIENT].listed || half->family != AF_UNIX)
        return NULL;
    struct entry *best = NULL;
    uint64_t hash = pair_side_key(path_key(half, 0), server ? SIDE_CLIENT : SIDE_SERVER);
    struct table_look look;
    struct table_link *at = table_look(&look, &pair->keys[KEY_CLIENT], hash);
    for (; at; at = table_look_on(&look)) {
        struct entry *other = ENTRY_OF(at, KEY_CLIENT);
        const struct half *c = server ? &other->half : half, *s = server ? half : &other->half;
        if (c->host != s->host || c->class != s->class || c->pidns == s->pidns || !same_path(c, s) ||
            !may_be_ends(c, s))
            continue;
        if (!best || earlier(other, best))
            best = other;
    }
    return best;
}

/* ---- By credentials ---- */

/* The earliest of one side with the credentials of `entry`. False: several served addresses could be meant. */
static bool first_of(const struct pair *pair, struct entry *entry, enum side side, struct entry **first)
{
    uint64_t hash = pair_side_key(credentials_key(&entry->half), side);
    struct table_look look;
    struct table_link *at = table_look(&look, &pair->keys[KEY_KEPT], hash);
    for (; at; at = table_look_on(&look)) {
        struct entry *other = ENTRY_OF(at, KEY_KEPT);
        const struct half *half = &other->half, *mine = &entry->half;
        bool server = side == SIDE_SERVER, opposite = mine->side != side;
        if (other == entry || !same_credentials(half, mine))
            continue;
        if (opposite && !may_be_ends(server ? mine : half, server ? half : mine))
            continue;
        if (*first && !address_equal(served(&(*first)->half), served(half)))
            return false;
        if (!*first || earlier(other, *first))
            *first = other;
    }
    return true;
}

struct entry *path_find_credentials(struct pair *pair, struct entry *entry, struct entry **other)
{
    if (entry->half.family != AF_UNIX || entry->half.datagram || entry->half.side == SIDE_UNKNOWN ||
        !entry->links[KEY_KEPT].listed)
        return NULL;
    enum side mine = entry->half.side, theirs = mine == SIDE_SERVER ? SIDE_CLIENT : SIDE_SERVER;
    struct entry *first = entry, *mate = NULL;
    if (!first_of(pair, entry, theirs, &mate) || !mate || !first_of(pair, entry, mine, &first))
        return NULL;
    *other = mate;
    const struct half *c = mine == SIDE_SERVER ? &mate->half : &first->half;
    const struct half *s = mine == SIDE_SERVER ? &first->half : &mate->half;
    return may_be_ends(c, s) ? first : NULL;
}
