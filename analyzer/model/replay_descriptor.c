/* SPDX-License-Identifier: MIT
 *
 * Handlers of records about what goes through a descriptor and where it goes: datagram peers, closing, duplicates,
 * flags, passing. Called by replay.c.
 */
#include "analyzer/model/replay.h"

#include <stdio.h>
#include <sys/socket.h>

void replay_on_peer(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_peer *body = event_body(event);
    struct address peer, local;
    event_addresses(event, &peer, &local);
    struct sock *sock = replay_sock(model, task, event);
    if (!sock)
        return;
    struct socket *socket = &sock->socket;
    bool datagram = sock_is_datagram(sock);
    if (address_known(&local) && (!address_known(&socket->local) || (!socket->local.port && local.port))) {
        listener_unlisted(model, sock);
        socket->local = local;
        if (socket->state == STATE_CREATED && local.port)
            socket->state = STATE_BOUND; /* by the kernel, to send */
    }
    sock_own(sock, task, event->fd, body->sent ? RANK_SENT : RANK_RECEIVED);
    sock->traffic = true;
    if (!datagram)
        return;
    socket->role = ROLE_DATAGRAM;
    replay_serve(model, sock);
    replay_wildcard(&peer, &socket->local);
    if (!address_known(&peer) || (peer.family == AF_UNIX && !peer.size))
        return;
    struct half *half = half_exchange(model, sock, task, &peer, body->sent, event->time_ns);
    if (!half->used && !body->sent)
        half->side = SIDE_SERVER;
    half->used = true;
    if (task->names && !socket->peer_name)
        socket->peer_name = note_name_of(task, &peer);
    half_offer(model, sock, half);
}

void replay_on_peer_total(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_peer_total *body = event_body(event);
    struct address peer;
    event_addresses(event, &peer, NULL);
    struct sock *sock = descriptor_get(task, event->fd);
    if (!sock || (event->cookie && sock->socket.cookie != event->cookie))
        sock = sock_find(model, task->process.host, event->cookie);
    if (!sock || !sock_is_datagram(sock))
        return;
    if (!address_known(&peer)) {
        char detail[96];
        snprintf(detail, sizeof detail, "%u exchanges with peers beyond the bound of one socket", body->unlisted);
        coverage_add(model, &task->process, SOCKATLAS_COVERAGE_PEERS, detail);
        return;
    }
    if (peer.family == AF_UNIX && !peer.size)
        return;
    replay_wildcard(&peer, &sock->socket.local);
    struct half *half = half_exchange(model, sock, task, &peer, body->messages_sent != 0, event->time_ns);
    half->used = true;
    half->sent_known = half->received_known = true;
    half->bytes_sent += body->bytes_sent;
    half->bytes_received += body->bytes_received;
}

static unsigned unknown_counts(const struct sockatlas_body_close *body)
{
    return (body->bytes_sent == SOCKATLAS_BYTES_UNKNOWN ? LOST_SENT : 0) |
           (body->bytes_received == SOCKATLAS_BYTES_UNKNOWN ? LOST_RECEIVED : 0);
}

/* `parts`: each process tells its own part; else each record tells of the whole. */
static void take_counts(struct sock *sock, const struct sockatlas_body_close *body, bool parts)
{
    struct socket *socket = &sock->socket;
    unsigned unknown = unknown_counts(body);
    sock->lost |= unknown;
    if (!(unknown & LOST_SENT)) {
        socket->sent_known = true;
        socket->bytes_sent = (parts ? socket->bytes_sent : 0) + body->bytes_sent;
    }
    if (!(unknown & LOST_RECEIVED)) {
        socket->received_known = true;
        socket->bytes_received = (parts ? socket->bytes_received : 0) + body->bytes_received;
    }
}

static void close_tcp(struct sock *sock, const struct event *event, const struct sockatlas_body_close *body)
{
    struct socket *socket = &sock->socket;
    struct sockatlas_tcp tcp;
    if (!event_tcp(event, &tcp) || socket->state == STATE_FAILED)
        return;
    socket->tcp = tcp;
    socket->tcp_known = true;
    sock->unread = sock->unread_next;
    sock->unread_next = 0;
    take_counts(sock, body, false);
    if (socket->state == STATE_CONNECTING && tcp.state != TCP_STATE_SYN_SENT &&
        (tcp.state != TCP_STATE_CLOSE || body->bytes_sent || body->bytes_received))
        socket->state = STATE_ESTABLISHED; /* and nobody asked how the connect went */
}

/* A child that made the socket non-blocking was seen by that, not by the transfers that followed; so was who was passed
 * it. What arrived while it was on its way, nobody need have read. */
static bool was_handed_over(const struct sock *sock, const struct sockatlas_body_close *body)
{
    const struct socket *socket = &sock->socket;
    return sock->half && (((sock->owner_left || sock->owner_passed) && body->bytes_sent > socket->bytes_sent) ||
                          (sock->owner_left && body->bytes_received > socket->bytes_received));
}

/* The counts that the record tells. `held`: at its descriptor, too. */
static void close_counts(struct task *task, struct sock *sock, const struct event *event, bool held)
{
    const struct sockatlas_body_close *body = event_body(event);
    struct socket *socket = &sock->socket;
    if (sock_is_tcp(sock)) {
        if (held && !unknown_counts(body) && was_handed_over(sock, body))
            sock_hand_over(sock, task, event->fd);
        close_tcp(sock, event, body);
    } else {
        take_counts(sock, body, true);
    }
    if (descriptor_told(task, held ? event->fd : -1) && socket->tcp_known) {
        sock->lost = unknown_counts(body); /* the kernel's counts are the connection's, whoever used it */
        if (!sock->lost)
            sock->told_ns = event->time_ns;
    }
    socket->messages_sent += body->messages_sent;
    socket->messages_received += body->messages_received;
    if (body->rcvbuf)
        socket->rcvbuf = body->rcvbuf;
    if (body->sndbuf)
        socket->sndbuf = body->sndbuf;
}

