/* SPDX-License-Identifier: MIT
 *
 * One handler per record kind: what the record means for processes, descriptors and sockets. Called by model.c; finds
 * halves for match.c but decides nothing about them.
 */
#include "analyzer/model/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TCP_STATE_SYN_SENT 2
#define TCP_STATE_CLOSE    7

typedef void handler(struct model *model, struct task *task, const struct event *event);

/* ---- Finding the socket a record is about
 * ---------------------------------------------------------------------------------- */

static struct sock *sock_of(struct model *model, struct task *task, const struct event *event)
{
    struct sock *sock = descriptor_get(task, event->fd);
    if (sock && (!event->cookie || sock->socket.cookie == event->cookie))
        return sock;
    struct sock *other = sock_find(model, task->process.host, event->cookie);
    if (sock && !sock->socket.cookie && !other) {
        sock_learn_cookie(model, sock, event->cookie);
        return sock;
    }
    if (sock) /* the number means another socket now: a close that no wrapper saw */
        descriptor_drop(model, task, event->fd, event->time_ns);
    if (other && event->fd >= 0)
        descriptor_put(model, task, event->fd, other, false, event->time_ns);
    return other;
}

static struct sock *sock_make(struct model *model, struct task *task, const struct event *event, int32_t fd,
                              uint64_t cookie, struct network *network, bool cloexec)
{
    struct sock *sock = sock_find(model, task->process.host, cookie);
    if (!sock) {
        sock = sock_new(model, task->process.host, cookie, network, event->time_ns);
        sock->socket.fd = fd;
    }
    sock_own(sock, task, fd, RANK_CREATED);
    descriptor_put(model, task, fd, sock, cloexec, event->time_ns);
    descriptor_untold(task, fd);
    if (fd < 0)
        sock_hold(sock, task);
    return sock;
}

/* The socket, or one made up from what the record says of it: the records before were lost. */
static struct sock *sock_known(struct model *model, struct task *task, const struct event *event, unsigned family)
{
    struct sock *sock = sock_of(model, task, event);
    if (sock || event->fd < 0)
        return sock;
    sock = sock_make(model, task, event, event->fd, event->cookie, task_network(model, task, event->tid, 0), false);
    sock->socket.family = (uint16_t)family;
    sock->socket.type = SOCK_STREAM;
    sock->socket.seen_first = true;
    sock->socket.opened_ns = 0;
    return sock;
}

/* ---- Making sockets
 * --------------------------------------------------------------------------------------------------------- */

static void on_socket(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_socket *body = event_body(event);
    if (event->error || event->fd < 0)
        return;
    struct network *network = task_network(model, task, event->tid, body->netns_cookie);
    struct sock *sock =
        sock_make(model, task, event, event->fd, event->cookie, network, (body->flags & SOCKATLAS_CLOEXEC) != 0);
    sock->socket.family = body->family;
    sock->socket.type = body->type;
    sock->socket.protocol = body->protocol;
}

static void on_socketpair(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_socketpair *body = event_body(event);
    if (event->error || event->fd < 0)
        return;
    struct network *network = task_network(model, task, event->tid, 0);
    bool cloexec = (body->flags & SOCKATLAS_CLOEXEC) != 0;
    struct sock *ends[2] = {sock_make(model, task, event, event->fd, event->cookie, network, cloexec),
                            sock_make(model, task, event, body->fd2, body->cookie2, network, cloexec)};
    for (int i = 0; i < 2; i++) {
        struct socket *socket = &ends[i]->socket;
        socket->family = body->family;
        socket->type = body->type;
        socket->protocol = body->protocol;
        socket->role = ROLE_PAIR;
        socket->state = STATE_ESTABLISHED;
        socket->connected_ns = event->time_ns;
        socket->local = socket->peer = (struct address){.family = body->family};
        ends[i]->pair = ends[1 - i];
    }
}

static bool is_stream(const struct sock *sock)
{
    return !sock_is_datagram(sock);
}

