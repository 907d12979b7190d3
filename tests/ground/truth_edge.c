/* SPDX-License-Identifier: MIT
 *
 * The true edges: what all talks between two processes over one served address add up to.
 */
#include "tests/ground/truth.h"

#include <stdio.h>
#include <string.h>

static bool same_edge(const struct talk *a, const struct talk *b)
{
    return truth_from(a) == truth_from(b) && truth_to(a) == truth_to(b) && strcmp(a->transport, b->transport) == 0 &&
           strcmp(a->match ? a->match : "", b->match ? b->match : "") == 0 && a->served.known == b->served.known &&
           strcmp(a->served.text, b->served.text) == 0 && a->served.port == b->served.port;
}

struct sums {
    unsigned connections, open, failed, sockets;
    int error;
    bool sent_known, received_known;
    uint64_t sent, received;
    struct cast_span first, last;
};

static bool is_open(const struct talk *talk)
{
    return !talk->dissolved.from && (talk->half || talk->from < 0 || world_held(talk->client)) &&
           (!talk->server || world_held(talk->server));
}

static void earliest(struct cast_span *span, struct cast_span other)
{
    if (!other.from)
        return;
    if (!span->from || other.from < span->from)
        span->from = other.from;
    if (!span->to || other.to < span->to)
        span->to = other.to;
}

static void latest(struct cast_span *span, struct cast_span other)
{
    if (other.from > span->from)
        span->from = other.from;
    if (other.to > span->to)
        span->to = other.to;
}

static void add_sent(struct sums *sums, uint64_t bytes)
{
    sums->sent_known = true;
    sums->sent += bytes;
}

static void add_received(struct sums *sums, uint64_t bytes)
{
    sums->received_known = true;
    sums->received += bytes;
}

/* From what either end knows. */
static void add_bytes(struct sums *sums, const struct talk *talk)
{
    const struct sock *client = talk->half || talk->from < 0 ? NULL : talk->client, *server = talk->server;
    bool sent = client && world_sent(client), received = client && world_received(client);
    if (sent || (server && world_received(server)))
        add_sent(sums, talk->datagrams ? talk->sent : sent ? client->sent : server->received);
    if (received || (server && world_sent(server)))
        add_received(sums, talk->datagrams ? talk->received : received ? client->received : server->sent);
}

static void add_up(struct sums *sums, const struct talk *talk)
{
    earliest(&sums->first, talk->begun);
    latest(&sums->last, talk->begun);
    if (talk->failed) {
        sums->failed++;
        sums->error = talk->error;
        latest(&sums->last, talk->ended);
        return;
    }
    sums->connections++;
    sums->open += is_open(talk);
    latest(&sums->last, talk->dissolved);
    if (!talk->half && !talk->dissolved.from)
        latest(&sums->last, talk->client->closed);
    if (talk->server)
        latest(&sums->last, talk->server->closed);
    add_bytes(sums, talk);
}

/* Where another process lets go is told as well as the end; and what was a former owner's may stay in his edge's times.
 */
static void loosen(struct sums *sums, const struct talk *edge)
{
    for (unsigned i = 0; i < world.talks_count; i++) {
        const struct talk *talk = world.talks[i];
        bool same = same_edge(talk, edge);
        if (!same && !(talk->moved && strcmp(talk->served.text, edge->served.text) == 0))
            continue;
        if (talk->begun.from < sums->first.from)
            sums->first.from = talk->begun.from;
        if (talk->begun.to > sums->last.to)
            sums->last.to = talk->begun.to;
        const struct sock *ends[] = {talk->client, talk->server};
        for (int end = 0; end < 2; end++)
            if (ends[end] && ends[end]->dropped.to > sums->last.to)
                sums->last.to = ends[end]->dropped.to;
    }
}

static bool takes_part(const struct sock *sock, const struct talk *talk)
{
    return (talk->client == sock && !talk->half) || talk->server == sock;
}

static struct sums add_up_all(const struct talk *edge)
{
    struct sums sums = {0};
    for (unsigned i = 0; i < world.talks_count; i++)
        if (same_edge(world.talks[i], edge))
            add_up(&sums, world.talks[i]);
    for (unsigned i = 0; i < world.sockets_count; i++) {
        bool there = false;
        for (unsigned j = 0; j < world.talks_count && !there; j++)
            there = takes_part(world.sockets[i], world.talks[j]) && same_edge(world.talks[j], edge);
        sums.sockets += there;
    }
    loosen(&sums, edge);
    return sums;
}

static cJSON *edge_object(const struct talk *talk, const struct sums *sums)
{
    cJSON *edge = cJSON_CreateObject();
    truth_number(edge, "from", true, truth_from(talk));
    truth_number(edge, "to", true, truth_to(talk));
    truth_text(edge, "transport", talk->transport);
    truth_place(edge, "server_address", "server_port", &talk->served);
    truth_number(edge, "connections", true, sums->connections);
    truth_number(edge, "open", true, sums->open);
    truth_number(edge, "failed", true, sums->failed);
    truth_error(edge, "error", sums->error);
    truth_number(edge, "bytes_sent", sums->sent_known, (double)sums->sent);
    truth_number(edge, "bytes_received", sums->received_known, (double)sums->received);
    truth_text(edge, "match", talk->match);
    truth_number(edge, "sockets", true, sums->sockets);
    if (talk->from >= 0) { /* else nobody can tell when it began */
        truth_time(edge, "first_us", sums->first);
        truth_time(edge, "last_us", sums->last);
    }
    return edge;
}

cJSON *truth_edges(void)
{
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; i < world.talks_count; i++) {
        const struct talk *talk = world.talks[i];
        bool first = true;
        for (unsigned j = 0; j < i && first; j++)
            first = !same_edge(world.talks[j], talk);
        if (!first)
            continue;
        struct sums sums = add_up_all(talk);
        cJSON_AddItemToArray(array, edge_object(talk, &sums));
    }
    return array;
}
