/* SPDX-License-Identifier: MIT
 *
 * The handler of the kernel's notices that a socket is no more: what was not told of a socket of a traced process, as
 * one that was killed, and connections that no log has. Called by replay.c.
 */
#include "analyzer/model/replay.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* It was a connection: the peer had sent something. */
static bool connected(const struct ended_connection *connection)
{
    return connection->counted.bytes_received != SOCKATLAS_BYTES_UNKNOWN && address_known(&connection->peer) &&
           connection->tcp.segs_in != 0;
}

/* Which end a traced socket was that the shim did not see connected: by io_uring, say. */
static enum side side_of(const struct ended_connection *connection)
{
    if (connection->acked == 2)
        return SIDE_CLIENT;
    return connection->local.port > connection->peer.port ? SIDE_CLIENT : SIDE_SERVER;
}

static void begin(struct model *model, struct sock *sock, const struct ended_connection *connection)
{
    struct socket *socket = &sock->socket;
    enum side side = side_of(connection);
    socket->peer = connection->peer;
    if (!address_known(&socket->local) || address_is_any(&socket->local))
        socket->local = connection->local;
    half_begin(model, sock, side, socket->opened_ns ? socket->opened_ns : connection->time_ns);
    sock->half->outcome = OUTCOME_ESTABLISHED;
    socket->role = side == SIDE_CLIENT ? ROLE_CLIENT : ROLE_SERVER;
    socket->state = STATE_ESTABLISHED;
    socket->connect_ns = UINT64_MAX;
    half_offer(model, sock, sock->half);
}

/* What its processes would have told at a close. */
static void take_counts(struct sock *sock, const struct ended_connection *connection)
{
    struct socket *socket = &sock->socket;
    enum side side = sock->half                    ? sock->half->side
                     : socket->role == ROLE_CLIENT ? SIDE_CLIENT
                     : socket->role == ROLE_SERVER ? SIDE_SERVER
                                                   : SIDE_UNKNOWN;
    struct ended_counts counts = ended_counts(&connection->counted, &connection->tcp, side, sock->shut);
    if (counts.sent_known || counts.received_known)
        sock->uncounted = 0;
    if (counts.sent_known) {
        socket->sent_known = true;
        socket->bytes_sent = counts.bytes_sent;
        sock->lost &= ~(unsigned)LOST_SENT;
    } else {
        socket->sent_known = false;
    }
    if (counts.received_known) {
        socket->received_known = true;
        socket->bytes_received = counts.bytes_received;
        sock->lost &= ~(unsigned)LOST_RECEIVED;
    } else {
        socket->received_known = false;
    }
    sock->torn = counts.torn;
    sock->torn_here = counts.torn_here;
    socket->tcp = connection->tcp;
    socket->tcp.state = 0; /* as it was before its end: not known */
    socket->tcp_known = true;
}

/* Nobody has it any more, whatever was told of who had. */
static void let_go(struct model *model, struct sock *sock, uint64_t time_ns)
{
    sock->noticed = true;
    sock->refs = sock->weak_refs = sock->in_flight = 0;
    sock->under_way = 0;
    sock->last_close_ns = time_ns;
    sock_unheld(model, sock);
}

static void join(struct model *model, struct sock *sock, const struct ended_connection *connection)
{
    bool listens = sock->socket.state == STATE_LISTENING;
    if (sock_is_datagram(sock) && sock->under_way > 0)
        return; /* what is on its way is told still */
    if (sock_is_tcp(sock) && !listens && connected(connection)) {
        if (!sock->shown)
            begin(model, sock, connection);
        if (sock->socket.state == STATE_ESTABLISHED || sock->open_state == STATE_ESTABLISHED)
            take_counts(sock, connection);
    }
    let_go(model, sock, connection->time_ns);
}

/* A traced process's socket, closed through libc and connected in a way that no wrapper saw. */
static void add_half(struct model *model, const struct ended_traced *traced, const struct ended_connection *connection)
{
    struct half *half = pair_half(model->pair);
    enum side side = side_of(connection);
    struct ended_counts counts = ended_counts(&connection->counted, &connection->tcp, side, true);
    half->host = connection->host;
    half->network = connection->network;
    half->socket = traced->socket;
    half->family = connection->local.family;
    half->type = SOCK_STREAM;
    half->protocol = IPPROTO_TCP;
    half->class = AF_INET << 16 | SOCK_STREAM << 8;
    half->process = traced->owner;
    half->pidns = traced->owner->pidns;
    half->local = connection->local;
    half->peer = connection->peer;
    half->counts_socket = true;
    half->side = side;
    half->start_ns = half->began_ns = traced->opened_ns ? traced->opened_ns : connection->time_ns;
    half->closed_ns = connection->time_ns;
    half->outcome = OUTCOME_ESTABLISHED;
    half->connect_ns = UINT64_MAX;
    half->end = counts.torn ? END_RESET : END_CLOSED;
    half->sent_known = counts.sent_known;
    half->received_known = counts.received_known;
    half->bytes_sent = counts.bytes_sent;
    half->bytes_received = counts.bytes_received;
    half->tcp_known = true;
    half->rtt_us = connection->tcp.rtt_us;
    half->retransmits = connection->tcp.retransmits;
    half->complete = half->recorded = true;
    pair_offer(model->pair, half);
    pair_end(model->pair, half);
}

void replay_network_watched(struct model *model, const struct event *event)
{
    const struct sockatlas_body_netns *body = event_body(event);
    unsigned host = event->image->host;
    ended_watch(model, host, store_network(model, host, body->netns_cookie, body->netns_inode),
                event->image->header.notices == SOCKATLAS_NOTICES_ASKED);
}

void replay_on_ended(struct model *model, const struct event *event)
{
    const struct sockatlas_header *header = &event->image->header;
    const struct sockatlas_body_ended *body = event_body(event);
    struct ended_traced traced;
    struct ended_connection connection = {.host = event->image->host, .time_ns = event->time_ns, .counted = *body};
    uint64_t inode = body->netns_cookie == header->netns_cookie ? header->netns_inode : 0;
    connection.network = store_network(model, connection.host, body->netns_cookie, inode);
    connection.acked = body->acked;
    event_addresses(event, &connection.local, &connection.peer);
    event_tcp(event, &connection.tcp);
    ended_watch(model, connection.host, connection.network, header->notices == SOCKATLAS_NOTICES_ASKED);
    ended_count(model);
    struct sock *sock = sock_find(model, connection.host, event->cookie);
    if (sock) {
        join(model, sock, &connection);
        return;
    }
    bool known = ended_take(model, connection.host, event->cookie, &traced);
    if (body->protocol != IPPROTO_TCP || !connected(&connection))
        return;
    if (!known)
        ended_unlogged(model, &connection, event->cookie);
    else if (!traced.connected && traced.owner)
        add_half(model, &traced, &connection);
}
