/* SPDX-License-Identifier: MIT
 *
 * Which flow is the other half of which. One function per rule, tried in the order self, exact or path, and, once
 * nothing more can come, credentials, nat, served, untraced, external; match_path.c has those of
 * unix connections, match_nat.c that of translated addresses.
 * Called by sock_life.c as halves appear and as they settle; settles nothing itself.
 */
#include "analyzer/model/match.h"

#include <string.h>
#include <sys/socket.h>

/* ---- Keys ---- */

/* A datagram socket may be bound to a wildcard: only ports are sure. Unordered, so that both ends have one key. */
static uint64_t ports_key(const struct flow *flow)
{
    uint64_t low = flow->local->port, high = flow->peer->port;
    if (low > high) {
        uint64_t swap = low;
        low = high;
        high = swap;
    }
    return hash_numbers(sock_class(flow->sock), low << 16 | high);
}

/* ---- Predicates ---- */

static bool leaves_host(const struct address *address)
{
    return address_known(address) && !address_is_loopback(address) && !address_is_any(address);
}

/* Both could be one network: the same one, or two that a wire connects (also where the addresses are link-local: two
 * links on which both addresses and both ports are the same at one time are as good as one). */
static bool may_meet(const struct flow *a, const struct flow *b)
{
    return sock_same_network(a->sock, b->sock) || (leaves_host(a->local) && leaves_host(a->peer));
}

