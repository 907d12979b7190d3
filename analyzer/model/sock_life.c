/* SPDX-License-Identifier: MIT
 *
 * What becomes of a kernel socket: matched, handed over, let go, settled once nothing more can come; and telling the
 * edges and listeners so. A socket without a holder waits ("limbo") where its other half, a late record or another
 * holder may still turn up; the waiting is bounded by trace time, so that memory follows what is alive. Called by
 * descriptor_hold.c, replay*.c and model.c.
 */
#include "analyzer/model/internal.h"

#include <sys/socket.h>

/* ---- Waiting ---- */

/* How long, in trace time. SHORT: a record of the other end that was being made; LONG: a listener that is still to
 * accept, a descriptor on its way, an image that has not logged yet; END: hosts whose clocks differ. */
static const uint64_t limbo_ns[LIMBOS] = {
    [LIMBO_SHORT] = 1000000000ull, [LIMBO_LONG] = 60000000000ull, [LIMBO_END] = UINT64_MAX / 2};

/* So many wait to the end at most, about a kilobyte each: more than that are connections with hosts that are not in the
 * trace, and the longest waiting is taken for one. */
#define WAITING_MAX (1u << 19)

static void limbo_leave(struct model *model, struct sock *sock)
{
    if (!sock->limbo)
        return;
    *(sock->limbo_previous ? &sock->limbo_previous->limbo_next : &model->limbo_first[sock->limbo]) = sock->limbo_next;
    *(sock->limbo_next ? &sock->limbo_next->limbo_previous : &model->limbo_last[sock->limbo]) = sock->limbo_previous;
    model->waiting -= sock->limbo == LIMBO_END;
    sock->limbo = LIMBO_NONE;
    sock->limbo_next = sock->limbo_previous = NULL;
}

static void limbo_enter(struct model *model, struct sock *sock, enum limbo limbo)
{
    limbo_leave(model, sock);
    sock->limbo = limbo;
    model->waiting += limbo == LIMBO_END;
    sock->limbo_until = model->now_ns + limbo_ns[limbo];
    sock->limbo_previous = model->limbo_last[limbo];
    *(model->limbo_last[limbo] ? &model->limbo_last[limbo]->limbo_next : &model->limbo_first[limbo]) = sock;
    model->limbo_last[limbo] = sock;
}

/* ---- Settling ---- */

/* The rules for what nothing more will come of. */
static void match_rest(struct model *model, struct sock *sock)
{
    struct socket *socket = &sock->socket;
    if (sock->pair)
        match_pair(model, sock, sock->pair);
    if (sock->flow.sock && !sock->flow.match && !sock->flow.edge)
        match_late(model, &sock->flow);
    for (struct flow *flow = sock->datagrams; flow; flow = flow->next) {
        /* Connected, and nobody told that nothing went through: taken for used. */
        bool used = socket->messages_sent || socket->messages_received || sock->untold || sock->lost;
        if (!flow->used && used) {
            flow->used = true;
            match_flow(model, flow);
        }
        if (sock->datagrams_count == 1 && !flow->bytes_known && sock_bytes_known(sock)) {
            flow->bytes_known = true;
            flow->bytes_sent = socket->bytes_sent;
            flow->bytes_received = socket->bytes_received;
        }
        if (!flow->match && !flow->edge)
            match_late(model, flow);
    }
}

static void settle_flow(struct model *model, struct flow *flow)
{
    match_unlist(model, flow);
    edge_flow_settled(flow);
    if (flow->mate) {
        flow->mate->mate = NULL;
        flow->mate->mate_closed = flow->sock->unheld;
    }
    flow->mate = NULL;
}

static void tell_peer(struct socket *socket, const struct flow *flow)
{
    socket->match = flow->match;
    socket->peer_socket = flow->peer_socket;
    if (flow->target)
        socket->peer_process = flow->target;
    if (!address_known(&socket->peer) && flow->peer)
        socket->peer = *flow->peer;
}

static void settle_flows(struct model *model, struct sock *sock)
{
    match_rest(model, sock);
    sock->socket.bytes_known = sock_bytes_known(sock);
    if (sock->flow.sock) {
        settle_flow(model, &sock->flow);
        tell_peer(&sock->socket, &sock->flow);
    }
    for (struct flow *flow = sock->datagrams; flow; flow = flow->next) {
        settle_flow(model, flow);
        if (!flow->next)
            tell_peer(&sock->socket, flow); /* the first one it met */
    }
}

static void settle(struct model *model, struct sock *sock)
{
    limbo_leave(model, sock);
    settle_flows(model, sock);
    listener_unlisted(model, sock);
    if (sock->pair)
        sock->pair->pair = NULL;
    if (model->callbacks.socket_done)
        model->callbacks.socket_done(model->callbacks.context, &sock->socket);
    table_remove(&model->cookies, &sock->by_cookie);
    sock_free(model, sock);
}

/* ---- Matched ---- */

/* What waited for this only need wait no longer. */
static void wake(struct model *model, struct flow *flow)
{
    struct sock *sock = flow->sock;
    if (sock->limbo == LIMBO_NONE || sock->weak_refs || sock->in_flight || sock->datagrams)
        return;
    settle(model, sock);
}

void sock_match(struct model *model, struct flow *flow)
{
    struct flow *mate = match_flow(model, flow);
    if (mate)
        wake(model, mate);
}

/* ---- Handed over ---- */

