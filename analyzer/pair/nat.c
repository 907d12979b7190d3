/* SPDX-License-Identifier: MIT
 *
 * The two halves of a connection whose addresses were translated on the way. Called by pair.c.
 *
 *   destination   the server's peer is the client's local address
 *   source        the client's peer is the server's local address, and the translator kept the client's port
 *   both          the client's port was kept, and the kernel counted the same bytes at both ends, each way
 *
 * Where several could be meant, the bytes decide, then the time; if both leave several, no match is claimed. Where the
 * port was changed too, nothing is left that both ends know, and no match is claimed.
 */
#include "analyzer/pair/internal.h"

#include <sys/socket.h>

static bool is_connection(const struct half *half)
{
    return half->side != SIDE_UNKNOWN && !half->datagram && half->family != AF_UNIX;
}

/* The client's port, as a translator keeps it. */
static uint64_t kept_key(const struct entry *entry, enum side side)
{
    const struct half *half = &entry->half;
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
        table_insert(&pair->keys[KEY_KEPT], &entry->links[KEY_KEPT], kept_key(entry, half->side));
}

/* Where the addresses were not translated, it is decided already that they are two connections. */
static bool could_be_ends(const struct half *client, const struct half *server)
{
    return client->class == server->class && client->outcome != OUTCOME_FAILED && evidence_overlap(client, server) &&
           !evidence_mirrored(client, server) && evidence_bytes(client, server) != BYTES_CONTRADICT;
}

/* A listener may be slow to accept; by one host's clock. */
#define LATE_NS 60000000000ll

static bool in_time(const struct pair *pair, const struct entry *client, const struct entry *server)
{
    if (!clock_overlap(pair, &client->half, &server->half))
        return false;
    if (client->half.host != server->half.host)
        return clock_allows(pair, client, server);
    return clock_gap(pair, &client->half, &server->half) <= LATE_NS;
}

static bool same_bytes(const struct half *a, const struct half *b)
{
    return half_counted(a) && half_counted(b) && a->bytes_sent == b->bytes_received &&
           a->bytes_received == b->bytes_sent && a->bytes_sent && a->bytes_received;
}

/* ---- The rules ---- */

static bool asked_elsewhere(const struct entry *client, const struct entry *server)
{
    const struct half *c = &client->half, *s = &server->half;
    return address_equal(&c->local, &s->peer) && (evidence_same_network(c, s) || evidence_routable(&c->local));
}

static bool kept_port(const struct entry *client, const struct entry *server)
{
    const struct half *c = &client->half, *s = &server->half;
    if (c->local.port != s->peer.port || client->contested || server->contested)
        return false;
    if (!evidence_same_network(c, s) && !evidence_routable(&c->peer))
        return false;
    return address_equal(&c->peer, &s->local) || same_bytes(c, s);
}

static const struct rule {
    enum key key;
    uint64_t (*hash)(const struct entry *entry, enum side side);
    bool (*fits)(const struct entry *client, const struct entry *server);
} destination = {KEY_CLIENT, client_key, asked_elsewhere}, source = {KEY_KEPT, kept_key, kept_port};

/* ---- Choosing ---- */

/* Some of those that `entry` can be joined with. */
struct some {
    unsigned count;
    struct entry *one;
};

/* All of them, those that began when it did, and of both those with the same bytes. */
struct choice {
    struct some all, met, agree, agree_met;
};

static void add(struct some *some, struct entry *entry)
{
    some->count++;
    some->one = entry;
}

static struct choice look_at_all(const struct pair *pair, const struct rule *rule, struct entry *entry)
{
    struct choice choice = {.all = {0}};
    bool server = entry->half.side == SIDE_SERVER;
    struct table_look look;
    struct table_link *at = table_look(&look, &pair->keys[rule->key], rule->hash(entry, opposite(&entry->half)));
    for (; at; at = table_look_on(&look)) {
        struct entry *other = TABLE_OF(at, struct entry, links[rule->key]);
        const struct entry *c = server ? other : entry, *s = server ? entry : other;
        if (!could_be_ends(&c->half, &s->half) || !rule->fits(c, s) || !in_time(pair, c, s))
            continue;
        bool met = clock_meets(pair, &c->half, &s->half), agree = same_bytes(&c->half, &s->half);
        add(&choice.all, other);
        if (met)
            add(&choice.met, other);
        if (agree)
            add(&choice.agree, other);
        if (met && agree)
            add(&choice.agree_met, other);
    }
    if (look.cut) /* those that were not looked at could be meant as well */
        choice = (struct choice){{2, NULL}, {2, NULL}, {2, NULL}, {2, NULL}};
    return choice;
}