/* Messages went through: whoever closes it used it, and where it has one peer, that was it. */
static void close_used(struct model *model, struct task *task, struct sock *sock, const struct event *event)
{
    const struct sockatlas_body_close *body = event_body(event);
    sock_own(sock, task, event->fd, body->messages_sent ? RANK_SENT : RANK_RECEIVED);
    struct half *only = sock->exchanges_count == 1 ? sock->exchanges->half : NULL;
    if (!only || only->used)
        return;
    only->used = true;
    only->side = body->messages_sent ? SIDE_CLIENT : SIDE_SERVER;
    half_offer(model, sock, only);
}

static void close_descriptor(struct model *model, struct task *task, struct sock *sock, const struct event *event)
{
    bool others = sock->refs > 1, passed = sock->in_flight != 0; /* else it may be gone with the descriptor */
    bool only = descriptor_only(model, task, event->fd);
    descriptor_drop(model, task, event->fd, event->time_ns);
    if (others && sock->socket.owner == &task->process)
        sock_user(model, sock);
    if ((others || passed) && sock->socket.owner == &task->process) {
        sock->owner_left = others && only;
        sock->owner_passed = !others;
    }
}

/* One socket's transfers that its CLOSE record does not count: by its cookie, since the number may be another's. What
 * goes through the socket of several peers is not known to be of one. */
void replay_on_transfer(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_transfer *body = event_body(event);
    struct sock *sock = event->cookie ? sock_find(model, task->process.host, event->cookie) : NULL;
    struct sock *unnamed = event->cookie ? NULL : descriptor_get(task, event->fd);
    if (unnamed && body->under_way > 0) /* as in a sandbox: what these send cannot be told for whom */
        unnamed->lost |= LOST_SENT;
    if (!sock) {
        if (body->bytes_sent || body->bytes_received)
            coverage_add(model, &task->process, SOCKATLAS_COVERAGE_LOST,
                         "bytes that went through a socket after its descriptor had been closed");
        return;
    }
    struct half *only = sock->exchanges_count == 1 ? sock->exchanges->half : NULL;
    sock->unread_next = body->unread;
    sock->socket.bytes_sent += body->bytes_sent;
    sock->socket.bytes_received += body->bytes_received;
    sock->socket.messages_sent += body->messages_sent;
    sock->socket.messages_received += body->messages_received;
    if (only) {
        only->bytes_sent += body->bytes_sent;
        only->bytes_received += body->bytes_received;
    } else if (sock->exchanges_count > 1) {
        sock->lost |= (body->messages_sent ? LOST_SENT : 0u) | (body->messages_received ? LOST_RECEIVED : 0u);
    }
    sock->under_way += body->under_way;
    if (body->under_way < 0 && sock->stage == STAGE_NO_HOLDER)
        sock_unheld(model, sock);
}

void replay_on_close(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_close *body = event_body(event);
    struct sock *sock = descriptor_get(task, event->fd);
    bool held = sock && (!event->cookie || !sock->socket.cookie || sock->socket.cookie == event->cookie);
    if (!held) {
        if (sock)
            descriptor_drop(model, task, event->fd, event->time_ns);
        sock = sock_find(model, task->process.host, event->cookie);
    }
    if (!sock || event->error)
        return;
    close_counts(task, sock, event, held);
    if (task->shares) /* the other process may have sent over it since, or put another socket at its number */
        sock->lost = LOST_SENT | LOST_RECEIVED;
    if (body->messages_sent || body->messages_received)
        close_used(model, task, sock, event);
    if (held)
        close_descriptor(model, task, sock, event);
}

/* How it stands, and goes on. Counts are those so far, of each end at another moment: they are in the record alone. */
void replay_on_state(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_close *body = event_body(event);
    struct sock *sock = replay_sock(model, task, event);
    if (!sock)
        return;
    if (event->call == SOCKATLAS_CALL_detach)
        sock->socket.complete = false;
    if (sock_is_tcp(sock) && event_tcp(event, &sock->socket.tcp))
        sock->socket.tcp_known = true;
    if (body->rcvbuf)
        sock->socket.rcvbuf = body->rcvbuf;
    if (body->sndbuf)
        sock->socket.sndbuf = body->sndbuf;
    if (sock->half)
        half_update_all(model, sock);
}

void replay_on_dup(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_dup *body = event_body(event);
    if (event->error || event->fd < 0)
        return;
    struct sock *sock = descriptor_get(task, body->old_fd);
    if (!sock || (event->cookie && sock->socket.cookie && sock->socket.cookie != event->cookie))
        sock = sock_find(model, task->process.host, event->cookie);
    if (sock)
        descriptor_put(model, task, event->fd, sock, (body->flags & SOCKATLAS_CLOEXEC) != 0, event->time_ns);
    descriptor_untold(task, event->fd);
}

void replay_on_flags(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_flags *body = event_body(event);
    if (replay_sock(model, task, event))
        descriptor_flags(task, event->fd, (body->flags & SOCKATLAS_CLOEXEC) != 0);
}

void replay_on_pass(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_pass *body = event_body(event);
    struct sock *sock = descriptor_get(task, body->passed_fd);
    if (!sock || (body->passed_cookie && sock->socket.cookie != body->passed_cookie))
        sock = sock_find(model, task->process.host, body->passed_cookie);
    if (sock)
        sock->in_flight++;
}
