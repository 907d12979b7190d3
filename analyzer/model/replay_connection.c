/* SPDX-License-Identifier: MIT
 *
 * Handlers of records about connections: begun, completed, failed, accepted. Called by replay.c; begins and ends halves
 * and decides nothing about them.
 */
#include "analyzer/model/replay.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void established(struct sock *sock, uint64_t time_ns)
{
    if (sock->half)
        sock->half->outcome = OUTCOME_ESTABLISHED;
    struct socket *socket = &sock->socket;
    socket->state = STATE_ESTABLISHED;
    socket->error = 0;
    socket->connected_ns = time_ns;
    socket->connect_ns = time_ns - socket->connect_started_ns;
}

static void failed(struct model *model, struct sock *sock, uint64_t time_ns, uint16_t error)
{
    struct socket *socket = &sock->socket;
    socket->state = STATE_FAILED;
    socket->error = error;
    socket->connect_ns = time_ns - socket->connect_started_ns;
    half_over(model, sock);
}

static void connect_datagram(struct model *model, struct task *task, struct sock *sock, const struct event *event)
{
    struct socket *socket = &sock->socket;
    socket->role = ROLE_DATAGRAM;
    if (event->error) {
        socket->error = event->error;
        return;
    }
    socket->state = STATE_ESTABLISHED;
    socket->connected_ns = event->time_ns;
    sock_own(sock, task, event->fd, RANK_RECEIVED);
    replay_serve(model, sock);
    if (!address_known(&socket->peer))
        return;
    half_offer(model, sock, half_exchange(model, sock, task, &socket->peer, true, event->time_ns));
}

static void connect_stream(struct model *model, struct sock *sock, const struct event *event, uint64_t duration_ns)
{
    bool again = sock->socket.state == STATE_CONNECTING;
    if (sock->socket.state == STATE_ESTABLISHED && (!event->error || event->error == EISCONN))
        return; /* the second call, which only learns of the success */
    if (event->error == EALREADY || (event->error == EISCONN && !again))
        return;
    if (!again) {
        sock->socket.connect_started_ns = event->time_ns - duration_ns;
        half_begin(model, sock, SIDE_CLIENT, sock->socket.connect_started_ns);
    }
    if (!event->error || event->error == EISCONN)
        established(sock, event->time_ns);
    else if (event->error == EINPROGRESS || event->error == EINTR)
        sock->socket.state = STATE_CONNECTING;
    else
        failed(model, sock, event->time_ns, event->error);
    if (sock->half)
        half_offer(model, sock, sock->half);
}

/* Whom a connect() asks for. */
static void ask(struct task *task, struct sock *sock, const struct event *event, struct address *peer)
{
    struct socket *socket = &sock->socket;
    replay_wildcard(peer, &socket->local);
    socket->peer = *peer;
    if (task->names)
        socket->peer_name = note_name_of(task, peer);
    if (sock_is_datagram(sock))
        return;
    sock->own_pid = event->pid;
    socket->role = ROLE_CLIENT;
    sock_own(sock, task, event->fd, RANK_USED);
}

/* The attempt is offered when its local address is known. */
void replay_on_connecting(struct model *model, struct task *task, const struct event *event)
{
    struct address peer;
    event_addresses(event, &peer, NULL);
    struct sock *sock = replay_known(model, task, event, peer.family);
    if (!sock || sock_is_datagram(sock) || sock->half || !address_known(&peer))
        return;
    ask(task, sock, event, &peer);
    sock->socket.state = STATE_CONNECTING;
    sock->socket.connect_started_ns = event->time_ns;
    half_begin(model, sock, SIDE_CLIENT, event->time_ns);
}

void replay_on_connect(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_connect *body = event_body(event);
    struct address peer, local;
    event_addresses(event, &peer, &local);
    struct sock *sock = replay_known(model, task, event, peer.family);
    if (!sock)
        return;
    struct socket *socket = &sock->socket;
    if (body->addresses.family == AF_UNSPEC) {
        if (!event->error) {
            half_dissolved(model, sock, event->time_ns);
            socket->peer = (struct address){.family = 0};
            socket->state = address_known(&socket->local) ? STATE_BOUND : STATE_CREATED;
        }
        return;
    }
    if ((socket->state == STATE_ESTABLISHED || (sock->half && pair_mate(sock->half))) && !sock_is_datagram(sock))
        return; /* connected already: EISCONN, or the second call that learns of the success */
    if (address_known(&local))
        socket->local = local;
    else if (socket->family == AF_UNIX && !address_known(&socket->local))
        socket->local = (struct address){.family = AF_UNIX}; /* never bound: unnamed */
    ask(task, sock, event, &peer);
    if (body->peer_pid)
        sock->peer_pid = body->peer_pid;
    if (sock_is_datagram(sock))
        connect_datagram(model, task, sock, event);
    else
        connect_stream(model, sock, event, body->duration_ns);
}

void replay_on_connected(struct model *model, struct task *task, const struct event *event)
{
    struct sock *sock = replay_sock(model, task, event);
    if (!sock || sock->socket.state != STATE_CONNECTING)
        return;
    if (event->error)
        failed(model, sock, event->time_ns, event->error);
    else
        established(sock, event->time_ns);
    const struct sockatlas_body_connected *body = event_body(event);
    sock->socket.connect_ns = body->duration_ns;
}

static struct sock *listener_of(struct model *model, struct task *task, const struct event *event,
                                const struct sockatlas_body_accept *body, const struct address *local)
{
    struct event asked = *event;
    asked.fd = body->listener_fd;
    asked.cookie = body->listener_cookie;
    struct sock *listener = replay_known(model, task, &asked, body->addresses.family);
    /* accept() fails on what does not listen, too. */
    if (listener && !event->error && listener->socket.state != STATE_LISTENING) {
        listener->socket.state = STATE_LISTENING;
        listener->socket.role = ROLE_LISTENER;
        if (!address_known(&listener->socket.local))
            listener->socket.local = *local;
        listener_listed(model, listener);
    }
    return listener;
}

void replay_on_accept(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_accept *at = event_body(event);
    struct sockatlas_body_accept body;
    memcpy(&body, at, sizeof body);
    struct address peer, local;
    event_addresses(event, &peer, &local);
    struct sock *listener = listener_of(model, task, event, &body, &local);
    if (event->error || event->fd < 0) {
        if (listener)
            listener->socket.error = event->error;
        return;
    }
    struct network *network = listener ? listener->network : task_network(model, task, event->tid, 0);
    struct sock *sock = replay_make(model, task, event, event->fd, event->cookie, network,
                                    (body.addresses.flags & SOCKATLAS_CLOEXEC) != 0);
    struct socket *socket = &sock->socket;
    socket->family = listener ? listener->socket.family : body.addresses.family;
    socket->type = listener ? listener->socket.type : SOCK_STREAM;
    socket->protocol = listener ? listener->socket.protocol : 0;
    socket->local = address_known(&local) || !listener ? local : listener->socket.local;
    socket->peer = peer;
    socket->role = ROLE_SERVER;
    socket->state = STATE_ESTABLISHED;
    socket->connected_ns = event->time_ns;
    sock->peer_pid = body.peer_pid;
    sock->listen_pid = listener ? listener->listen_pid : 0;
    sock->listener = listener ? listener->socket.id : 0;
    sock_own(sock, task, event->fd, RANK_USED);
    half_begin(model, sock, SIDE_SERVER, event->time_ns);
    if (listener)
        listener_accepted(model, listener, sock);
    half_offer(model, sock, sock->half);
}
