/* SPDX-License-Identifier: MIT
 *
 * A socket's halves of conversations: what the replay knows of the socket, as rows for the pairing, and what the
 * pairing found, back into the socket's row. Called by the replay and by sock_life.c.
 */
#include "analyzer/model/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* ---- What the row says ---- */

/* A datagram to all who want it: a multicast group, or a broadcast address. That of a subnet looks like any other: it
 * is taken for one where the socket asked for broadcasts and the last byte is the usual one. */
static bool to_group(const struct sock *sock, const struct address *peer)
{
    return address_is_multicast(peer) || (sock->broadcasts && peer->family == AF_INET && peer->bytes[3] == 255);
}

/* A listener that is gone by the time that it is sure that nobody accepted is named all the same. */
static void remember_served(const struct model *model, const struct sock *sock, struct half *half)
{
    if (half->served || half->pair_socket || (half->side == SIDE_SERVER && !half->datagram))
        return;
    struct sock *server = listener_find(model, sock, &half->peer);
    bool later = server && server->socket.host == sock->socket.host && server->socket.opened_ns > half->start_ns;
    if (!server || server == sock || (later && !half->datagram && half->outcome != OUTCOME_ESTABLISHED))
        return; /* who listens there after an attempt began did not leave it unanswered */
    half->served = server->socket.owner;
    half->served_socket = listener_doubtful(model, sock, &half->peer, server) ? 0 : server->socket.id;
    half->served_near = sock_same_network(sock, server);
}

/* A unix peer whose path nobody traced is known to serve: whether the process that the kernel named is traced. */
static bool listener_traced(const struct model *model, const struct sock *sock)
{
    const struct process *owner = sock->socket.owner;
    return sock->peer_pid && owner && task_find(model, owner->host, owner->pidns, sock->peer_pid);
}

static enum state state_of(const struct sock *sock)
{
    return sock->stage == STAGE_HELD ? sock->socket.state : sock->open_state;
}

static enum outcome outcome_of(const struct sock *sock)
{
    switch (state_of(sock)) {
    case STATE_ESTABLISHED:
        return OUTCOME_ESTABLISHED;
    case STATE_FAILED:
        return OUTCOME_FAILED;
    case STATE_CONNECTING:
        return sock->stage == STAGE_HELD ? OUTCOME_PENDING : OUTCOME_UNANSWERED;
    default:
        return OUTCOME_UNKNOWN;
    }
}

/* The kernel told at the close that nobody had answered: nobody accepts it. */
static bool unanswered_surely(const struct sock *sock)
{
    return outcome_of(sock) == OUTCOME_UNANSWERED && sock->socket.tcp_known &&
           sock->socket.tcp.state == TCP_STATE_SYN_SENT;
}

/* What only the kernel knows (a reset whose error nobody read) shows in the state at the close. */
static void put_end(const struct sock *sock, struct half *half)
{
    const struct socket *socket = &sock->socket;
    bool torn = sock_is_tcp(sock) && socket->tcp_known && socket->tcp.state == TCP_STATE_CLOSE && !sock->shut;
    bool aborted = sock_is_tcp(sock) && sock->aborts && !sock->shut;
    half->reset_by = RESET_UNKNOWN;
    if (half->outcome != OUTCOME_ESTABLISHED)
        half->end = END_UNKNOWN;
    else if (sock->stage == STAGE_HELD)
        half->end = END_OPEN;
    else if (socket->error == ECONNRESET || (torn && !socket->error) || sock->torn)
        half->end = END_RESET;
    else if (socket->error == EPIPE || socket->error == ETIMEDOUT)
        half->end = END_BROKEN;
    else
        half->end = aborted ? END_RESET : END_CLOSED;
    if (half->end == END_RESET)
        half->reset_by = socket->error == ECONNRESET  ? RESET_PEER
                         : aborted || sock->torn_here ? RESET_LOCAL
                                                      : RESET_UNKNOWN;
}

/* Whether no record of the process was lost. Of one whose oldest are overwritten, a socket that they told of is told
 * again, and known as such. */