static void flow_begin(struct model *model, struct sock *sock, enum side side, uint64_t start_ns)
{
    match_unlist(model, &sock->flow);
    sock->flow = (struct flow){.sock = sock,
                               .local = &sock->socket.local,
                               .peer = &sock->socket.peer,
                               .side = side,
                               .process = sock->socket.owner,
                               .start_ns = start_ns};
}

/* A datagram socket with an address can be sent to. */
static void serve_datagrams(struct model *model, struct sock *sock)
{
    if (sock_is_datagram(sock) && address_known(&sock->socket.local))
        listener_listed(model, sock);
}

/* Which end a connection is that was there before we looked. */
static enum side seen_side(const struct model *model, const struct sock *sock)
{
    const struct socket *socket = &sock->socket;
    if (socket->family == AF_UNIX)
        return socket->peer.size ? SIDE_CLIENT : socket->local.size ? SIDE_SERVER : SIDE_UNKNOWN;
    return listener_find(model, sock, &socket->local) ? SIDE_SERVER : SIDE_UNKNOWN;
}

static void seen_connection(struct model *model, struct task *task, struct sock *sock,
                            const struct sockatlas_body_seen *body, const struct event *event)
{
    struct socket *socket = &sock->socket;
    if (sock->flow.sock || sock->pair || !address_known(&socket->peer) || !address_known(&socket->local))
        return;
    socket->state = body->tcp_state == TCP_STATE_SYN_SENT ? STATE_CONNECTING : STATE_ESTABLISHED;
    sock->peer_pid = body->peer_pid;
    sock->own_pid = event->pid;
    enum side side = body->tcp_state == TCP_STATE_SYN_SENT ? SIDE_CLIENT : seen_side(model, sock);
    socket->role = side == SIDE_CLIENT ? ROLE_CLIENT : side == SIDE_SERVER ? ROLE_SERVER : ROLE_UNUSED;
    flow_begin(model, sock, side, 0);
    sock_own(sock, task, event->fd, RANK_SENT);
    if (socket->family != AF_UNIX || side != SIDE_UNKNOWN)
        match_flow(model, &sock->flow);
}

/* Calls that use a connection rather than look after its descriptor. */
static bool is_transfer(uint8_t call)
{
    return (call >= SOCKATLAS_CALL_read && call <= SOCKATLAS_CALL_splice) || call == SOCKATLAS_CALL_shutdown;
}

static void on_seen(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_seen *body = event_body(event);
    struct sock *sock = sock_of(model, task, event);
    bool known = sock != NULL;
    if (!known) {
        struct network *network = task_network(model, task, event->tid, body->netns_cookie);
        sock = sock_make(model, task, event, event->fd, event->cookie, network, false);
    }
    struct socket *socket = &sock->socket;
    if (sock->in_flight && body->how == SOCKATLAS_HOW_RECEIVED)
        sock->in_flight--;
    descriptor_flags(task, event->fd, (body->flags & SOCKATLAS_CLOEXEC) != 0);
    descriptor_untold(task, event->fd);
    struct address local, peer;
    event_addresses(event, &local, &peer);
    if (!known) {
        socket->seen_first = true;
        socket->opened_ns = 0;
        socket->family = body->family;
        socket->type = body->type;
        socket->protocol = body->protocol;
    }
    if (!address_known(&socket->local) && address_known(&local)) {
        socket->local = local;
        if (socket->state == STATE_CREATED && (local.port || local.size))
            socket->state = STATE_BOUND;
    }
    if (!address_known(&socket->peer) && address_known(&peer))
        socket->peer = peer;
    if (body->listening && socket->state != STATE_LISTENING && is_stream(sock)) {
        socket->state = STATE_LISTENING;
        socket->role = ROLE_LISTENER;
        sock->listen_pid = body->peer_pid;
        listener_listed(model, sock);
    } else if (is_stream(sock)) {
        seen_connection(model, task, sock, body, event);
        if (body->how == SOCKATLAS_HOW_USED && sock->flow.sock && (is_transfer(event->call) || sock->owner_left))
            sock_hand_over(model, sock, task, event->fd);
    } else {
        serve_datagrams(model, sock);
        if (address_known(&socket->peer) && socket->state < STATE_ESTABLISHED)
            socket->state = STATE_ESTABLISHED;
    }
}

