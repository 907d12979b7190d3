/* SPDX-License-Identifier: MIT
 *
 * Handlers of records by which a socket comes to be known and gets an address: made, first seen, bound, listening.
 * Called by replay.c.
 */
#include "analyzer/model/replay.h"

#include <sys/socket.h>
#include <unistd.h>

/* The namespace of a socket just made is its thread's: where that is known by its inode alone, this is its cookie. */
static struct network *made_in(struct model *model, struct task *task, uint32_t tid, uint64_t cookie)
{
    const struct network *current = task_network(model, task, tid, 0);
    if (cookie && current && !current->cookie)
        return store_network(model, task->process.host, cookie, current->inode);
    return task_network(model, task, tid, cookie);
}

void replay_on_socket(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_socket *body = event_body(event);
    if (event->error || event->fd < 0)
        return;
    struct network *network = made_in(model, task, event->tid, body->netns_cookie);
    struct sock *sock =
        replay_make(model, task, event, event->fd, event->cookie, network, (body->flags & SOCKATLAS_CLOEXEC) != 0);
    sock->socket.family = body->family;
    sock->socket.type = body->type;
    sock->socket.protocol = body->protocol;
}

void replay_on_socketpair(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_socketpair *body = event_body(event);
    if (event->error || event->fd < 0)
        return;
    /* Two ends are two sockets under two numbers; a damaged record may say otherwise. */
    if (body->fd2 < 0 || body->fd2 == event->fd || (event->cookie && event->cookie == body->cookie2))
        return;
    struct network *network = task_network(model, task, event->tid, 0);
    bool cloexec = (body->flags & SOCKATLAS_CLOEXEC) != 0;
    /* What stood there goes first: else making the second end might let go of the first. */
    descriptor_drop(model, task, event->fd, event->time_ns);
    descriptor_drop(model, task, body->fd2, event->time_ns);
    struct sock *ends[2] = {replay_make(model, task, event, event->fd, event->cookie, network, cloexec),
                            replay_make(model, task, event, body->fd2, body->cookie2, network, cloexec)};
    for (int i = 0; i < 2; i++) {
        struct socket *socket = &ends[i]->socket;
        socket->family = body->family;
        socket->type = body->type;
        socket->protocol = body->protocol;
        socket->role = ROLE_PAIR;
        socket->state = STATE_ESTABLISHED;
        socket->connected_ns = event->time_ns;
        socket->local = socket->peer = (struct address){.family = body->family};
        half_begin(model, ends[i], SIDE_UNKNOWN, socket->opened_ns)->pair_socket = ends[1 - i]->socket.id;
    }
    for (int i = 0; i < 2; i++)
        half_offer(model, ends[i], ends[i]->half);
}

static bool is_stream(const struct sock *sock)
{
    return !sock_is_datagram(sock);
}

/* Which end a connection is that was there before we looked. */
static enum side seen_side(const struct model *model, const struct sock *sock, const struct sockatlas_body_seen *body)
{
    const struct socket *socket = &sock->socket;
    if (body->role == SOCKATLAS_ROLE_CLIENT)
        return SIDE_CLIENT;
    if (body->role == SOCKATLAS_ROLE_SERVER)
        return SIDE_SERVER;
    if (socket->family == AF_UNIX)
        return socket->peer.size ? SIDE_CLIENT : socket->local.size ? SIDE_SERVER : SIDE_UNKNOWN;
    return listener_side(model, sock);
}

/* Of two ports, the one that the kernel does not hand out by itself is the server's. Else a connection that a process
 * has as its standard input was given to it by who accepted it, as inetd does. */
static enum side likely_side(const struct sock *sock, const struct event *event)
{
    const struct sockatlas_header *header = &event->image->header;
    const struct socket *socket = &sock->socket;
    if (!sock_is_tcp(sock))
        return SIDE_UNKNOWN;
    bool own = socket->local.port >= header->port_low && socket->local.port <= header->port_high;
    bool other = socket->peer.port >= header->port_low && socket->peer.port <= header->port_high;
    if (header->port_low && own != other)
        return own ? SIDE_CLIENT : SIDE_SERVER;
    return event->fd == STDIN_FILENO ? SIDE_SERVER : SIDE_UNKNOWN;
}