static bool log_complete(const struct model *model, const struct process *process)
{
    if (!process)
        return false;
    const struct sockatlas_header *header = &model->images[((const struct task *)process)->image].trace->header;
    return !header->lost;
}

bool half_holder_lost(const struct model *model, const struct sock *sock)
{
    for (unsigned i = 0; sock->socket.holders_count > 1 && i < sock->socket.holders_count; i++) {
        const struct process *process = model->processes[sock->socket.holders[i]];
        if (process->kind == PROCESS_TRACED && !log_complete(model, process))
            return true;
    }
    return false;
}

static void put_socket(const struct model *model, const struct sock *sock, struct half *half)
{
    const struct socket *socket = &sock->socket;
    half->cookie = socket->cookie;
    half->network = sock->network;
    half->family = socket->family;
    half->type = socket->type;
    half->protocol = socket->protocol;
    half->class = sock_class(sock);
    half->local = socket->local;
    half->peer_name = socket->peer_name;
    half->closed_ns = socket->closed_ns;
    half->open = sock->stage == STAGE_HELD;
    half->error = socket->error;
    half->connected_ns = socket->connected_ns;
    half->tcp_known = socket->tcp_known;
    half->rtt_us = socket->tcp.rtt_us;
    half->retransmits = socket->tcp.retransmits;
    half->recorded = socket->complete && log_complete(model, socket->owner);
    half->complete = half->recorded && !sock->lost;
}

/* One that was there before: whether anybody listens at its address may have been told after it. */
static void put_likely(const struct model *model, const struct sock *sock, struct half *half)
{
    enum side side = half->side == SIDE_UNKNOWN && half->family != AF_UNIX ? listener_side(model, sock) : SIDE_UNKNOWN;
    if (side != SIDE_UNKNOWN)
        half->likely = side;
}

static bool heard_end(const struct socket *socket)
{
    unsigned state = socket->tcp.state;
    return socket->tcp_known && (state == TCP_STATE_CLOSE_WAIT || state == TCP_STATE_LAST_ACK ||
                                 state == TCP_STATE_CLOSING || state == TCP_STATE_TIME_WAIT);
}

static void put_connection(const struct model *model, const struct sock *sock, struct half *half)
{
    const struct socket *socket = &sock->socket;
    half->process = socket->owner;
    half->creator = sock->creator;
    half->pidns = socket->owner ? socket->owner->pidns : 0;
    half->own_pid = sock->own_pid;
    half->peer_pid = sock->peer_pid;
    half->listen_pid = sock->listen_pid;
    half->listener = sock->listener;
    put_likely(model, sock, half);
    half->peer = socket->peer;
    half->outcome = outcome_of(sock);
    half->connect_ns = socket->connect_ns;
    half->only = !sock->dissolved && !sock->failed_before;
    half->sent_known = sock_sent_known(sock);
    half->received_known = sock_received_known(sock);
    half->bytes_sent = socket->bytes_sent;
    half->bytes_received = socket->bytes_received;
    half->heard_end = heard_end(socket);
    half->unread = sock->stage == STAGE_HELD ? 0 : sock->unread;
    put_end(sock, half);
}

static void put_exchange(const struct sock *sock, struct half *half, bool final)
{
    const struct socket *socket = &sock->socket;
    half->to_group = to_group(sock, &half->peer);
    half->only = sock->exchanges_count == 1;
    /* Connected, and nobody told that nothing went through: taken for used. */
    if (final && (socket->messages_sent || socket->messages_received || sock->uncounted || sock->lost))
        half->used = true;
    if (half->only && !half->sent_known && sock_sent_known(sock)) {
        half->sent_known = true;
        half->bytes_sent = socket->bytes_sent;
    }
    if (half->only && !half->received_known && sock_received_known(sock)) {
        half->received_known = true;
        half->bytes_received = socket->bytes_received;
    }
    if (final && (sock->lost & LOST_SENT || sock->uncounted))
        half->sent_known = false;
    if (final && (sock->lost & LOST_RECEIVED || sock->uncounted))
        half->received_known = false;
}

