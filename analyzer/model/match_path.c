/* SPDX-License-Identifier: MIT
 *
 * The two halves of a unix connection: by path, and by credentials where the path does not tell. Called by match.c.
 */
#include "analyzer/model/match.h"

#include <sys/socket.h>

/* A backlog is served in order. */
static bool earlier(const struct flow *a, const struct flow *b)
{
    return a->start_ns != b->start_ns ? a->start_ns < b->start_ns : a->sock->socket.id < b->sock->socket.id;
}

/* ---- Who is at the ends ---- */

static uint32_t connector(const struct flow *flow)
{
    return flow->side == SIDE_SERVER ? flow->sock->peer_pid : flow->sock->own_pid;
}

/* Who called listen(). */
static uint32_t listened(const struct flow *flow)
{
    return flow->side == SIDE_SERVER ? flow->sock->listen_pid : flow->sock->peer_pid;
}

static bool credentials_known(const struct flow *flow)
{
    return connector(flow) && listened(flow);
}

static uint64_t credentials_key(const struct flow *flow)
{
    return hash_numbers((uint64_t)connector(flow) << 32 | listened(flow),
                        (uint64_t)sock_class(flow->sock) << 32 | flow->sock->socket.host);
}

static bool same_credentials(const struct flow *a, const struct flow *b)
{
    return sock_class(a->sock) == sock_class(b->sock) && a->sock->socket.host == b->sock->socket.host &&
           connector(a) == connector(b) && listened(a) == listened(b);
}

/* The address that must be one for all of a side, so that there is no choice between listeners. */
static const struct address *served(const struct flow *flow)
{
    return flow->side == SIDE_SERVER ? flow->local : flow->peer;
}

/* In time, and not through another listener: the path may have been bound again in between. */
static bool may_be_ends(const struct flow *client, const struct flow *server)
{
    return match_overlap(client, server) &&
           (!client->served_socket || !server->sock->listener || client->served_socket == server->sock->listener);
}

/* ---- By path ---- */

/* Two processes may know one path by different names (relative, through a link): the last part and the connector's pid.
 */
static uint64_t path_key(const struct flow *flow)
{
    const struct address *path = served(flow);
    size_t start = 0;
    if (path->size && path->bytes[0])
        for (size_t i = 0; i < path->size; i++)
            if (path->bytes[i] == '/')
                start = i + 1;
    uint64_t who = hash_numbers((uint64_t)connector(flow) << 32 | flow->sock->socket.host, sock_class(flow->sock));
    return hash_numbers(hash_bytes(path->bytes + start, path->size - start), who);
}

static bool same_path(const struct flow *client, const struct flow *server)
{
    if (server->local->size == 0)
        return false;
    if (!server->local->bytes[0] || client->peer->size == 0 || !client->peer->bytes[0])
        return address_equal(client->peer, server->local) && sock_same_network(client->sock, server->sock);
    /* The key has compared the last parts; a name both give in full must agree. */
    return client->peer->bytes[0] != '/' || server->local->bytes[0] != '/' ||
           address_equal(client->peer, server->local) ||
           (client->sock->peer_pid && client->sock->peer_pid == server->sock->listen_pid);
}

struct flow *match_path_find(struct model *model, struct flow *flow)
{
    bool server = flow->side == SIDE_SERVER;
    if (!address_known(served(flow)) || served(flow)->size == 0)
        return NULL;
    match_remember_served(model, flow);
    uint64_t key = path_key(flow);
    struct flow *best = NULL;
    struct table_link *link = table_first(&model->paths, match_side_key(key, match_other_side(flow)));
    for (; link; link = table_next(link)) {
        struct flow *other = TABLE_OF(link, struct flow, by_path);
        struct flow *c = server ? other : flow, *s = server ? flow : other;
        if (c->sock->socket.host != s->sock->socket.host || connector(c) != connector(s) ||
            sock_class(c->sock) != sock_class(s->sock) || !same_path(c, s) || !may_be_ends(c, s))
            continue;
        if (!best || earlier(other, best))
            best = other;
    }
    if (best)
        return best;
    table_insert(&model->paths, &flow->by_path, match_side_key(key, flow->side));
    if (credentials_known(flow))
        table_insert(&model->tuples, &flow->by_tuple, match_side_key(credentials_key(flow), flow->side));
    return NULL;
}

/* ---- By credentials ---- */

/* Puts the first of a side with the credentials of `flow` in its place; false: there is none, or there is a choice
 * between listeners. */
static bool first_of_side(const struct model *model, const struct flow *flow, enum side side, struct flow *first[2])
{
    bool server = side == SIDE_SERVER;
    struct table_link *link = table_first(&model->tuples, match_side_key(credentials_key(flow), side));
    for (; link; link = table_next(link)) {
        struct flow *at = TABLE_OF(link, struct flow, by_tuple);
        if (at == flow || !same_credentials(at, flow))
            continue;
        if (side != flow->side && !may_be_ends(server ? flow : at, server ? at : flow))
            continue;
        if (first[server] && !address_equal(served(first[server]), served(at)))
            return false;
        if (!first[server] || earlier(at, first[server]))
            first[server] = at;
    }
    return first[server] != NULL;
}

struct flow *match_credentials_find(struct model *model, struct flow *flow, struct flow **other)
{
    if (flow->sock->socket.family != AF_UNIX || sock_is_datagram(flow->sock) || flow->side == SIDE_UNKNOWN ||
        !flow->by_tuple.listed)
        return NULL;
    struct flow *first[2] = {NULL, NULL}; /* of the clients, of the servers */
    first[flow->side == SIDE_SERVER] = flow;
    if (!first_of_side(model, flow, match_other_side(flow), first) || !first_of_side(model, flow, flow->side, first))
        return NULL;
    bool server = flow->side == SIDE_SERVER;
    *other = first[!server];
    return *other && may_be_ends(first[0], first[1]) ? first[server] : NULL;
}
