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
#define SAMPLES_APART 16 /* one in so many, on either side, may be of other connections */
/* Beyond what sure connections say of clocks and of listeners. */
#define SLACK_NS SECOND_NS

/* How much later than that of the client's host the server began, by the hosts' own clocks. */
static int64_t later_than(const struct pair *pair, const struct half *client, uint64_t at, const struct half *server)
{
    const struct pair_callbacks *callbacks = &pair->callbacks;
    return (int64_t)(callbacks->wall(callbacks->context, server->host, server->start_ns) -
                     callbacks->wall(callbacks->context, client->host, at));
}

static int64_t difference(const struct pair *pair, const struct half *client, const struct half *server)
{
    return later_than(pair, client, client->connected_ns ? client->connected_ns : client->start_ns, server);
}

static struct offset *find(const struct pair *pair, unsigned from, unsigned to)
{
    struct table_link *link = table_first(&pair->offsets_table, hash_numbers(from, to));
    for (; link; link = table_next(link)) {
        struct offset *offset = TABLE_OF(link, struct offset, by_hosts);
        if (offset->from == from && offset->to == to)
            return offset;
    }
    return NULL;
}

static const struct offset *offset_of(const struct pair *pair, const struct half *a, const struct half *b)
{
    return a->host > b->host ? find(pair, b->host, a->host) : find(pair, a->host, b->host);
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
        table_insert(&pair->offsets_table, &offset->by_hosts, hash_numbers(from, to));
    }
    if (offset->count == SAMPLES_MAX)
        return offset;
    if (offset->count == offset->capacity) {
        offset->capacity = offset->capacity * 2 + 8;
        if (!(offset->samples = realloc(offset->samples, offset->capacity * sizeof *offset->samples)))
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

/* The only one of a side that has the bytes of `entry`, among the lives of its tuple. */
static struct entry *only_one_to_agree(const struct pair *pair, const struct entry *entry, enum side side)
{
    struct entry *found = NULL;
    unsigned looked = 0;
    for (struct table_link *at = tuple_lives(pair, entry, side); at; at = table_next(at)) {
        struct entry *other = ENTRY_OF(at, KEY_LIVES);
        if (++looked > LIVES_MAX)
            return NULL;
        if (evidence_bytes(&entry->half, &other->half) != BYTES_AGREE)
            continue;
        if (found)
            return NULL;
        found = other;
    }
    return found;
}

/* The server of a client whose tuple was used again and again; NULL: none that is sure. */
static const struct half *sure_of_many(const struct pair *pair, const struct entry *client)
{
    const struct half *half = &client->half;
    if (half->side != SIDE_CLIENT || half->datagram || half->family == AF_UNIX || !half->start_ns)
        return NULL;
    const struct entry *server = only_one_to_agree(pair, client, SIDE_SERVER);
    bool both = server && server->half.side == SIDE_SERVER && only_one_to_agree(pair, server, SIDE_CLIENT) == client;
    return both && server->half.host != half->host && server->half.start_ns ? &server->half : NULL;
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
    offset->known = offset->bounded = offset->count >= SAMPLES_LEAST;
    unsigned apart = offset->count / SAMPLES_APART;
    int64_t early = offset->median - offset->samples[apart];
    int64_t late = offset->samples[offset->count - 1 - apart] - offset->median;
    offset->late_ns = early > late ? early : late; /* the client's host may be either */
}

/* Tells one host's clock by the other's. True: it was not known. */
static bool tell(struct host_clock *of, const struct host_clock *by, int64_t ahead_ns)
{
    if (of->group || !by->group)
        return false;
    *of = (struct host_clock){by->group, by->ahead_ns + ahead_ns};
    return true;
}

static void join_hosts(struct pair *pair)
{
    if (!pair->clocks_count)
        return;
    if (!(pair->clocks = calloc(pair->clocks_count, sizeof *pair->clocks)))
        abort();
    unsigned groups = 0;
    for (struct offset *first = pair->offsets; first; first = first->next) {
        if (pair->clocks[first->from].group)
            continue;
        pair->clocks[first->from].group = ++groups;
        for (bool more = true; more;) { /* as often as the way from the first one is long */
            more = false;
            for (struct offset *at = first; at; at = at->next) {
                struct host_clock *from = &pair->clocks[at->from], *to = &pair->clocks[at->to];
                more |= tell(to, from, at->median);
                more |= tell(from, to, -at->median);
            }
        }
    }
}

void clock_learn(struct pair *pair)
{
    for (struct entry *entry = pair->first; entry; entry = entry->next) {
        const struct half *server = entry->mate && sure(pair, entry) ? &entry->mate->half : sure_of_many(pair, entry);
        if (server)
            add(pair, &entry->half, server);
    }
    for (struct offset *at = pair->offsets; at; at = at->next) {
        settle(at);
        at->known = true;
        if (at->to >= pair->clocks_count)
            pair->clocks_count = at->to + 1; /* the greater one */
    }
    join_hosts(pair);
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

static const struct host_clock *clock_of(const struct pair *pair, const struct half *half)
{
    bool known = half->host < pair->clocks_count && pair->clocks[half->host].group;
    return known ? &pair->clocks[half->host] : NULL;
}

/* What of a difference is the clocks', as far as is known. */
static int64_t apart(const struct pair *pair, const struct half *client, const struct half *server)
{
    const struct offset *offset = client->host == server->host ? NULL : offset_of(pair, client, server);
    if (offset && offset->known)
        return client->host > server->host ? -offset->median : offset->median;
    const struct host_clock *c = clock_of(pair, client), *s = clock_of(pair, server);
    return c && s && c->group == s->group ? s->ahead_ns - c->ahead_ns : 0;
}

int64_t clock_moment(const struct pair *pair, const struct half *half)
{
    const struct host_clock *clock = clock_of(pair, half);
    uint64_t at = half->side == SIDE_CLIENT && half->connected_ns ? half->connected_ns : half->start_ns;
    return (int64_t)pair->callbacks.wall(pair->callbacks.context, half->host, at) - (clock ? clock->ahead_ns : 0);
}

int64_t clock_gap(const struct pair *pair, const struct half *client, const struct half *server)
{
    if (client->host == server->host)
        return (int64_t)(server->start_ns - client->start_ns);
    return difference(pair, client, server) - apart(pair, client, server);
}

static bool in_order(const struct half *half)
{
    return half->end != END_RESET && half->end != END_BROKEN;
}

bool clock_allows(const struct pair *pair, const struct entry *client, const struct entry *server)
{
    const struct half *c = &client->half, *s = &server->half;
    if (c->host == s->host || !pair->finishing || !s->start_ns || !c->start_ns)
        return true;
    enum agreement bytes = evidence_bytes(c, s);
    if (bytes >= BYTES_NEAR && only_lives(pair, client) && clock_gap(pair, c, s) >= -NEAR_NS)
        return true; /* a listener may be slower than ever */
    if (bytes == BYTES_CONTRADICT && in_order(c) && in_order(s))
        return false;
    return clock_in_time(pair, c, s);
}

bool clock_in_time(const struct pair *pair, const struct half *client, const struct half *server)
{
    const struct offset *offset = offset_of(pair, client, server);
    bool bounded = offset && offset->bounded;
    int64_t gap = clock_gap(pair, client, server);
    return gap >= -(bounded ? SLACK_NS : NEAR_NS) && gap <= (bounded ? offset->late_ns + NEAR_NS : LATE_NS);
}

bool clock_meets(const struct pair *pair, const struct half *client, const struct half *server)
{
    if (!client->start_ns || !server->start_ns)
        return false;
    int64_t gap = clock_gap(pair, client, server);
    return gap >= (client->host == server->host ? 0 : -SLACK_NS) && gap <= SLACK_NS;
}

bool clock_overlap(const struct pair *pair, const struct half *client, const struct half *server)
{
    return !client->closed_ns || !server->start_ns ||
           later_than(pair, client, client->closed_ns, server) - apart(pair, client, server) <= SLACK_NS;
}

void clock_free(struct pair *pair)
{
    for (struct offset *at = pair->offsets, *next; at; at = next) {
        next = at->next;
        free(at->samples);
        free(at);
    }
    table_free(&pair->offsets_table);
    free(pair->clocks);
}