/* ---- Addresses
 * --------------------------------------------------------------------------------------------------------------- */

static void on_bind(struct model *model, struct task *task, const struct event *event)
{
    struct address requested, local;
    event_addresses(event, &requested, &local);
    struct sock *sock = sock_known(model, task, event, requested.family);
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
    serve_datagrams(model, sock);
}

static void on_listen(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_listen *body = event_body(event);
    struct address local;
    event_addresses(event, &local, NULL);
    struct sock *sock = sock_known(model, task, event, local.family);
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

/* ---- Connecting
 * -------------------------------------------------------------------------------------------------------------- */

/* The kernel takes an unspecified destination for the own host. */
static void resolve_wildcard(struct address *peer, const struct address *local)
{
    if (!address_is_any(peer))
        return;
    if (local->family == peer->family && !address_is_any(local)) {
        memcpy(peer->bytes, local->bytes, peer->size);
    } else if (peer->family == AF_INET) {
        memcpy(peer->bytes, (unsigned char[]){127, 0, 0, 1}, 4);
    } else {
        peer->bytes[15] = 1;
    }
}

static void established(struct sock *sock, uint64_t time_ns)
{
    struct socket *socket = &sock->socket;
    socket->state = STATE_ESTABLISHED;
    socket->error = 0;
    socket->connected_ns = time_ns;
    socket->connect_ns = time_ns - socket->connect_started_ns;
}

static void failed(struct model *model, struct sock *sock, uint64_t time_ns, uint16_t error)
{
    struct socket *socket = &sock->socket;
    match_unlist(model, &sock->flow);
    socket->state = STATE_FAILED;
    socket->error = error;
    socket->connect_ns = time_ns - socket->connect_started_ns;
    match_failed(model, sock);
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
    serve_datagrams(model, sock);
    if (!address_known(&socket->peer))
        return;
    struct flow *flow = sock_datagram(model, sock, &socket->peer, true, event->time_ns);
    match_flow(model, flow);
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
        if (sock->flow.edge) /* connected before, and dissolved since */
            return;
        flow_begin(model, sock, SIDE_CLIENT, sock->socket.connect_started_ns);
    }
    if (!event->error || event->error == EISCONN)
        established(sock, event->time_ns);
    else if (event->error == EINPROGRESS || event->error == EINTR)
        sock->socket.state = STATE_CONNECTING;
    else
        failed(model, sock, event->time_ns, event->error);
    if (sock->socket.state != STATE_FAILED)
        match_flow(model, &sock->flow);
}

static void on_connect(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_connect *body = event_body(event);
    struct address peer, local;
    event_addresses(event, &peer, &local);
    struct sock *sock = sock_known(model, task, event, peer.family);
    if (!sock)
        return;
    struct socket *socket = &sock->socket;
    if (body->addresses.family == AF_UNSPEC) {
        if (!event->error) {
            socket->peer = (struct address){.family = 0};
            socket->state = address_known(&socket->local) ? STATE_BOUND : STATE_CREATED;
        }
        return;
    }
    if ((sock->flow.match || socket->state == STATE_ESTABLISHED) && !sock_is_datagram(sock))
        return; /* connected already: EISCONN, or the second call that learns of the success */
    if (address_known(&local))
        socket->local = local;
    else if (socket->family == AF_UNIX && !address_known(&socket->local))
        socket->local = (struct address){.family = AF_UNIX}; /* never bound: unnamed */
    resolve_wildcard(&peer, &socket->local);
    socket->peer = peer;
    if (task->names)
        socket->peer_name = note_name_of(task, &peer);
    if (body->peer_pid)
        sock->peer_pid = body->peer_pid;
    if (sock_is_datagram(sock)) {
        connect_datagram(model, task, sock, event);
        return;
    }
    sock->own_pid = event->pid;
    socket->role = ROLE_CLIENT;
    sock_own(sock, task, event->fd, RANK_USED);
    connect_stream(model, sock, event, body->duration_ns);
}

