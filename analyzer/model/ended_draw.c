/* SPDX-License-Identifier: MIT
 *
 * Connections that only the kernel's notices tell of, as edges: between the programs that were seen to have them, else
 * between addresses. Called by ended.c; adds to edges and nodes.
 */
#include "analyzer/model/internal.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* A connection's client has had its SYN acknowledged beside its FIN; else the end at the lower port serves. */
static bool is_client(const struct ended_connection *one, const struct ended_connection *other)
{
    if (one->acked == 2)
        return true;
    if (other && other->acked == 2)
        return false;
    return one->local.port > one->peer.port;
}

static struct half half_of(const struct ended_connection *connection, bool client)
{
    struct half half = {.host = connection->host,
                        .network = connection->network,
                        .family = connection->local.family,
                        .type = SOCK_STREAM,
                        .protocol = IPPROTO_TCP,
                        .class = AF_INET << 16 | SOCK_STREAM << 8,
                        .local = connection->local,
                        .peer = connection->peer,
                        .counts_socket = true,
                        .side = client ? SIDE_CLIENT : SIDE_SERVER,
                        .closed_ns = connection->time_ns,
                        .outcome = OUTCOME_ESTABLISHED,
                        .connect_ns = UINT64_MAX,
                        .tcp_known = true,
                        .rtt_us = connection->tcp.rtt_us,
                        .retransmits = connection->tcp.retransmits};
    struct ended_counts counts = ended_counts(&connection->counted, &connection->tcp, half.side, true);
    half.sent_known = counts.sent_known;
    half.received_known = counts.received_known;
    half.bytes_sent = counts.bytes_sent;
    half.bytes_received = counts.bytes_received;
    half.end = counts.torn ? END_RESET : counts.in_order ? END_CLOSED : END_UNKNOWN;
    return half;
}

/* The node of an end of which nobody knows whose it was. */
static struct process *by_address(struct model *model, const struct half *half, const struct address *address)
{
    struct half asker = *half;
    asker.peer = *address;
    return edge_external(model, &asker);
}

/* `other`: its other end, where that is in no log either. */
void ended_draw(struct model *model, const struct ended_connection *one, const struct ended_connection *other)
{
    bool client = is_client(one, other);
    struct half half = half_of(one, client), far = {.host = 0};
    if (other)
        far = half_of(other, !client);
    struct process *near = one->process ? one->process : by_address(model, &half, &half.local);
    struct process *away = other && other->process ? other->process : by_address(model, &half, &half.peer);
    if (!near || !away)
        return;
    bool named = one->process || (other && other->process);
    half.process = near;
    far.process = away;
    struct conversation conversation = {.from = client  ? &half
                                                : other ? &far
                                                        : NULL,
                                        .to = client ? (other ? &far : NULL) : &half,
                                        .from_process = client ? near : away,
                                        .to_process = client ? away : near,
                                        .match = named ? MATCH_UNTRACED : MATCH_EXTERNAL};
    edge_add(model, &conversation);
}