/* The only one that the evidence leaves, the strongest first. */
static struct entry *chosen(const struct choice *choice)
{
    const struct some *agree = &choice->agree, *met = agree->count ? &choice->agree_met : &choice->met;
    return choice->all.count == 1 ? choice->all.one
           : agree->count == 1    ? agree->one
           : met->count == 1      ? met->one
                                  : NULL;
}

static struct entry *find(const struct pair *pair, const struct rule *rule, struct entry *entry)
{
    if (!entry->links[rule->key].listed)
        return NULL;
    struct choice choice = look_at_all(pair, rule, entry);
    struct entry *other = chosen(&choice);
    if (!other)
        return NULL;
    struct choice rivals = look_at_all(pair, rule, other);
    if (chosen(&rivals) == entry)
        return other;
    other->contested = !chosen(&rivals); /* also once its rivals are gone */
    return NULL;
}

struct entry *nat_find(struct pair *pair, struct entry *entry)
{
    if (!is_connection(&entry->half))
        return NULL;
    struct entry *other = find(pair, &destination, entry);
    return other ? other : find(pair, &source, entry);
}

/* ---- By the moment ---- */

/* Two that met are in one such span, or in neighbours. */
#define SPAN_NS 2000000000ll

static uint64_t moment_key(const struct half *half, int64_t span, enum side side)
{
    uint64_t port = hash_numbers(half->class, evidence_client_address(half)->port);
    return pair_side_key(hash_numbers(port, (uint64_t)span), side);
}

void nat_list_moment(struct pair *pair, struct entry *entry)
{
    const struct half *half = &entry->half;
    if (!is_connection(half) || !evidence_client_address(half)->port || !half->bytes_sent || !half->bytes_received)
        return;
    table_remove(&pair->keys[KEY_MOMENT], &entry->links[KEY_MOMENT]);
    table_insert(&pair->keys[KEY_MOMENT], &entry->links[KEY_MOMENT],
                 moment_key(half, clock_moment(pair, half) / SPAN_NS, half->side));
}

static struct some look_at_moment(const struct pair *pair, const struct entry *entry)
{
    struct some some = {0};
    bool server = entry->half.side == SIDE_SERVER;
    int64_t span = clock_moment(pair, &entry->half) / SPAN_NS;
    for (int64_t at = span - 1; at <= span + 1; at++) {
        struct table_look look;
        struct table_link *link =
            table_look(&look, &pair->keys[KEY_MOMENT], moment_key(&entry->half, at, opposite(&entry->half)));
        for (; link; link = table_look_on(&look)) {
            struct entry *other = ENTRY_OF(link, KEY_MOMENT);
            const struct entry *c = server ? other : entry, *s = server ? entry : other;
            if (same_bytes(&c->half, &s->half) && could_be_ends(&c->half, &s->half) &&
                (asked_elsewhere(c, s) || kept_port(c, s)) && in_time(pair, c, s) &&
                clock_meets(pair, &c->half, &s->half))
                add(&some, other);
        }
        some.count += look.cut * 2;
    }
    return some;
}

struct entry *nat_find_moment(struct pair *pair, struct entry *entry)
{
    if (!entry->links[KEY_MOMENT].listed)
        return NULL;
    struct some some = look_at_moment(pair, entry), rivals = {0};
    if (some.count == 1)
        rivals = look_at_moment(pair, some.one);
    return rivals.count == 1 && rivals.one == entry ? some.one : NULL;
}

/* ---- */

bool nat_has_better(const struct pair *pair, const struct entry *entry)
{
    return look_at_moment(pair, entry).count != 0;
}