static void seen_connection(struct model *model, struct task *task, struct sock *sock,
                            const struct sockatlas_body_seen *body, const struct event *event)
{
    struct socket *socket = &sock->socket;
    if (sock->shown || !address_known(&socket->peer) || !address_known(&socket->local))
        return;
    socket->state = body->tcp_state == TCP_STATE_SYN_SENT ? STATE_CONNECTING : STATE_ESTABLISHED;
    sock->peer_pid = body->peer_pid;
    sock->own_pid = event->pid;
    enum side side = body->tcp_state == TCP_STATE_SYN_SENT ? SIDE_CLIENT : seen_side(model, sock, body);
    uint64_t began_ns = body->connected_ms ? event->time_ns - (body->connected_ms - 1) * 1000000ull : 0;
    *(socket->state == STATE_CONNECTING ? &socket->connect_started_ns : &socket->connected_ns) = began_ns;
    socket->role = side == SIDE_CLIENT ? ROLE_CLIENT : side == SIDE_SERVER ? ROLE_SERVER : ROLE_UNUSED;
    half_begin(model, sock, side, 0);
    sock->half->likely = likely_side(sock, event);
    sock_own(sock, task, event->fd, RANK_SENT);
    if (socket->family != AF_UNIX || side != SIDE_UNKNOWN)
        half_offer(model, sock, sock->half);
}

/* Two ends of a pair, made before what is known. The other end may have been told of, or may still be. */
static void seen_pair(struct model *model, struct sock *sock, struct sock *other)
{
    sock->socket.role = ROLE_PAIR;
    if (!sock->half || !other || other == sock || !other->half || other->socket.role != ROLE_PAIR)
        return;
    sock->half->pair_socket = other->socket.id;
    other->half->pair_socket = sock->socket.id;
    half_offer(model, other, other->half);
    half_offer(model, sock, sock->half);
}

/* What it came from, where that is told with it. */
static void seen_origin(struct model *model, struct sock *sock, const struct sockatlas_body_seen *body,
                        const struct event *event)
{
    uint64_t cookie = 0;
    const struct sockatlas_addresses *at = &body->addresses;
    size_t before = (at->first_size == SOCKATLAS_ABSENT ? 0u : at->first_size) +
                    (at->second_size == SOCKATLAS_ABSENT ? 0u : at->second_size);
    if (!body->origin || !event_tail(event, sizeof *body, before, &cookie, sizeof cookie))
        return;
    struct sock *from = sock_find(model, event->image->host, cookie);
    if (body->origin == SOCKATLAS_ORIGIN_PAIR)
        seen_pair(model, sock, from);
    if (body->origin != SOCKATLAS_ORIGIN_LISTENER || !from || sock->listener || sock->socket.role != ROLE_SERVER)
        return;
    sock->listener = from->socket.id;
    sock->listen_pid = from->listen_pid;
    listener_accepted(model, from, sock);
}

/* Calls that use a connection rather than look after its descriptor. */
static bool is_transfer(uint8_t call)
{
    return (call >= SOCKATLAS_CALL_read && call <= SOCKATLAS_CALL_splice) || call == SOCKATLAS_CALL_shutdown;
}

