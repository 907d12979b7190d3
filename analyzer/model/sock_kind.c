/* SPDX-License-Identifier: MIT
 *
 * What can be told of a socket by itself: its transport, whether its counts are whole, whether an address is its own
 * machine's, whether another is in its network. Reads sockets, changes nothing.
 */
#include "analyzer/model/internal.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

bool sock_is_datagram(const struct sock *sock)
{
    return sock->socket.type == SOCK_DGRAM || sock->socket.type == SOCK_RAW || sock->socket.type == SOCK_RDM ||
           sock->socket.type == SOCK_PACKET;
}

bool sock_is_tcp(const struct sock *sock)
{
    const struct socket *socket = &sock->socket;
    return (socket->family == AF_INET || socket->family == AF_INET6) && socket->type == SOCK_STREAM &&
           (socket->protocol == 0 || socket->protocol == IPPROTO_TCP || socket->protocol == IPPROTO_MPTCP);
}

unsigned sock_class(const struct sock *sock)
{
    const struct socket *socket = &sock->socket;
    if (sock_is_tcp(sock))
        return AF_INET << 16 | SOCK_STREAM << 8;
    bool inet = socket->family == AF_INET || socket->family == AF_INET6;
    bool usual = socket->protocol == 0 || (socket->type == SOCK_DGRAM && socket->protocol == IPPROTO_UDP);
    return (unsigned)(inet ? AF_INET : socket->family) << 16 | socket->type << 8 |
           (inet && !usual ? (unsigned)socket->protocol & 0xff : 0);
}

static bool all_counted(const struct sock *sock)
{
    return !sock->uncounted && !(sock->dissolved && sock_is_tcp(sock));
}

bool sock_sent_known(const struct sock *sock)
{
    return sock->socket.sent_known && !(sock->lost & LOST_SENT) && all_counted(sock);
}

bool sock_received_known(const struct sock *sock)
{
    return sock->socket.received_known && !(sock->lost & LOST_RECEIVED) && all_counted(sock);
}

bool sock_own_address(const struct address *local, const struct address *address)
{
    if (address_is_loopback(address))
        return true;
    return local->family == address->family && local->size == address->size && !address_is_any(local) &&
           memcmp(local->bytes, address->bytes, local->size) == 0;
}

bool sock_same_network(const struct sock *a, const struct sock *b)
{
    return a->socket.host == b->socket.host && (a->network == b->network || !a->network || !b->network);
}