static void on_connected(struct model *model, struct task *task, const struct event *event)
{
    struct sock *sock = sock_of(model, task, event);
    if (!sock || sock->socket.state != STATE_CONNECTING)
        return;
    if (event->error)
        failed(model, sock, event->time_ns, event->error);
    else
        established(sock, event->time_ns);
    const struct sockatlas_body_connected *body = event_body(event);
    sock->socket.connect_ns = body->duration_ns;
}

/* ---- Accepting
 * --------------------------------------------------------------------------------------------------------------- */

static struct sock *listener_of(struct model *model, struct task *task, const struct event *event,
                                const struct sockatlas_body_accept *body, const struct address *local)
{
    struct event asked = *event;
    asked.fd = body->listener_fd;
    asked.cookie = body->listener_cookie;
    struct sock *listener = sock_known(model, task, &asked, body->addresses.family);
    if (listener && listener->socket.state != STATE_LISTENING) {
        listener->socket.state = STATE_LISTENING;
        listener->socket.role = ROLE_LISTENER;
        if (!address_known(&listener->socket.local))
            listener->socket.local = *local;
        listener_listed(model, listener);
    }
    return listener;
}

static void on_accept(struct model *model, struct task *task, const struct event *event)
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
    struct sock *sock = sock_make(model, task, event, event->fd, event->cookie, network,
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
    flow_begin(model, sock, SIDE_SERVER, event->time_ns);
    if (listener)
        listener_accepted(model, listener, sock);
    match_flow(model, &sock->flow);
}

/* ---- Settings and errors
 * ------------------------------------------------------------------------------------------------------ */

static void on_option(struct model *model, struct task *task, const struct event *event)
{
    if (!model->callbacks.socket_done)
        return; /* options appear on sockets only */
    struct sock *sock = sock_of(model, task, event);
    if (sock)
        sock_option(sock, event);
}

static void on_error(struct model *model, struct task *task, const struct event *event)
{
    struct sock *sock = sock_of(model, task, event);
    if (sock)
        sock->socket.error = event->error;
}

/* ---- Datagrams
 * ---------------------------------------------------------------------------------------------------------------- */

static void on_peer(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_peer *body = event_body(event);
    struct address peer, local;
    event_addresses(event, &peer, &local);
    struct sock *sock = sock_of(model, task, event);
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
    serve_datagrams(model, sock);
    resolve_wildcard(&peer, &socket->local);
    if (!address_known(&peer) || (peer.family == AF_UNIX && !peer.size))
        return;
    struct flow *flow = sock_datagram(model, sock, &peer, body->sent, event->time_ns);
    if (!flow->used && !flow->edge && !body->sent)
        flow->side = SIDE_SERVER;
    flow->used = true;
    if (task->names && !socket->peer_name)
        socket->peer_name = note_name_of(task, &peer);
    match_flow(model, flow);
}

static void on_peer_total(struct model *model, struct task *task, const struct event *event)
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
        note_coverage(model, &task->process, SOCKATLAS_COVERAGE_PEERS, detail);
        return;
    }
    if (peer.family == AF_UNIX && !peer.size)
        return;
    resolve_wildcard(&peer, &sock->socket.local);
    struct flow *flow = sock_datagram(model, sock, &peer, body->messages_sent != 0, event->time_ns);
    flow->used = true;
    flow->bytes_known = true;
    flow->bytes_sent += body->bytes_sent;
    flow->bytes_received += body->bytes_received;
}

/* ---- Descriptors
 * -------------------------------------------------------------------------------------------------------------- */