/* But for the scope: each end names the link by its own interface. */
static bool same_endpoint(const struct address *a, const struct address *b)
{
    return a->family == b->family && a->port == b->port && a->size == b->size &&
           memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool mirrored(const struct flow *a, const struct flow *b)
{
    return same_endpoint(a->local, b->peer) && same_endpoint(a->peer, b->local);
}

static bool wild_equal(const struct address *known, const struct address *bound)
{
    return known->port == bound->port && (address_is_any(bound) || same_endpoint(known, bound));
}

static bool is_up(const struct flow *flow)
{
    const struct sock *sock = flow->sock;
    return (sock->unheld ? sock->open_state : sock->socket.state) == STATE_ESTABLISHED;
}

bool match_given_up(const struct sock *sock)
{
    return sock->unheld && sock->open_state == STATE_CONNECTING && sock->socket.tcp_known &&
           sock->socket.tcp.state == TCP_STATE_SYN_SENT;
}

/* A datagram to all who want it: a multicast group, or a broadcast address. That of a subnet looks like any other: it
 * is taken for one where the socket asked for broadcasts and the last byte is the usual one. */
static bool to_group(const struct flow *flow)
{
    const struct address *peer = flow->peer;
    return sock_is_datagram(flow->sock) &&
           (address_is_multicast(peer) || (flow->sock->broadcasts && peer->family == AF_INET && peer->bytes[3] == 255));
}

/* ---- Joining ---- */

void match_unlist(struct model *model, struct flow *flow)
{
    table_remove(&model->tuples, &flow->by_tuple);
    table_remove(&model->paths, &flow->by_path);
}

/* Who began: the connecting end; of two datagram ends or two connecting ones, the earlier. */
static bool initiates(const struct flow *a, const struct flow *b)
{
    if (a->side != b->side)
        return a->side == SIDE_CLIENT || b->side == SIDE_SERVER;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns;
    return a->sock->socket.id < b->sock->socket.id;
}

static void join(struct model *model, struct flow *a, struct flow *b, enum match match)
{
    match_unlist(model, a);
    match_unlist(model, b);
    a->mate = b;
    b->mate = a;
    a->match = b->match = match;
    a->process = a->sock->socket.owner;
    b->process = b->sock->socket.owner;
    a->target = b->process;
    b->target = a->process;
    a->peer_socket = b->sock->socket.id;
    b->peer_socket = a->sock->socket.id;
    struct flow *from = initiates(a, b) ? a : b, *to = from == a ? b : a;
    from->side = SIDE_CLIENT;
    to->side = SIDE_SERVER; /* also where both connected, or both sent first */
    edge_join(model, from, to, from->process, to->process, match);
}

/* ---- Rules ---- */

/* A socket connected to its own address. */
static bool match_self(struct model *model, struct flow *flow)
{
    if (!address_known(flow->local) || !address_equal(flow->local, flow->peer) || flow->local->family == AF_UNIX ||
        flow->side == SIDE_SERVER)
        return false;
    flow->match = MATCH_EXACT;
    flow->process = flow->target = flow->sock->socket.owner;
    flow->peer_socket = flow->sock->socket.id;
    edge_join(model, flow, NULL, flow->process, flow->process, MATCH_EXACT);
    return true;
}

/* The best of one side of those listed under `key`, and `best`, which may be NULL: the own namespace before others,
 * then the oldest (a backlog is served in order). */
static struct flow *exact_candidate_of(const struct model *model, const struct flow *flow, uint64_t key, bool late,
                                       enum side side, struct flow *best)
{
    bool best_near = best && sock_same_network(flow->sock, best->sock);
    struct table_link *link = table_first(&model->tuples, match_side_key(key, side));
    for (; link; link = table_next(link)) {
        struct flow *other = TABLE_OF(link, struct flow, by_tuple);
        if (other == flow || sock_class(other->sock) != sock_class(flow->sock) || !mirrored(flow, other) ||
            !may_meet(flow, other) || match_given_up(other->sock))
            continue;
        /* Two that connect to each other: refused, unless their SYNs cross. */
        if (flow->side == SIDE_CLIENT && other->side == SIDE_CLIENT && !(is_up(flow) && (late || is_up(other))))
            continue;
        if (!(flow->side == SIDE_SERVER || other->side == SIDE_CLIENT ? match_overlap(other, flow)
                                                                      : match_overlap(flow, other)))
            continue;
        bool near = sock_same_network(flow->sock, other->sock);
        if (best && (best_near > near || (best_near == near && best->sock->socket.id < other->sock->socket.id)))
            continue;
        best = other;
        best_near = near;
    }
    return best;
}

/* `key`: of the client's address. `own`: it is that of `flow`, so that no other client can have it. */
static struct flow *exact_candidate(const struct model *model, const struct flow *flow, uint64_t key, bool own,
                                    bool late)
{
    struct flow *best = exact_candidate_of(model, flow, key, late, SIDE_UNKNOWN, NULL);
    if (!(own && flow->side == SIDE_CLIENT))
        best = exact_candidate_of(model, flow, key, late, SIDE_CLIENT, best);
    return flow->side == SIDE_SERVER ? best : exact_candidate_of(model, flow, key, late, SIDE_SERVER, best);
}

/* A connection's halves: A's (local, peer) is B's (peer, local). */
static struct flow *match_exact(struct model *model, struct flow *flow)
{
    const struct address *client = flow->side == SIDE_SERVER ? flow->peer : flow->local;
    uint64_t key = match_endpoint_key(flow, client);
    struct flow *other = exact_candidate(model, flow, key, true, false);
    if (!other && flow->side != SIDE_SERVER) /* both connected, or one of unknown side */
        other = exact_candidate(model, flow, match_endpoint_key(flow, flow->peer), false, false);
    if (!other)
        table_insert(&model->tuples, &flow->by_tuple, match_side_key(key, flow->side));
    return other;
}

/* A path means one socket in all network namespaces of a host, whoever sends to it from wherever. */
static bool datagrams_may_meet(const struct flow *a, const struct flow *b)
{
    if (sock_same_network(a->sock, b->sock))
        return true;
    if (a->local->family == AF_UNIX)
        return a->sock->socket.host == b->sock->socket.host && (a->local->bytes[0] || b->local->bytes[0]);
    bool specific = !address_is_any(a->local) && !address_is_any(b->local);
    return (match_routable(a->peer) && match_routable(b->peer)) || (specific && may_meet(a, b));
}

/* Two datagram sockets that name each other; a wildcard on either side fits any address. */
static struct flow *match_datagrams(struct model *model, struct flow *flow)
{
    uint64_t key =
        flow->local->family == AF_UNIX ? address_hash(flow->local, 0) + address_hash(flow->peer, 0) : ports_key(flow);
    for (struct table_link *link = table_first(&model->tuples, key); link; link = table_next(link)) {
        struct flow *other = TABLE_OF(link, struct flow, by_tuple);
        if (other->sock == flow->sock || sock_class(other->sock) != sock_class(flow->sock))
            continue;
        if (!wild_equal(flow->peer, other->local) || !wild_equal(other->peer, flow->local) ||
            !(flow->used || other->used))
            continue;
        if (datagrams_may_meet(flow, other))
            return other;
    }
    table_insert(&model->tuples, &flow->by_tuple, key);
    return NULL;
}

struct flow *match_flow(struct model *model, struct flow *flow)
{
    if (flow->match || flow->by_path.listed)
        return NULL;
    if (flow->by_tuple.listed) {
        if (!sock_is_datagram(flow->sock))
            return NULL;
        match_unlist(model, flow); /* listed when connected, and used now */
    }
    if (match_self(model, flow))
        return NULL;
    bool datagram = sock_is_datagram(flow->sock), is_unix = flow->sock->socket.family == AF_UNIX;
    enum match match = is_unix ? MATCH_PATH : MATCH_EXACT;
    bool nobodys = datagram && (!address_known(flow->local) || (is_unix && !flow->local->size) || to_group(flow));
    struct flow *other = nobodys    ? NULL
                         : datagram ? match_datagrams(model, flow)
                         : is_unix  ? match_path_find(model, flow)
                                    : match_exact(model, flow);
    if (!other) {
        match_remember_served(model, flow);
        match_nat_list(model, flow);
        return NULL;
    }
    flow->used = other->used = true;
    join(model, flow, other, match);
    return other;
}

/* ---- Late rules ---- */

/* Both ends connect()ed, and the success of one was told of late or never. */
static bool match_simultaneous(struct model *model, struct flow *flow)
{
    if (flow->side != SIDE_CLIENT || sock_is_datagram(flow->sock) || flow->sock->socket.family == AF_UNIX)
        return false;
    struct flow *other = exact_candidate(model, flow, match_endpoint_key(flow, flow->peer), false, true);
    if (!other)
        return false;
    join(model, flow, other, MATCH_EXACT);
    return true;
}

static bool match_credentials(struct model *model, struct flow *flow)
{
    struct flow *first, *other;
    while (!flow->match && (first = match_credentials_find(model, flow, &other)))
        join(model, first, other, MATCH_PATH);
    return flow->match != MATCH_NONE;
}

static bool match_nat(struct model *model, struct flow *flow)
{
    struct flow *other = match_nat_find(model, flow);
    if (!other)
        return false;
    join(model, flow, other, MATCH_NAT);
    return true;
}

/* What `flow` begins, or only took part in, ends at `process`. */
static void join_process(struct model *model, struct flow *flow, struct process *process, enum match match)
{
    match_unlist(model, flow);
    flow->match = match;
    flow->process = flow->sock->socket.owner;
    flow->target = process;
    if (flow->side == SIDE_SERVER)
        edge_join(model, NULL, flow, process, flow->process, match);
    else
        edge_join(model, flow, NULL, flow->process, process, match);
}

/* The address is served by a traced socket whose half never showed: not accepted yet, or a datagram read without its
 * sender. Or the other way round: a datagram came from a traced socket that had sent it to a group. */
static bool match_served(struct model *model, struct flow *flow)
{
    bool datagram = sock_is_datagram(flow->sock);
    bool is_unix = flow->sock->socket.family == AF_UNIX;
    if (to_group(flow) || (flow->side == SIDE_SERVER && !datagram))
        return false;
    match_remember_served(model, flow);
    if (!flow->served)
        return false;
    join_process(model, flow, flow->served, !datagram ? MATCH_NONE : is_unix ? MATCH_PATH : MATCH_EXACT);
    if (!datagram)
        return true;
    flow->peer_socket = flow->served_socket;
    flow->speaks = flow->side == SIDE_SERVER; /* nobody else tells the bytes of this edge */
    return true;
}

static bool match_untraced(struct model *model, struct flow *flow)
{
    struct process *process = untraced_end(model, flow->sock, flow->peer, flow->local);
    if (!process)
        process = untraced_server(model, flow->sock, flow->peer);
    if (!process)
        return false;
    join_process(model, flow, process, MATCH_UNTRACED);
    return true;
}

static bool match_external(struct model *model, struct flow *flow)
{
    struct process *external = edge_external(model, flow->sock, flow->peer);
    if (!external)
        return false;
    join_process(model, flow, external, MATCH_EXTERNAL);
    return true;
}

void match_late(struct model *model, struct flow *flow)
{
    struct sock *sock = flow->sock;
    bool datagram = sock_is_datagram(sock);
    if (datagram && !flow->used)
        return;
    enum state state = sock->unheld ? sock->open_state : sock->socket.state;
    if (!datagram && state == STATE_CONNECTING && sock->unheld && !sock->failure_counted)
        match_failed(model, sock); /* given up before the kernel answered */
    if (!datagram && state != STATE_ESTABLISHED)
        return;
    if (match_simultaneous(model, flow) || match_credentials(model, flow) || match_nat(model, flow) ||
        match_served(model, flow) || match_untraced(model, flow))
        return;
    match_external(model, flow);
}

void match_failed(struct model *model, struct sock *sock)
{
    const struct address *peer = &sock->socket.peer;
    struct sock *server = listener_find(model, sock, peer);
    bool is_unix = sock->socket.family == AF_UNIX;
    struct process *to = server && server != sock ? server->socket.owner : NULL;
    enum match match = is_unix ? MATCH_PATH : MATCH_EXACT;
    if (!to && (to = untraced_server(model, sock, peer)))
        match = MATCH_UNTRACED;
    if (!to && (to = edge_external(model, sock, peer)))
        match = MATCH_EXTERNAL;
    if (!to)
        return;
    sock->flow.target = sock->socket.peer_process = to;
    edge_fail(model, sock, to, match);
}

/* ---- Socket pairs ---- */

/* Who has an end that nobody was seen to use: whoever still holds it, rather than who made it. */
static struct process *pair_user(const struct model *model, const struct sock *sock)
{
    struct process *owner = sock->socket.owner;
    if (sock->rank > RANK_CREATED)
        return owner;
    for (unsigned i = sock->socket.holders_count; i-- > 0;) {
        struct process *process = model->processes[sock->socket.holders[i]];
        if (process->kind == PROCESS_TRACED && descriptor_holds((const struct task *)process, sock))
            return process;
    }
    return owner;
}

void match_pair(struct model *model, struct sock *a, struct sock *b)
{
    if (a->flow.match)
        return;
    if (a->socket.id > b->socket.id) {
        struct sock *swap = a;
        a = b;
        b = swap;
    }
    struct process *creator = a->creator;
    struct sock *ends[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        struct sock *sock = ends[i];
        sock->socket.owner = pair_user(model, sock);
        sock->flow.sock = sock;
        sock->flow.local = &sock->socket.local;
        sock->flow.peer = &sock->socket.peer;
        sock->flow.side = SIDE_UNKNOWN;
        sock->flow.start_ns = sock->socket.opened_ns;
    }
    if (b->socket.owner == creator && a->socket.owner != creator)
        b->flow.side = SIDE_CLIENT;
    else
        a->flow.side = SIDE_CLIENT;
    if (a->flow.side == SIDE_CLIENT)
        b->flow.side = SIDE_SERVER;
    else
        a->flow.side = SIDE_SERVER;
    join(model, &a->flow, &b->flow, MATCH_PAIR);
}

/* ---- Before anything is settled ---- */

struct process *match_so_far(const struct model *model, const struct sock *sock)
{
    if (sock->pair)
        return pair_user(model, sock->pair);
    const struct flow *flow = sock->flow.sock ? &sock->flow : sock->datagrams;
    while (flow && flow->next)
        flow = flow->next; /* the first one it met */
    if (!flow || flow->target)
        return flow ? flow->target : NULL;
    if (!address_known(flow->peer) || to_group(flow))
        return NULL;
    struct process *process = untraced_end_so_far(model, sock, flow->peer, flow->local);
    return process || flow->side == SIDE_SERVER ? process : untraced_server(model, sock, flow->peer);
}
