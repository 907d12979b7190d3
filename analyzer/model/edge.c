/* SPDX-License-Identifier: MIT
 *
 * Edges: what conversations add up to, by who talked to whom, transport, served address and kind of match; and the
 * external nodes at their ends. Called by model.c.
 */
#include "analyzer/model/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* An edge with where it is filed. */
struct edge_entry {
    struct edge edge;
    struct table_link by_key;
    unsigned class;
    uint64_t unaccepted; /* connections that wait in the queue of a listener, or did until the end */
    bool moved;          /* all that it had is another edge's now */
};

struct external {
    struct process process;
    struct table_link by_address;
    const struct network *network; /* of a loopback or link-local address, else NULL */
};

static const struct address unknown_address = {.family = 0};

/* ---- External nodes ---- */

static bool nameable(const struct address *address)
{
    return (address->family == AF_INET || address->family == AF_INET6 || address->family == AF_VSOCK ||
            (address->family == AF_UNIX && address->size));
}

/* A datagram socket that is counted among those of an edge, as it may have exchanges with several peers there. */
struct counted {
    struct table_link by_both;
    const struct edge *edge;
    uint64_t socket;
};

struct process *edge_external(struct model *model, const struct half *half)
{
    const struct address *address = &half->peer;
    if (!nameable(address))
        return NULL;
    struct address bare = *address;
    if (bare.family != AF_VSOCK)
        bare.port = 0;
    bool is_unix = bare.family == AF_UNIX;
    /* 127.0.0.0/8: one host, however many of them are used; but its broadcast address is none. */
    if (bare.family == AF_INET && address_is_loopback(&bare) && !half->to_group)
        memcpy(bare.bytes, (unsigned char[]){127, 0, 0, 1}, 4);
    bool local = address_is_loopback(&bare) || address_is_any(&bare) || (is_unix && !bare.bytes[0]) || bare.scope;
    const struct network *network = local ? half->network : NULL;
    unsigned host = local || is_unix ? half->host : 0;
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
    external->process.located = local;
    external->network = network;
    table_insert(&model->nodes, &external->by_address, hash);
    return store_process(model, &external->process);
}

/* ---- Edges ---- */

static struct edge *edge_get(struct model *model, const struct half *half, struct process *from, struct process *to,
                             const struct address *server, enum match match)
{
    unsigned class = half->family == AF_UNIX ? AF_UNIX << 16 : half->class; /* one transport */
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
                                .family = half->family,
                                .type = half->type,
                                .protocol = half->protocol,
                                .server = *server,
                                .match = match};
    table_insert(&model->edges_table, &entry->by_key, hash);
    model->edges = store_grow(model->edges, model->edges_count, &model->edges_capacity, sizeof *model->edges);
    model->edges[model->edges_count++] = &entry->edge;
    return &entry->edge;
}

static void edge_seen(const struct model *model, struct edge *edge, const struct half *half, uint64_t time_ns)
{
    if (!time_ns)
        return;
    uint64_t wall = store_wall(model, half->host, time_ns);
    if (!edge->first_ns || wall < edge->first_ns)
        edge->first_ns = wall;
    if (wall > edge->last_ns)
        edge->last_ns = wall;
}

/* What the initiator connected to. */
static const struct address *served(const struct half *from, const struct half *to, enum match match, bool failed)
{
    if (match == MATCH_PAIR)
        return &unknown_address;
    if (from && address_known(&from->peer) && (from->peer.size || failed))
        return &from->peer;
    return to && address_known(&to->local) ? &to->local : &unknown_address;
}

const struct address *model_served(const struct half *half, const struct half *mate)
{
    bool answered = half->initiator == INITIATOR_PEER || (!half->initiator && half->side == SIDE_SERVER);
    return served(answered ? mate : half, answered ? half : mate, half->match, outcome_failed(half->outcome));
}

bool edge_count(struct model *model, const struct edge *edge, uint64_t socket)
{
    uint64_t hash = hash_numbers((uintptr_t)edge, socket);
    for (struct table_link *link = table_first(&model->counted, hash); link; link = table_next(link)) {
        const struct counted *counted = TABLE_OF(link, struct counted, by_both);
        if (counted->edge == edge && counted->socket == socket)
            return false;
    }
    struct counted *counted = store_alloc(sizeof *counted);
    counted->edge = edge;
    counted->socket = socket;
    table_insert(&model->counted, &counted->by_both, hash);
    return true;
}

/* Whether the socket of `half` is to be counted: once for all of its peers, attempts and connections there. */
static bool count_socket(struct model *model, const struct edge *edge, const struct half *half)
{
    return half && (half->only || edge_count(model, edge, half->socket));
}

static void add_sent(struct edge *edge, uint64_t bytes)
{
    edge->sent_known = true;
    edge->bytes_sent += bytes;
}

static void add_received(struct edge *edge, uint64_t bytes)
{
    edge->received_known = true;
    edge->bytes_received += bytes;
}