static void close_tcp(struct sock *sock, const struct event *event, const struct sockatlas_body_close *body)
{
    struct socket *socket = &sock->socket;
    struct sockatlas_tcp tcp;
    if (!event_tcp(event, &tcp) || socket->state == STATE_FAILED)
        return;
    socket->tcp = tcp;
    socket->tcp_known = true;
    socket->bytes_known = true;
    socket->bytes_sent = body->bytes_sent;
    socket->bytes_received = body->bytes_received;
    if (socket->state == STATE_CONNECTING && tcp.state != TCP_STATE_SYN_SENT &&
        (tcp.state != TCP_STATE_CLOSE || body->bytes_sent || body->bytes_received))
        socket->state = STATE_ESTABLISHED; /* and nobody asked how the connect went */
}

static void on_close(struct model *model, struct task *task, const struct event *event)
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
    struct socket *socket = &sock->socket;
    if (sock_is_tcp(sock)) {
        /* A child that made the socket non-blocking was seen by that, not by the transfers that followed. */
        if (held && sock->owner_left && sock->flow.sock &&
            (body->bytes_sent > socket->bytes_sent || body->bytes_received > socket->bytes_received))
            sock_hand_over(model, sock, task, event->fd);
        close_tcp(sock, event, body);
    } else {
        socket->bytes_known = true;
        socket->bytes_sent += body->bytes_sent;
        socket->bytes_received += body->bytes_received;
    }
    if (descriptor_told(task, held ? event->fd : -1) && socket->tcp_known) {
        sock->lost = false; /* the kernel's counts are the connection's, whoever used it */
        sock->told_ns = event->time_ns;
    }
    socket->messages_sent += body->messages_sent;
    socket->messages_received += body->messages_received;
    if (body->rcvbuf)
        socket->rcvbuf = body->rcvbuf;
    if (body->sndbuf)
        socket->sndbuf = body->sndbuf;
    if (body->messages_sent || body->messages_received)
        sock_own(sock, task, event->fd, body->messages_sent ? RANK_SENT : RANK_RECEIVED);
    struct flow *only = sock->datagrams_count == 1 ? sock->datagrams : NULL;
    if (only && !only->used && (body->messages_sent || body->messages_received)) {
        only->used = true;
        only->side = body->messages_sent ? SIDE_CLIENT : SIDE_SERVER;
        match_flow(model, only);
    }
    if (!held)
        return;
    bool others = sock->refs > 1; /* else it may be gone with the descriptor */
    descriptor_drop(model, task, event->fd, event->time_ns);
    if (others && sock->socket.owner == &task->process)
        sock->owner_left = !descriptor_holds(task, sock);
}

static void on_dup(struct model *model, struct task *task, const struct event *event)
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

static void on_flags(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_flags *body = event_body(event);
    if (sock_of(model, task, event))
        descriptor_flags(task, event->fd, (body->flags & SOCKATLAS_CLOEXEC) != 0);
}

static void on_pass(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_pass *body = event_body(event);
    struct sock *sock = descriptor_get(task, body->passed_fd);
    if (!sock || (body->passed_cookie && sock->socket.cookie != body->passed_cookie))
        sock = sock_find(model, task->process.host, body->passed_cookie);
    if (sock)
        sock->in_flight++;
}

/* ---- The rest
 * ------------------------------------------------------------------------------------------------------------------ */

static void on_coverage(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_coverage *body = event_body(event);
    char *detail = model_alloc(body->detail_size + 1u);
    if (event_tail(event, sizeof *body, 0, detail, body->detail_size))
        note_coverage(model, &task->process, body->what, detail);
    free(detail);
}

static void on_netns(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_netns *body = event_body(event);
    task_enter_network(model, task, event->tid,
                       model_network(model, task->process.host, body->netns_cookie, body->netns_inode));
}

static void on_exec_failed(struct model *model, struct task *task, const struct event *event)
{
    (void)event;
    task_exec_failed(model, task);
}

static void on_process_exit(struct model *model, struct task *task, const struct event *event)
{
    task_end(model, task, event->time_ns);
}

static void on_io(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_io *body = event_body(event);
    struct sock *sock = sock_of(model, task, event);
    if (sock && body->result > 0)
        sock_own(sock, task, event->fd, body->sent ? RANK_SENT : RANK_RECEIVED);
}