void sock_hand_over(struct model *model, struct sock *sock, struct task *task, int32_t fd)
{
    sock->rank = RANK_TRANSFERRED;
    sock->owner_left = sock->owner_passed = false;
    if (sock->socket.owner == &task->process)
        return;
    sock->socket.owner = &task->process;
    sock->socket.fd = fd;
    edge_flow_moves(model, &sock->flow, &task->process);
}

/* ---- Letting go ---- */

static bool several_hosts(const struct model *model)
{
    return model->hosts_count > 1 || model->hosts_expected > 1;
}

static bool unmatched_datagrams(const struct sock *sock)
{
    for (const struct flow *flow = sock->datagrams; flow; flow = flow->next)
        if (!flow->match && sock->socket.family != AF_UNIX && !address_is_loopback(flow->peer))
            return true;
    return false;
}

/* A unix peer whose path nobody traced is known to serve: whether the process that the kernel named is traced. */
static bool listener_traced(const struct model *model, const struct sock *sock)
{
    const struct process *owner = sock->socket.owner;
    return sock->peer_pid && owner &&
           task_find(model, owner->host, ((const struct task *)owner)->pidns, sock->peer_pid);
}

/* Whether, and how long, a socket that nobody holds must wait. */
static enum limbo limbo_for(const struct model *model, const struct sock *sock)
{
    if (sock->weak_refs || sock->in_flight)
        return LIMBO_LONG;
    if (sock->datagrams)
        return several_hosts(model) && unmatched_datagrams(sock) ? LIMBO_END : LIMBO_SHORT;
    if (!sock->flow.sock || sock->flow.match || sock->open_state == STATE_FAILED || match_given_up(sock))
        return LIMBO_NONE;
    if (several_hosts(model) && sock->socket.family != AF_UNIX && !address_is_loopback(&sock->socket.peer))
        return LIMBO_END;
    if (sock->flow.side != SIDE_SERVER &&
        (listener_find(model, sock, &sock->socket.peer) || listener_traced(model, sock)))
        return LIMBO_LONG;
    return LIMBO_SHORT;
}

static void let_go(struct model *model, struct sock *sock)
{
    struct socket *socket = &sock->socket;
    sock->unheld = true;
    sock->open_state = socket->state;
    socket->closed_ns = sock->weak_refs ? 0 : sock->last_close_ns; /* 0: nobody knows when that image let go */
    if (socket->state != STATE_FAILED)
        socket->state = STATE_CLOSED;
    edge_flow_closed(model, &sock->flow);
    for (struct flow *flow = sock->datagrams; flow; flow = flow->next)
        edge_flow_closed(model, flow);
    listener_closed(sock);
}

void sock_unheld(struct model *model, struct sock *sock)
{
    if (!sock->unheld)
        let_go(model, sock);
    else if (sock->last_close_ns > sock->socket.closed_ns)
        sock->socket.closed_ns = sock->last_close_ns;
    if (model->finishing)
        return;
    if (sock->open_state == STATE_LISTENING) {
        if (sock->weak_refs)
            return; /* an image that still waits in accept() logs nothing */
        listener_unlisted(model, sock);
    }
    if (sock->pair) {
        if (!sock->pair->unheld)
            return; /* who used the ends shows when both are closed */
        if (sock->weak_refs || sock->in_flight || sock->pair->weak_refs || sock->pair->in_flight) {
            limbo_enter(model, sock, LIMBO_LONG);
            limbo_enter(model, sock->pair, LIMBO_LONG);
            return;
        }
        struct sock *pair = sock->pair;
        settle(model, sock->socket.id < pair->socket.id ? sock : pair);
        settle(model, sock->socket.id < pair->socket.id ? pair : sock);
        return;
    }
    enum limbo limbo = limbo_for(model, sock);
    if (limbo)
        limbo_enter(model, sock, limbo);
    else
        settle(model, sock);
}

void sock_held_again(struct model *model, struct sock *sock)
{
    limbo_leave(model, sock);
    if (!sock->unheld)
        return;
    sock->unheld = false;
    sock->socket.state = sock->open_state;
    sock->socket.closed_ns = 0;
    listener_reopened(model, sock);
    if (sock->open_state == STATE_LISTENING)
        listener_listed(model, sock);
    edge_flow_reopened(&sock->flow);
    for (struct flow *flow = sock->datagrams; flow; flow = flow->next)
        edge_flow_reopened(flow);
}

/* ---- The end of waiting ---- */

static void limbo_end(struct model *model, struct sock *sock)
{
    limbo_leave(model, sock);
    sock->weak_refs = 0; /* images that have logged nothing may have it: taken for gone */
    settle(model, sock);
}

void sock_limbo_expire(struct model *model)
{
    for (enum limbo limbo = LIMBO_SHORT; limbo < LIMBOS; limbo++)
        while (model->limbo_first[limbo] && model->limbo_first[limbo]->limbo_until < model->now_ns)
            limbo_end(model, model->limbo_first[limbo]);
    for (struct sock *oldest; model->waiting > WAITING_MAX && (oldest = model->limbo_first[LIMBO_END]);) {
        model->given_up += !oldest->flow.match;
        limbo_end(model, oldest);
    }
}

void sock_finish(struct model *model)
{
    for (struct sock *sock = model->first; sock; sock = sock->next)
        if (sock->unheld && sock->weak_refs)
            sock_held_again(model, sock);
    /* All are matched before the first leaves: who is served last may be known first. */
    for (struct sock *sock = model->first; sock; sock = sock->next)
        match_rest(model, sock);
    while (model->first)
        settle(model, model->first);
}
