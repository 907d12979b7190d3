/* SPDX-License-Identifier: MIT
 *
 * Edges: who talked to whom, by transport, served address and kind of match; and the external nodes at their ends.
 * Called by match.c, sock_life.c and model.c.
 */
#include "analyzer/model/internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* An edge with where it is filed. */
struct edge_entry {
    struct edge edge;
    struct table_link by_key;
    unsigned class;
    unsigned told; /* conversations whose bytes are in the edge's */
};

struct external {
    struct process process;
    struct table_link by_address;
    struct network *network; /* of a loopback or link-local address, else NULL */
};

static const struct address unknown_address = {.family = 0};

/* ---- External nodes ---- */

static bool nameable(const struct address *address)
{
    return (address->family == AF_INET || address->family == AF_INET6 || address->family == AF_VSOCK ||
            (address->family == AF_UNIX && address->size));
}

struct process *edge_external(struct model *model, const struct sock *sock, const struct address *address)
{
    if (!nameable(address))
        return NULL;
    struct address bare = *address;
    if (bare.family != AF_VSOCK)
        bare.port = 0;
    bool is_unix = bare.family == AF_UNIX;
    bool local = address_is_loopback(&bare) || address_is_any(&bare) || (is_unix && !bare.bytes[0]) || bare.scope;
    struct network *network = local ? sock->network : NULL;
    unsigned host = local || is_unix ? sock->socket.host : 0;
    uint64_t hash = address_hash(&bare, hash_numbers((uintptr_t)network, host));
    for (struct table_link *link = table_first(&model->nodes, hash); link; link = table_next(link)) {
        struct external *external = TABLE_OF(link, struct external, by_address);
        if (external->network == network && external->process.host == host &&
            address_equal(&external->process.address, &bare))
            return &external->process;
    }
    struct external *external = store_alloc(sizeof *external);
    external->process =
        (struct process){.kind = PROCESS_EXTERNAL, .host = host, .comm = "", .exe = "", .cmdline = "", .address = bare};
    external->network = network;
    table_insert(&model->nodes, &external->by_address, hash);
    return store_process(model, &external->process);
}

/* ---- Edges ---- */

static struct edge *edge_get(struct model *model, const struct sock *sock, struct process *from, struct process *to,
                             const struct address *server, enum match match)
{
    unsigned class = sock->socket.family == AF_UNIX ? AF_UNIX << 16 : sock_class(sock); /* one transport */
    uint64_t hash =
        hash_numbers((uint64_t)from->id << 32 | to->id, address_hash(server, (uint64_t)match << 32 | class));
    for (struct table_link *link = table_first(&model->edges_table, hash); link; link = table_next(link)) {
        struct edge_entry *entry = TABLE_OF(link, struct edge_entry, by_key);
        struct edge *edge = &entry->edge;
        if (edge->from == from && edge->to == to && edge->match == match && entry->class == class &&
            (address_equal(&edge->server, server) || (!address_known(server) && !address_known(&edge->server))))
            return edge;
    }
    struct edge_entry *entry = store_alloc(sizeof *entry);
    entry->class = class;
    entry->edge = (struct edge){.from = from,
                                .to = to,
                                .family = sock->socket.family,
                                .type = sock->socket.type,
                                .protocol = sock->socket.protocol,
                                .server = *server,
                                .match = match};
    table_insert(&model->edges_table, &entry->by_key, hash);
    model->edges = store_grow(model->edges, model->edges_count, &model->edges_room, sizeof *model->edges);
    model->edges[model->edges_count++] = &entry->edge;
    return &entry->edge;
}

static void edge_seen(const struct model *model, struct edge *edge, const struct sock *sock, uint64_t time_ns)
{
    if (!time_ns)
        return;
    uint64_t wall = store_wall(model, sock->socket.host, time_ns);
    if (!edge->first_ns || wall < edge->first_ns)
        edge->first_ns = wall;
    if (wall > edge->last_ns)
        edge->last_ns = wall;
}

/* What the initiator connected to. */
static const struct address *served(const struct flow *from, const struct flow *to)
{
    if (from && from->match == MATCH_PAIR)
        return &unknown_address;
    if (from && address_known(from->peer) && from->peer->size)
        return from->peer;
    return to && address_known(to->local) ? to->local : &unknown_address;
}