static handler *const handlers[256] = {
    [SOCKATLAS_SOCKET] = on_socket,
    [SOCKATLAS_SOCKETPAIR] = on_socketpair,
    [SOCKATLAS_SEEN] = on_seen,
    [SOCKATLAS_BIND] = on_bind,
    [SOCKATLAS_LISTEN] = on_listen,
    [SOCKATLAS_CONNECT] = on_connect,
    [SOCKATLAS_CONNECTED] = on_connected,
    [SOCKATLAS_ACCEPT] = on_accept,
    [SOCKATLAS_OPTION] = on_option,
    [SOCKATLAS_CLOSE] = on_close,
    [SOCKATLAS_DUP] = on_dup,
    [SOCKATLAS_FLAGS] = on_flags,
    [SOCKATLAS_EXEC] = task_exec,
    [SOCKATLAS_EXEC_FAILED] = on_exec_failed,
    [SOCKATLAS_SPAWN] = task_spawn,
    [SOCKATLAS_EXIT] = on_process_exit,
    [SOCKATLAS_PASS] = on_pass,
    [SOCKATLAS_PEER] = on_peer,
    [SOCKATLAS_PEER_TOTAL] = on_peer_total,
    [SOCKATLAS_ERROR] = on_error,
    [SOCKATLAS_NAME] = note_name,
    [SOCKATLAS_COVERAGE] = on_coverage,
    [SOCKATLAS_NETNS] = on_netns,
    [SOCKATLAS_IO] = on_io,
};

/* What `run` saw from outside is about processes that need not be traced. */
static void replay_outside(struct model *model, const struct event *event)
{
    if (event->kind == SOCKATLAS_UNTRACED)
        note_untraced(model, event);
    if (event->kind != SOCKATLAS_GONE)
        return;
    struct task *task = task_find(model, event->image->host, event->image->header.pidns_inode, event->pid);
    if (task)
        task_end(model, task, event->time_ns);
}

/* The socket an event is about, without learning anything from it. */
static const struct sock *sock_meant(const struct model *model, const struct task *task, const struct event *event)
{
    int32_t fd = event->fd;
    uint64_t cookie = event->cookie;
    if (event->kind == SOCKATLAS_ACCEPT && fd < 0) {
        struct sockatlas_body_accept body;
        memcpy(&body, event_body(event), sizeof body);
        fd = body.listener_fd;
        cookie = body.listener_cookie;
    }
    const struct sock *sock = sock_find(model, task->process.host, cookie);
    if (sock)
        return sock;
    sock = descriptor_get(task, fd);
    return sock && (!cookie || !sock->socket.cookie) ? sock : NULL;
}

static void tell(const struct model *model, const struct task *task, const struct event *event)
{
    const struct sock *sock = sock_meant(model, task, event);
    model->callbacks.event_seen(model->callbacks.context, event, &task->process, sock ? &sock->socket : NULL);
}

/* Whether an event takes away what it is about. */
static bool ends(const struct event *event)
{
    return event->kind == SOCKATLAS_CLOSE || event->kind == SOCKATLAS_EXIT || event->kind == SOCKATLAS_EXEC;
}

void replay_event(struct model *model, const struct event *event)
{
    struct image *image = task_image(model, event->image);
    if (event->image->header.writer != SOCKATLAS_WRITER_SHIM) {
        replay_outside(model, event);
        return;
    }
    if (event->kind == SOCKATLAS_START) {
        task_start(model, image, event);
        if (model->callbacks.event_seen)
            tell(model, image->last, event);
        return;
    }
    struct task *task = task_of(model, image, event);
    if (model->callbacks.event_seen && ends(event))
        tell(model, task, event);
    if (event->kind == SOCKATLAS_FORK)
        task_fork(model, image, task, event);
    else if (handlers[event->kind])
        handlers[event->kind](model, task, event);
    if (model->callbacks.event_seen && !ends(event))
        tell(model, task, event);
}
