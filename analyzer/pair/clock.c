/* SPDX-License-Identifier: MIT
 *
 * How far the clocks of two hosts are apart, learned from connections of which no other could be meant, and what that
 * says about others. Called by pair.c, lives.c and nat.c.
 */
#include "analyzer/pair/internal.h"

#include <stdlib.h>
#include <sys/socket.h>

#define SECOND_NS 1000000000ll
/* A sure connection says by how much: it was accepted so much later by its own clock. */
#define NEAR_NS (5 * SECOND_NS)
/* A listener may be slow to accept. */
#define LATE_NS       (60 * SECOND_NS)
#define SAMPLES_MAX   1024
#define SAMPLES_LEAST 16 /* while others may still come */

static int64_t difference(const struct pair *pair, const struct half *client, const struct half *server)
{
    const struct pair_callbacks *callbacks = &pair->callbacks;
    uint64_t at = client->connected_ns ? client->connected_ns : client->start_ns;
    return (int64_t)(callbacks->wall(callbacks->context, server->host, server->start_ns) -
                     callbacks->wall(callbacks->context, client->host, at));
}

static struct offset *find(const struct pair *pair, unsigned from, unsigned to)
{
    for (struct offset *at = pair->offsets; at; at = at->next)
        if (at->from == from && at->to == to)
            return at;
    return NULL;
}

static struct offset *add(struct pair *pair, const struct half *client, const struct half *server)
{
    bool swap = client->host > server->host;
    unsigned from = swap ? server->host : client->host, to = swap ? client->host : server->host;
    struct offset *offset = find(pair, from, to);
    if (!offset) {
        if (!(offset = calloc(1, sizeof *offset)))
            abort();
        *offset = (struct offset){.next = pair->offsets, .from = from, .to = to};
        pair->offsets = offset;
    }
    if (offset->count == SAMPLES_MAX)
        return offset;
    if (offset->count == offset->room) {
        offset->room = offset->room * 2 + 8;
        if (!(offset->samples = realloc(offset->samples, offset->room * sizeof *offset->samples)))
            abort();
    }
    int64_t later = difference(pair, client, server);
    offset->samples[offset->count++] = swap ? -later : later;
    return offset;
}

static bool only_lives(const struct pair *pair, const struct entry *entry)
{
    const struct table_link *clients = tuple_lives(pair, entry, SIDE_CLIENT);
    const struct table_link *servers = tuple_lives(pair, entry, SIDE_SERVER);
    return clients && servers && !table_next(clients) && !table_next(servers);
}

/* One of several lives of a tuple, or one whose bytes do not agree, is not sure. */
static bool sure(const struct pair *pair, const struct entry *client)
{
    const struct half *half = &client->half, *mate = &client->mate->half;
    return half->side == SIDE_CLIENT && client->found == MATCH_EXACT && !half->datagram && half->host != mate->host &&
           half->start_ns && mate->start_ns && evidence_bytes(half, mate) >= BYTES_NEAR && only_lives(pair, client);
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* What most say: those that are not near it belong to other lives of their tuple. */
static void settle(struct offset *offset)
{
    qsort(offset->samples, offset->count, sizeof *offset->samples, by_value);
    offset->median = offset->samples[offset->count / 2];
    offset->known = offset->count >= SAMPLES_LEAST;
}

void clock_learn(struct pair *pair)
{
    for (struct entry *entry = pair->first; entry; entry = entry->next)
        if (entry->mate && sure(pair, entry))
            add(pair, &entry->half, &entry->mate->half);
    for (struct offset *at = pair->offsets; at; at = at->next) {
        settle(at);
        at->known = true;
    }
}

bool clock_near(struct pair *pair, const struct entry *entry)
{
    const struct entry *client = entry->half.side == SIDE_CLIENT ? entry : entry->mate;
    if (!sure(pair, client))
        return false;
    const struct half *half = &client->half, *mate = &client->mate->half;
    struct offset *offset = add(pair, half, mate);
    if (offset->count < SAMPLES_MAX && (offset->count & (offset->count - 1)) == 0)
        settle(offset); /* as often as it doubles */
    int64_t gap = clock_gap(pair, half, mate);
    return offset->known && gap >= -NEAR_NS && gap <= NEAR_NS;
}

int64_t clock_gap(const struct pair *pair, const struct half *client, const struct half *server)
{
    if (client->host == server->host)
        return (int64_t)(server->start_ns - client->start_ns);
    bool swap = client->host > server->host;
    const struct offset *offset =
        swap ? find(pair, server->host, client->host) : find(pair, client->host, server->host);
    int64_t median = offset && offset->known ? offset->median : 0;
    return difference(pair, client, server) - (swap ? -median : median);
}

bool clock_allows(const struct pair *pair, const struct entry *client, const struct entry *server)
{
    const struct half *c = &client->half, *s = &server->half;
    if (c->host == s->host || !pair->finishing || !s->start_ns || !c->start_ns)
        return true;
    if (evidence_bytes(c, s) >= BYTES_NEAR && only_lives(pair, client))
        return true;
    int64_t gap = clock_gap(pair, c, s);
    return gap >= -NEAR_NS && gap <= LATE_NS;
}

void clock_free(struct pair *pair)
{
    for (struct offset *at = pair->offsets, *next; at; at = next) {
        next = at->next;
        free(at->samples);
        free(at);
    }
}
