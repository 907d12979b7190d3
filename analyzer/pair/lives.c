/* SPDX-License-Identifier: MIT
 *
 * Several lives of one tuple: a client's port was used again, and of some connections one half is not in the trace.
 * All that are not decided are looked at together: the order must be kept, then bytes that agree count most, then how
 * many find a mate, then how near they are in time. Called by pair.c.
 */
#include "analyzer/pair/internal.h"

#include <string.h>
#include <sys/socket.h>

static unsigned collect(const struct pair *pair, const struct entry *of, enum side side, struct entry *out[LIVES_MAX])
{
    unsigned count = 0;
    for (struct table_link *at = tuple_lives(pair, of, side); at && count < LIVES_MAX; at = table_next(at)) {
        struct entry *entry = ENTRY_OF(at, KEY_LIVES);
        const struct entry *mate = entry->mate;
        bool of_the_tuple = !mate || (entry->found == MATCH_EXACT && mate->half.side != side &&
                                      mate->half.side != SIDE_UNKNOWN && entry->half.side != SIDE_UNKNOWN);
        if (of_the_tuple)
            out[count++] = entry;
    }
    return count;
}

/* What speaks for the two being one connection; 0: they cannot be. A backlog is served in order, so that the first
 * comes first; where records are missing, or between hosts, those that are near in time rather belong together. */
static double weight(const struct pair *pair, const struct entry *client, const struct entry *server)
{
    static const double by_bytes[] = {
        [BYTES_CONTRADICT] = 1, [BYTES_DIFFER] = 2, [BYTES_UNKNOWN] = 1e3, [BYTES_NEAR] = 1e4, [BYTES_AGREE] = 1e6};
    const struct half *c = &client->half, *s = &server->half;
    if (c->side == SIDE_UNKNOWN || !tuple_could_be(c, s) || !clock_allows(pair, client, server))
        return 0;
    bool other_listener = c->served_socket && s->listener && c->served_socket != s->listener;
    double weight =
        by_bytes[evidence_bytes(c, s)] * (evidence_same_network(c, s) ? 10 : 1) * (other_listener ? 0.9 : 1);
    if (c->recorded && s->recorded && c->host == s->host)
        return weight;
    double far = (double)clock_gap(pair, c, s) / 1e9;
    far = far < 0 ? -far : far;
    return weight - far / (far + 1);
}

bool lives_doubtful(const struct pair *pair, const struct entry *entry)
{
    const struct half *half = &entry->half, *mate = &entry->mate->half;
    if (entry->found != MATCH_EXACT || half->datagram || half->family == AF_UNIX)
        return false;
    const struct table_link *clients = tuple_lives(pair, entry, SIDE_CLIENT);
    const struct table_link *servers = tuple_lives(pair, entry, SIDE_SERVER);
    if (!clients || !servers || (!table_next(clients) && !table_next(servers)))
        return false;
    const struct half *client = half->side == SIDE_CLIENT ? half : mate, *server = client == half ? mate : half;
    enum agreement bytes = evidence_bytes(client, server);
    return half->host != mate->host || (bytes < BYTES_NEAR && !evidence_met(client, server)) ||
           bytes == BYTES_CONTRADICT;
}

struct table_of_sums {
    double weights[LIVES_MAX][LIVES_MAX];
    double best[LIVES_MAX + 1][LIVES_MAX + 1]; /* of all from there on */
};

static void add_up(const struct pair *pair, struct table_of_sums *sums, struct entry *clients[], unsigned c,
                   struct entry *servers[], unsigned s)
{
    memset(sums->best, 0, sizeof sums->best);
    for (unsigned i = c; i-- > 0;)
        for (unsigned j = s; j-- > 0;) {
            double both = sums->weights[i][j] = weight(pair, clients[i], servers[j]);
            if (both > 0)
                both += sums->best[i + 1][j + 1];
            double skip_client = sums->best[i + 1][j], skip_server = sums->best[i][j + 1];
            double skip = skip_client > skip_server ? skip_client : skip_server;
            sums->best[i][j] = both >= skip ? both : skip;
        }
}

static void part(struct entry *entries[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (entries[i]->mate)
            entries[i]->mate->mate = NULL;
        entries[i]->mate = NULL;
    }
}

static void join(struct entry *client, struct entry *server)
{
    client->mate = server;
    server->mate = client;
    client->found = server->found = MATCH_EXACT;
}

/* Lists those without a mate, unlists the others; of the first `settled`, those that are over are returned. */
static unsigned file(struct pair *pair, struct entry *entries[], unsigned count, unsigned settled, struct entry *over[],
                     unsigned used)
{
    for (unsigned i = 0; i < count; i++) {
        struct entry *entry = entries[i];
        if (entry->mate) {
            pair_unlist(pair, entry);
        } else {
            tuple_list(pair, entry);
            nat_list(pair, entry);
        }
        if (i < settled && entry->state == HALF_WAITING && (!entry->mate || entry->mate->state == HALF_WAITING))
            over[used++] = entry;
    }
    return used;
}

unsigned lives_align(struct pair *pair, struct entry *entry, struct entry *over[LIVES_MAX * 2])
{
    static struct table_of_sums sums;
    struct entry *clients[LIVES_MAX], *servers[LIVES_MAX];
    unsigned c = collect(pair, entry, SIDE_CLIENT, clients);
    unsigned s = collect(pair, entry, SIDE_SERVER, servers);
    add_up(pair, &sums, clients, c, servers, s);
    part(clients, c);
    part(servers, s);
    for (unsigned i = 0, j = 0; i < c && j < s;) {
        if (sums.weights[i][j] > 0 && sums.best[i][j] == sums.weights[i][j] + sums.best[i + 1][j + 1])
            join(clients[i++], servers[j++]);
        else if (sums.best[i][j] == sums.best[i + 1][j])
            i++;
        else
            j++;
    }
    /* Where there are more, the mates of the last ones may be among those. */
    unsigned settled = c == LIVES_MAX || s == LIVES_MAX ? LIVES_MAX / 2 : LIVES_MAX;
    return file(pair, servers, s, settled, over, file(pair, clients, c, settled, over, 0));
}