/* Whether the socket of `flow` takes part in an edge otherwise: a datagram socket may by several of its peers. */
static bool counted_there(const struct flow *flow, const struct edge *edge)
{
    for (const struct flow *other = flow->sock->datagrams; other; other = other->next)
        if (other != flow && other->edge == edge)
            return true;
    return false;
}

void edge_join(struct model *model, struct flow *from, struct flow *to, struct process *from_process,
               struct process *to_process, enum match match)
{
    struct flow *flow = from ? from : to;
    if (!from_process || !to_process)
        return;
    struct edge *edge = edge_get(model, flow->sock, from_process, to_process, served(from, to), match);
    edge->connections++;
    edge->sockets += (from && !counted_there(from, edge)) + (to && !counted_there(to, edge));
    if (from) {
        from->edge = edge;
        from->initiates = true;
        edge_seen(model, edge, from->sock, from->start_ns);
        if (from->sock->socket.peer_name)
            edge->name = from->sock->socket.peer_name;
    }
    if (to) {
        to->edge = edge;
        to->initiates = false;
        if (!from)
            edge_seen(model, edge, to->sock, to->start_ns);
    }
    if (from && from->sock->unheld)
        edge_seen(model, edge, from->sock, from->sock->socket.closed_ns);
    if (to && to->sock->unheld)
        edge_seen(model, edge, to->sock, to->sock->socket.closed_ns);
    if ((from && from->sock->unheld) || (to && to->sock->unheld))
        return;
    edge->open++;
    if (from)
        from->counted = true;
    if (to)
        to->counted = true;
}

void edge_fail(struct model *model, struct sock *sock, struct process *to, enum match match)
{
    if (!sock->socket.owner)
        return;
    struct edge *edge = edge_get(model, sock, sock->socket.owner, to, &sock->socket.peer, match);
    edge->failed++;
    if (sock->socket.error)
        edge->error = sock->socket.error;
    if (!sock->failure_counted)
        edge->sockets++;
    sock->failure_counted = true;
    if (sock->socket.peer_name)
        edge->name = sock->socket.peer_name;
    edge_seen(model, edge, sock, sock->socket.connect_started_ns);
    if (sock->socket.connect_ns != UINT64_MAX)
        edge_seen(model, edge, sock, sock->socket.connect_started_ns + sock->socket.connect_ns);
    else if (sock->unheld) /* given up */
        edge_seen(model, edge, sock, sock->socket.closed_ns);
}

void edge_flow_closed(struct model *model, struct flow *flow)
{
    if (!flow->edge)
        return;
    edge_seen(model, flow->edge, flow->sock, flow->sock->socket.closed_ns);
    if (!flow->counted)
        return;
    flow->edge->open--;
    flow->counted = false;
    if (flow->mate)
        flow->mate->counted = false;
}

static void edge_bytes(struct edge *edge, uint64_t sent, uint64_t received, unsigned told)
{
    ((struct edge_entry *)edge)->told += told;
    edge->bytes_known = true;
    edge->bytes_sent += sent;
    edge->bytes_received += received;
}

/* What the initiator of `flow`'s conversation told before the conversation moved. */
static void edge_bytes_move(const struct flow *flow, struct edge *old, struct edge *edge)
{
    if (!flow->mate_told)
        return;
    old->bytes_sent -= flow->mate_sent;
    old->bytes_received -= flow->mate_received;
    old->bytes_known = --((struct edge_entry *)old)->told > 0;
    edge_bytes(edge, flow->mate_sent, flow->mate_received, 1);
}

void edge_flow_moves(struct model *model, struct flow *flow, struct process *process)
{
    struct edge *old = flow->edge;
    if (!old) {
        flow->process = process;
        return;
    }
    bool first = flow->initiates;
    bool self = flow->peer_socket == flow->sock->socket.id;
    struct edge *edge = edge_get(model, flow->sock, first || self ? process : old->from,
                                 first && !self ? old->to : process, &old->server, old->match);
    flow->process = process;
    if (self)
        flow->target = process;
    if (flow->mate)
        flow->mate->target = process;
    if (edge == old)
        return;
    bool open = flow->counted || (flow->mate && flow->mate->counted);
    unsigned ends = flow->peer_socket && flow->peer_socket != flow->sock->socket.id ? 2 : 1;
    old->connections--;
    old->sockets -= ends;
    old->open -= open;
    edge->connections++;
    edge->sockets += ends;
    edge->open += open;
    edge_bytes_move(flow, old, edge);
    if (!edge->name)
        edge->name = old->name;
    edge_seen(model, edge, flow->sock, flow->mate && !first ? flow->mate->start_ns : flow->start_ns);
    flow->edge = edge;
    if (flow->mate)
        flow->mate->edge = edge;
}