/* `final`: nothing more comes. */
static void update(const struct model *model, const struct sock *sock, struct half *half, bool final)
{
    put_socket(model, sock, half);
    if (half->datagram)
        put_exchange(sock, half, final);
    else
        put_connection(model, sock, half);
    remember_served(model, sock, half);
    if (final && sock->service && half->family != AF_UNIX && !address_known(&half->peer))
        sock->service->process->accepts_unseen = true;
}

/* ---- Begun ---- */

static struct half *make(struct model *model, struct sock *sock, enum side side, uint64_t start_ns)
{
    struct half *half = pair_half(model->pair);
    half->context = sock;
    half->socket = sock->socket.id;
    half->host = sock->socket.host;
    half->side = side;
    half->start_ns = start_ns;
    half->began_ns = start_ns;
    half->counts_socket = true;
    sock->undecided++;
    return half;
}

static void discard(struct model *model, struct sock *sock)
{
    struct half *half = sock->half;
    if (!half)
        return;
    sock->half = NULL;
    sock->undecided--;
    pair_discard(model->pair, half);
}

/* A client can have begun when its socket was made, not only at the time of its connect() less the duration: what the
 * shim does between taking the two belongs to neither, and a busy server has accepted, or closed, in that gap. */
struct half *half_begin(struct model *model, struct sock *sock, enum side side, uint64_t start_ns)
{
    discard(model, sock);
    struct half *half = make(model, sock, side, start_ns);
    if (sock->socket.opened_ns && sock->socket.opened_ns < start_ns)
        half->began_ns = sock->socket.opened_ns;
    half->counts_socket = !sock->failed_before;
    if (sock->failed_at) /* the first attempt was counted when nobody knew that it was not the only one */
        edge_count(model, sock->failed_at, sock->socket.id);
    sock->failed_at = NULL;
    sock->socket.attempts += side == SIDE_CLIENT;
    sock->half = half;
    sock->shown = half;
    return half;
}

struct half *half_exchange(struct model *model, struct sock *sock, struct task *task, const struct address *peer,
                           bool sent, uint64_t time_ns)
{
    uint64_t hash = address_hash(peer, sock->socket.id);
    unsigned rank = sent ? RANK_SENT : RANK_RECEIVED;
    struct exchange *exchange = NULL;
    for (struct table_link *link = table_first(&model->exchanges, hash); link && !exchange; link = table_next(link)) {
        struct exchange *known = TABLE_OF(link, struct exchange, by_peer);
        if (known->half->context == sock && address_equal(&known->half->peer, peer))
            exchange = known;
    }
    if (!exchange) {
        exchange = store_alloc(sizeof *exchange);
        exchange->next = sock->exchanges;
        exchange->half = make(model, sock, sent ? SIDE_CLIENT : SIDE_SERVER, time_ns);
        exchange->half->datagram = true;
        exchange->half->peer = *peer;
        table_insert(&model->exchanges, &exchange->by_peer, hash);
        if (!sock->exchanges)
            sock->shown = exchange->half;
        sock->exchanges = exchange;
        sock->socket.peers = ++sock->exchanges_count;
    }
    if (rank > exchange->rank) {
        exchange->rank = rank;
        exchange->half->process = &task->process;
    }
    return exchange->half;
}

void half_offer(struct model *model, struct sock *sock, struct half *half)
{
    update(model, sock, half, false);
    pair_offer(model->pair, half);
}

/* ---- Over ---- */

static void give(struct model *model, struct sock *sock, struct half *half)
{
    if (!model->callbacks.socket_done) { /* nobody asks what becomes of it */
        half->context = NULL;
        sock->undecided--;
    }
    pair_end(model->pair, half);
}

static void end(struct model *model, struct sock *sock, struct half *half)
{
    update(model, sock, half, true);
    if (!half->datagram) {
        bool surely = unanswered_surely(sock);
        half->awaits_accept =
            half->side != SIDE_SERVER && !half->open && !surely &&
            ((half->served && listener_find(model, sock, &sock->socket.peer)) || listener_traced(model, sock));
        if (surely)
            pair_withdraw(model->pair, half);
    }
    give(model, sock, half);
}