void edge_errors_add(struct edge_errors *to, uint16_t error, uint64_t count)
{
    unsigned i = 0;
    while (i < to->kinds && to->of[i].error != error)
        i++;
    if (i == EDGE_ERRORS_MAX)
        return;
    if (i == to->kinds)
        to->of[to->kinds++] = (struct edge_error){.error = error};
    to->of[i].count += count;
}

void edge_errors_merge(struct edge_errors *to, const struct edge_errors *from)
{
    for (unsigned i = 0; i < from->kinds; i++)
        edge_errors_add(to, from->of[i].error, from->of[i].count);
}

static void add_failed(struct model *model, struct edge *edge, const struct half *half)
{
    bool unanswered = half->outcome == OUTCOME_UNANSWERED;
    edge->failed++;
    edge->unanswered += unanswered;
    edge->retransmits += half->tcp_known ? half->retransmits : 0;
    edge_errors_add(&edge->errors, unanswered ? 0 : half->error, 1);
    if (half->error)
        edge->error = half->error;
    edge->sockets += count_socket(model, edge, half);
    edge_seen(model, edge, half, half->start_ns);
    if (half->connect_ns != UINT64_MAX)
        edge_seen(model, edge, half, half->start_ns + half->connect_ns);
    else /* given up */
        edge_seen(model, edge, half, half->closed_ns);
}

/* Datagrams and socket pairs connect to nobody. */
static void add_times(struct edge *edge, const struct half *from, const struct half *to)
{
    const struct half *first = from ? from : to, *told = from && from->tcp_known && from->rtt_us ? from : to;
    uint64_t closed_ns = from && from->closed_ns ? from->closed_ns : to && !from ? to->closed_ns : 0;
    if (first->datagram || edge->match == MATCH_PAIR)
        return;
    if (from && from->outcome == OUTCOME_ESTABLISHED && from->connect_ns != UINT64_MAX)
        spread_add(&edge->connect_us, from->connect_ns / 1000);
    if (told && told->tcp_known && told->rtt_us)
        spread_add(&edge->rtt_us, told->rtt_us);
    if (first->start_ns && closed_ns > first->start_ns && !first->open)
        spread_add(&edge->lifetime_us, (closed_ns - first->start_ns) / 1000);
}

static void add_conversation(struct model *model, struct edge *edge, const struct half *from, const struct half *to)
{
    const struct half *first = from ? from : to;
    bool closed = (from && !from->open) || (to && !to->open);
    edge->connections++;
    if (edge->match == MATCH_NONE && first->served && (first->served_near || first->family == AF_UNIX))
        ((struct edge_entry *)edge)->unaccepted++; /* no translation on the way */
    edge->open += !closed;
    edge->reset += (from && from->end == END_RESET) || (to && to->end == END_RESET);
    edge->retransmits += from && from->tcp_known ? from->retransmits : 0;
    edge->retransmits += to && to->tcp_known ? to->retransmits : 0;
    edge->sockets += count_socket(model, edge, from);
    edge->sockets += count_socket(model, edge, to);
    add_times(edge, from, to);
    edge_seen(model, edge, first, first->start_ns);
    if (from)
        edge_seen(model, edge, from, from->closed_ns);
    if (to)
        edge_seen(model, edge, to, to->closed_ns);
    if (from && from->sent_known)
        add_sent(edge, from->bytes_sent);
    else if (to && to->received_known)
        add_sent(edge, to->bytes_received);
    if (from && from->received_known)
        add_received(edge, from->bytes_received);
    else if (to && to->sent_known)
        add_received(edge, to->bytes_sent);
}

void edge_add(struct model *model, const struct conversation *conversation)
{
    const struct half *from = conversation->from, *to = conversation->to;
    const struct model_callbacks *callbacks = &model->callbacks;
    if (!from && !to)
        return;
    if (from)
        host_address_learn(model, from->host, &from->local);
    if (to)
        host_address_learn(model, to->host, &to->local);
    if (callbacks->conversation_wanted && !callbacks->conversation_wanted(callbacks->wanted, conversation))
        return;
    struct edge *edge = edge_get(model, from ? from : to, conversation->from_process, conversation->to_process,
                                 served(from, to, conversation->match, conversation->failed), conversation->match);
    model->edge_latest = edge;
    if (conversation->failed && from)
        add_failed(model, edge, from);
    else
        add_conversation(model, edge, from, to);
    if (from && from->peer_name)
        edge->name = from->peer_name;
}

/* ---- The end ---- */

/* Who is known to listen there from records that came later, because the earlier ones were overwritten. NULL: nobody.
 */
static struct process *told_server(const struct model *model, const struct edge *edge)
{
    const struct address *address = &edge->server;
    for (unsigned i = 0; model->overwritten && i < model->listeners_count; i++) {
        const struct listener *listener = model->listeners[i];
        bool any = address_is_any(&listener->address) && listener->address.port == address->port &&
                   address_is_loopback(address);
        if (listener->process->incomplete && listener->process->host == edge->from->host &&
            listener->type == edge->type && (any || address_equal(&listener->address, address)))
            return listener->process;
    }
    return NULL;
}

