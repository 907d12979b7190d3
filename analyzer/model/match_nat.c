/* SPDX-License-Identifier: MIT
 *
 * The two halves of a connection whose addresses were translated on the way. Called by match.c.
 *
 *   destination   the server's peer is the client's local address
 *   source        the client's peer is the server's local address, and the translator kept the client's port
 *   both          the client's port was kept, and the kernel counted the same bytes at both ends, each way
 *
 * The second and third need a client and a server that fit nobody else. Where the port was changed too, nothing is left
 * that both ends know, and no match is claimed.
 */
#include "analyzer/model/match.h"

#include <sys/socket.h>

static bool is_connection(const struct flow *flow)
{
    return flow->side != SIDE_UNKNOWN && !sock_is_datagram(flow->sock) && flow->sock->socket.family != AF_UNIX;
}

static const struct address *client_address(const struct flow *flow)
{
    return flow->side == SIDE_SERVER ? flow->peer : flow->local;
}

/* The client's port, as a translator keeps it. */
static uint64_t kept_key(const struct flow *flow)
{
    return hash_numbers(sock_class(flow->sock), client_address(flow)->port);
}

/* A client that connects within its own network meets its server by address. */
void match_nat_list(struct model *model, struct flow *flow)
{
    if (!is_connection(flow) || flow->by_path.listed || !client_address(flow)->port)
        return;
    if (flow->served_near)
        return;
    table_insert(&model->paths, &flow->by_path, match_side_key(kept_key(flow), flow->side));
}

static bool could_be_ends(const struct flow *client, const struct flow *server)
{
    return client->side == SIDE_CLIENT && server->side == SIDE_SERVER &&
           sock_class(client->sock) == sock_class(server->sock) && client->sock->open_state != STATE_FAILED &&
           match_overlap(client, server);
}

/* ---- Destination ---- */

static struct flow *find_destination(const struct model *model, const struct flow *flow)
{
    struct flow *best = NULL;
    bool server = flow->side == SIDE_SERVER;
    uint64_t key = match_side_key(match_endpoint_key(flow, client_address(flow)), match_other_side(flow));
    for (struct table_link *link = table_first(&model->tuples, key); link; link = table_next(link)) {
        struct flow *other = TABLE_OF(link, struct flow, by_tuple);
        const struct flow *c = server ? other : flow, *s = server ? flow : other;
        if (!could_be_ends(c, s) || !address_equal(c->local, s->peer))
            continue;
        if (!sock_same_network(c->sock, s->sock) && !match_routable(c->local))
            continue;
        if (!best || other->sock->socket.id < best->sock->socket.id)
            best = other;
    }
    return best;
}

/* ---- Source, or both ---- */

static bool same_bytes(const struct sock *client, const struct sock *server)
{
    const struct socket *c = &client->socket, *s = &server->socket;
    return sock_bytes_known(client) && sock_bytes_known(server) && c->bytes_sent == s->bytes_received &&
           c->bytes_received == s->bytes_sent && c->bytes_sent && c->bytes_received;
}

static bool kept(const struct flow *client, const struct flow *server)
{
    if (!could_be_ends(client, server) || client->local->port != server->peer->port)
        return false;
    if (client->contested || server->contested)
        return false;
    if (!sock_same_network(client->sock, server->sock) && !match_routable(client->peer))
        return false;
    return address_equal(client->peer, server->local) || same_bytes(client->sock, server->sock);
}

/* The only one that `flow` can be joined with; `count` tells of how many. */
static struct flow *find_kept(const struct model *model, const struct flow *flow, unsigned *count)
{
    struct flow *found = NULL;
    uint64_t key = match_side_key(kept_key(flow), match_other_side(flow));
    *count = 0;
    for (struct table_link *link = table_first(&model->paths, key); link; link = table_next(link)) {
        struct flow *other = TABLE_OF(link, struct flow, by_path);
        if (other == flow || !(flow->side == SIDE_SERVER ? kept(other, flow) : kept(flow, other)))
            continue;
        found = other;
        ++*count;
    }
    return found;
}

struct flow *match_nat_find(struct model *model, struct flow *flow)
{
    unsigned choices, rivals;
    if (!is_connection(flow))
        return NULL;
    struct flow *other = find_destination(model, flow);
    if (other || !flow->by_path.listed)
        return other;
    other = find_kept(model, flow, &choices);
    if (choices != 1)
        return NULL;
    find_kept(model, other, &rivals);
    other->contested = rivals != 1; /* also once its rivals are gone */
    return other->contested ? NULL : other;
}
