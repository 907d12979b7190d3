/* SPDX-License-Identifier: MIT
 *
 * What can be told of halves before they are joined: the key of an end, whether two could be of one conversation, who
 * serves the address. Called by the other files of matching; calls none of them.
 */
#include "analyzer/model/match.h"

#include <sys/socket.h>

uint64_t match_endpoint_key(const struct flow *flow, const struct address *address)
{
    if (!address->scope)
        return address_hash(address, sock_class(flow->sock));
    struct address bare = *address;
    bare.scope = 0;
    return address_hash(&bare, sock_class(flow->sock));
}

bool match_routable(const struct address *address)
{
    if (!address_known(address) || address_is_loopback(address) || address_is_any(address))
        return false;
    if (address->family == AF_INET)
        return !(address->bytes[0] == 169 && address->bytes[1] == 254);
    return address->family == AF_INET6 && !(address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80);
}

/* Not the time of its connect() less the duration: what the shim does between taking the two belongs to neither, and a
 * busy server has accepted, or closed, in that gap. */
static uint64_t began(const struct flow *client)
{
    uint64_t opened_ns = client->sock->socket.opened_ns;
    return !sock_is_datagram(client->sock) && opened_ns && opened_ns < client->start_ns ? opened_ns : client->start_ns;
}

bool match_overlap(const struct flow *client, const struct flow *server)
{
    if (client->sock->socket.host != server->sock->socket.host)
        return true;
    if (server->sock->unheld && server->sock->socket.closed_ns && server->sock->socket.closed_ns < began(client))
        return false;
    /* accept() takes even what the client has closed, but not what it began later. */
    return server->start_ns == 0 || server->start_ns >= began(client) || server->side != SIDE_SERVER;
}

void match_remember_served(const struct model *model, struct flow *flow)
{
    bool asks = !flow->served && (flow->side != SIDE_SERVER || sock_is_datagram(flow->sock));
    struct sock *server = asks ? listener_find(model, flow->sock, flow->peer) : NULL;
    if (!server || server == flow->sock)
        return;
    flow->served = server->socket.owner;
    flow->served_socket = server->socket.id;
    flow->served_near = sock_same_network(flow->sock, server);
}