void edge_flow_reopened(struct flow *flow)
{
    if (!flow->edge || flow->counted || flow->mate_closed || (flow->mate && flow->mate->sock->unheld))
        return;
    flow->counted = true;
    if (flow->mate)
        flow->mate->counted = true;
    flow->edge->open++;
}

void edge_flow_settled(struct flow *flow)
{
    if (!flow->edge)
        return;
    if (!flow->bytes_known && flow == &flow->sock->flow && sock_bytes_known(flow->sock)) {
        flow->bytes_known = true;
        flow->bytes_sent = flow->sock->socket.bytes_sent;
        flow->bytes_received = flow->sock->socket.bytes_received;
    }
    if (flow->sock->lost || flow->sock->untold)
        flow->bytes_known = false;
    bool first = flow->initiates;
    if (first && flow->bytes_known) {
        edge_bytes(flow->edge, flow->bytes_sent, flow->bytes_received, 1);
        if (flow->mate) {
            flow->mate->mate_told = true;
            flow->mate->mate_sent = flow->bytes_sent;
            flow->mate->mate_received = flow->bytes_received;
        }
    } else if (first && flow->mate_known) {
        edge_bytes(flow->edge, flow->mate_received, flow->mate_sent, 1);
    } else if (first && flow->mate) {
        flow->mate->speaks = true;
    } else if (!first && flow->bytes_known) {
        if (flow->mate) {
            flow->mate->mate_known = true;
            flow->mate->mate_sent = flow->bytes_sent;
            flow->mate->mate_received = flow->bytes_received;
        } else if (flow->speaks || !flow->peer_socket) {
            edge_bytes(flow->edge, flow->bytes_received, flow->bytes_sent, 1);
        }
    }
}

/* ---- The end ---- */

/* An address that turned out to be served by an untraced process only after connections to it were over. */
static void edge_retarget(struct model *model, struct edge *edge)
{
    struct sock asker = {.network = NULL};
    if (edge->match != MATCH_EXTERNAL || edge->from->kind != PROCESS_TRACED)
        return;
    asker.socket.host = edge->from->host;
    asker.socket.family = edge->family;
    asker.socket.type = edge->type;
    asker.socket.protocol = edge->protocol;
    asker.network = ((const struct task *)edge->from)->network;
    struct process *process = untraced_server(model, &asker, &edge->server);
    if (!process)
        return;
    struct edge *same = edge_get(model, &asker, edge->from, process, &edge->server, MATCH_UNTRACED);
    same->connections += edge->connections;
    same->open += edge->open;
    same->failed += edge->failed;
    if (edge->error)
        same->error = edge->error;
    same->sockets += edge->sockets;
    if (edge->bytes_known)
        edge_bytes(same, edge->bytes_sent, edge->bytes_received, ((const struct edge_entry *)edge)->told);
    if (!same->first_ns || edge->first_ns < same->first_ns)
        same->first_ns = edge->first_ns;
    if (edge->last_ns > same->last_ns)
        same->last_ns = edge->last_ns;
    if (!same->name)
        same->name = edge->name;
    edge->sockets = 0; /* moved */
}

static void half_matched(struct model *model, const struct edge *edge)
{
    char address[ADDRESS_TEXT_MAX], detail[ADDRESS_TEXT_MAX + 128];
    if (edge->match != MATCH_NONE || !edge->connections)
        return;
    snprintf(detail, sizeof detail, "%llu connection%s to %s: the other half is not in the trace",
             (unsigned long long)edge->connections, edge->connections == 1 ? "" : "s",
             address_text_port(&edge->server, address));
    coverage_add(model, edge->from, SOCKATLAS_COVERAGE_HALF_MATCHED, detail);
}

void edge_finish(struct model *model)
{
    for (unsigned i = 0, count = model->edges_count; i < count; i++)
        edge_retarget(model, model->edges[i]);
    unsigned kept = 0;
    for (unsigned i = 0; i < model->edges_count; i++) {
        struct edge *edge = model->edges[i];
        struct edge_entry *entry = (struct edge_entry *)edge;
        if (edge->sockets == 0) {
            table_remove(&model->edges_table, &entry->by_key);
            free(entry);
            continue;
        }
        half_matched(model, edge);
        model->edges[kept++] = edge;
    }
    model->edges_count = kept;
}