void replay_on_seen(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_seen *body = event_body(event);
    struct sock *sock = replay_sock(model, task, event);
    bool known = sock != NULL;
    if (!known) {
        struct network *network = task_network(model, task, event->tid, body->netns_cookie);
        sock = replay_make(model, task, event, event->fd, event->cookie, network, false);
    }
    struct socket *socket = &sock->socket;
    if (known && body->how == SOCKATLAS_HOW_TOLD && socket->state != STATE_CREATED)
        return; /* nothing new */
    if (sock->in_flight && body->how == SOCKATLAS_HOW_RECEIVED)
        sock->in_flight--;
    descriptor_flags(task, event->fd, (body->flags & SOCKATLAS_CLOEXEC) != 0);
    descriptor_untold(task, event->fd);
    struct address local, peer;
    event_addresses(event, &local, &peer);
    if (address_is_any(&local) && local.port == 0)
        local = (struct address){0}; /* what the kernel has for a socket that nobody bound */
    if (!known) {
        socket->seen_first = true;
        /* Else what came before was overwritten, or never recorded. */
        socket->complete = body->how != SOCKATLAS_HOW_TOLD && body->how != SOCKATLAS_HOW_ATTACHED;
        socket->opened_ns = 0;
        socket->family = body->family;
        socket->type = body->type;
        socket->protocol = body->protocol;
    }
    bool port_told = socket->local.port == 0 && local.port != 0; /* after a bind() to any, in a sandbox */
    bool news = false;
    if (body->how == SOCKATLAS_HOW_ATTACHED && !sock_is_tcp(sock))
        sock->lost = LOST_SENT | LOST_RECEIVED; /* what the kernel does not count */
    if ((!address_known(&socket->local) || port_told) && address_known(&local)) {
        if (port_told)
            listener_moved(model, sock, &local);
        socket->local = local;
        if (socket->state == STATE_CREATED && (local.port || local.size))
            socket->state = STATE_BOUND;
        news = true;
    }
    if (!address_known(&socket->peer) && address_known(&peer)) {
        socket->peer = peer;
        news = true;
    }
    if (news && sock->half)
        half_offer(model, sock, sock->half);
    if (body->listening && socket->state != STATE_LISTENING && is_stream(sock)) {
        socket->state = STATE_LISTENING;
        socket->role = ROLE_LISTENER;
        sock->listen_pid = body->peer_pid;
        listener_listed(model, sock);
    } else if (is_stream(sock)) {
        seen_connection(model, task, sock, body, event);
        seen_origin(model, sock, body, event);
        if (body->how == SOCKATLAS_HOW_USED && sock->half && is_transfer(event->call))
            sock_hand_over(sock, task, event->fd);
        sock->met_by = body->how == SOCKATLAS_HOW_USED && event->call == SOCKATLAS_CALL_syscall ? task : NULL;
    } else {
        replay_serve(model, sock);
        if (address_known(&socket->peer) && socket->state < STATE_ESTABLISHED)
            socket->state = STATE_ESTABLISHED;
    }
}

void replay_on_bind(struct model *model, struct task *task, const struct event *event)
{
    struct address requested, local;
    event_addresses(event, &requested, &local);
    struct sock *sock = replay_known(model, task, event, requested.family);
    if (!sock)
        return;
    if (event->error) {
        sock->socket.error = event->error;
        return;
    }
    listener_unlisted(model, sock);
    sock->socket.local = address_known(&local) ? local : requested;
    if (sock->socket.state == STATE_CREATED)
        sock->socket.state = STATE_BOUND;
    if (sock_is_datagram(sock) && sock->socket.role == ROLE_UNUSED)
        sock->socket.role = ROLE_DATAGRAM;
    replay_serve(model, sock);
}

void replay_on_file(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_file *body = event_body(event);
    struct sock *sock = replay_known(model, task, event, AF_UNIX);
    if (sock)
        *(body->peer ? &sock->asked : &sock->file) = (struct file){.device = body->device, .inode = body->inode};
}

void replay_on_listen(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_listen *body = event_body(event);
    struct address local;
    event_addresses(event, &local, NULL);
    struct sock *sock = replay_known(model, task, event, local.family);
    if (!sock)
        return;
    if (event->error) {
        sock->socket.error = event->error;
        return;
    }
    if (address_known(&local))
        sock->socket.local = local;
    sock->socket.backlog = body->backlog;
    sock->socket.role = ROLE_LISTENER;
    sock->socket.state = STATE_LISTENING;
    sock->listen_pid = event->pid;
    sock_own(sock, task, event->fd, RANK_USED);
    listener_listed(model, sock);
}