/* An address that turned out to be served by an untraced process only after connections to it were over, or by one that
 * had listened there all along. */
static void edge_retarget(struct model *model, struct edge *edge)
{
    if (edge->from->kind != PROCESS_TRACED || edge->to->kind != PROCESS_EXTERNAL)
        return;
    const struct task *task = (const struct task *)edge->from;
    struct sock like = {.socket = {.family = edge->family, .type = edge->type, .protocol = edge->protocol}};
    struct half asker = {.host = edge->from->host,
                         .network = task->network,
                         .family = edge->family,
                         .type = edge->type,
                         .protocol = edge->protocol,
                         .class = sock_class(&like),
                         .peer = edge->server};
    struct process *process = edge->match == MATCH_EXTERNAL ? untraced_server(model, &asker) : NULL;
    enum match match = process ? MATCH_UNTRACED : MATCH_NONE;
    if (!process)
        process = told_server(model, edge);
    if (!process)
        return;
    struct edge *same = edge_get(model, &asker, edge->from, process, &edge->server, match);
    same->connections += edge->connections;
    same->open += edge->open;
    same->failed += edge->failed;
    same->unanswered += edge->unanswered;
    same->reset += edge->reset;
    same->retransmits += edge->retransmits;
    edge_errors_merge(&same->errors, &edge->errors);
    spread_merge(&same->connect_us, &edge->connect_us);
    spread_merge(&same->rtt_us, &edge->rtt_us);
    spread_merge(&same->lifetime_us, &edge->lifetime_us);
    if (edge->error)
        same->error = edge->error;
    same->sockets += edge->sockets;
    if (edge->sent_known)
        add_sent(same, edge->bytes_sent);
    if (edge->received_known)
        add_received(same, edge->bytes_received);
    if (!same->first_ns || edge->first_ns < same->first_ns)
        same->first_ns = edge->first_ns;
    if (edge->last_ns > same->last_ns)
        same->last_ns = edge->last_ns;
    if (!same->name)
        same->name = edge->name;
    ((struct edge_entry *)edge)->moved = true;
}

/* An address that the initiator looked no name up for, or only itself. */
static void edge_name(const struct model *model, struct edge *edge)
{
    char address[ADDRESS_TEXT_MAX];
    const char *text = edge->name ? address_text(&edge->server, address) : NULL;
    if (edge->name && (!text || strcmp(edge->name, text) != 0))
        return;
    const char *name = note_host_name_of(model, edge->from->host, &edge->server);
    edge->name = name ? name : edge->name;
}

static void half_matched(struct model *model, const struct edge *edge)
{
    char address[ADDRESS_TEXT_MAX], detail[ADDRESS_TEXT_MAX + 128];
    /* What a traced listener never accepted has no other half. */
    bool unseen = edge->to->incomplete || edge->to->accepts_unseen;
    uint64_t unaccepted = unseen ? 0 : ((const struct edge_entry *)edge)->unaccepted;
    uint64_t halves = edge->connections - unaccepted;
    if (edge->match != MATCH_NONE || !halves)
        return;
    snprintf(detail, sizeof detail, "%llu connection%s to %s: the other half is not in the trace",
             (unsigned long long)halves, halves == 1 ? "" : "s", address_text_port(&edge->server, address));
    coverage_add(model, edge->from, SOCKATLAS_COVERAGE_HALF_MATCHED, detail);
}

/* An address that is a traced host's: nobody there had the connection, or a record of it. */
static void locate_externals(struct model *model)
{
    for (unsigned i = 0; i < model->listeners_count; i++)
        host_address_learn(model, model->listeners[i]->process->host, &model->listeners[i]->address);
    for (unsigned i = 0; i < model->processes_count; i++) {
        struct process *process = model->processes[i];
        if (process->kind == PROCESS_EXTERNAL && !process->located)
            process->located = host_address_find(model, &process->address, &process->host);
    }
}

void edge_free(struct edge *edge)
{
    spread_free(&edge->connect_us);
    spread_free(&edge->rtt_us);
    spread_free(&edge->lifetime_us);
    free(edge); /* its entry, which it stands first in */
}

void edge_finish(struct model *model)
{
    locate_externals(model);
    store_free_entries(&model->counted, offsetof(struct counted, by_both));
    for (unsigned i = 0, count = model->edges_count; i < count; i++)
        edge_retarget(model, model->edges[i]);
    unsigned kept = 0;
    for (unsigned i = 0; i < model->edges_count; i++) {
        struct edge *edge = model->edges[i];
        struct edge_entry *entry = (struct edge_entry *)edge;
        if (entry->moved) {
            table_remove(&model->edges_table, &entry->by_key);
            edge_free(edge);
            continue;
        }
        half_matched(model, edge);
        if (model->host_names_count)
            edge_name(model, edge);
        model->edges[kept++] = edge;
    }
    model->edges_count = kept;
}