void half_over(struct model *model, struct sock *sock)
{
    struct half *half = sock->half;
    if (!half)
        return;
    sock->half = NULL;
    model->edge_latest = NULL;
    end(model, sock, half);
    if (outcome_of(sock) != OUTCOME_FAILED)
        return;
    sock->failed_at = sock->failed_before ? NULL : model->edge_latest;
    sock->failed_before = true;
}

/* The kernel's counts begin anew with each connection, from another number. */
void half_dissolved(struct model *model, struct sock *sock, uint64_t time_ns)
{
    struct half *half = sock->half;
    if (!half || half->pair_socket)
        return;
    sock->half = NULL;
    sock->dissolved = true;
    update(model, sock, half, true);
    half->open = false;
    half->closed_ns = time_ns;
    half->sent_known = half->received_known = false;
    if (half->outcome == OUTCOME_PENDING)
        half->outcome = OUTCOME_UNANSWERED;
    if (half->outcome == OUTCOME_ESTABLISHED) {
        half->end = END_RESET;
        half->reset_by = RESET_LOCAL;
    }
    half->awaits_accept = half->served && half->outcome == OUTCOME_ESTABLISHED;
    give(model, sock, half);
}

void half_over_all(struct model *model, struct sock *sock)
{
    struct half *half = sock->half;
    sock->half = NULL;
    if (half)
        end(model, sock, half);
    for (struct exchange *exchange = sock->exchanges, *next; exchange; exchange = next) {
        next = exchange->next;
        table_remove(&model->exchanges, &exchange->by_peer);
        end(model, sock, exchange->half);
        free(exchange);
    }
    sock->exchanges = NULL;
}

void half_update_all(struct model *model, struct sock *sock)
{
    if (sock->half)
        update(model, sock, sock->half, false);
    for (struct exchange *exchange = sock->exchanges; exchange; exchange = exchange->next)
        update(model, sock, exchange->half, false);
}

/* Nobody will ask what becomes of it. */
void half_forget(struct model *model, struct sock *sock)
{
    discard(model, sock);
    for (struct exchange *exchange = sock->exchanges, *next; exchange; exchange = next) {
        next = exchange->next;
        table_remove(&model->exchanges, &exchange->by_peer);
        pair_discard(model->pair, exchange->half);
        free(exchange);
    }
    sock->exchanges = NULL;
}

/* ---- Decided, or not yet ---- */

/* A row that names one peer has what went through with that one. */
static bool several_peers(const struct sock *sock)
{
    return sock->exchanges_count > 1 && !address_known(&sock->socket.peer);
}

void half_decided(struct sock *sock, const struct half *half)
{
    struct socket *socket = &sock->socket;
    socket->complete &= half->complete;
    socket->failures += outcome_failed(half->outcome);
    if (sock->shown != half || several_peers(sock))
        return;
    socket->match = half->match;
    socket->peer_socket = half->peer_socket;
    if (half->peer_process)
        socket->peer_process = half->peer_process;
    if (!address_known(&socket->peer))
        socket->peer = half->peer;
    if (half->datagram)
        return;
    if (socket->role == ROLE_UNUSED && half->side)
        socket->role = half->side == SIDE_CLIENT ? ROLE_CLIENT : ROLE_SERVER;
    socket->outcome = half->outcome;
    socket->end = half->end;
    socket->reset_by = half->reset_by;
    socket->unread = half->unread;
    socket->undelivered_known = half->undelivered_known;
    socket->undelivered = half->undelivered;
    if (half->outcome == OUTCOME_UNANSWERED)
        socket->state = STATE_FAILED;
}

struct process *half_peer_so_far(const struct model *model, const struct sock *sock)
{
    const struct half *half = sock->half;
    if (several_peers(sock))
        return NULL;
    for (const struct exchange *at = sock->exchanges; at; at = at->next)
        half = at->half; /* the first one it met */
    const struct half *mate = half ? pair_mate(half) : NULL;
    if (mate)
        return mate->context && !mate->datagram ? ((const struct sock *)mate->context)->socket.owner : mate->process;
    if (!half || !address_known(&half->peer) || half->to_group)
        return NULL;
    struct process *process = untraced_end_so_far(model, half);
    return process || half->side == SIDE_SERVER ? process : untraced_server_so_far(model, half);
}
