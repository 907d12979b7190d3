/* SPDX-License-Identifier: MIT
 *
 * Rule: many datagrams that traced programs sent to a port of their own host were never read there. Asked where all
 * counts are known: every socket of that port closed, none with unknown counts.
 */
#include "analyzer/doctor/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A few are what UDP is allowed to lose, or came behind the last that the program wanted. */
#define LEAST         20
#define LEAST_PERCENT 5

/* All sockets of one port, and what was sent there. */
struct port {
    UT_hash_handle hh;
    struct port_key {
        uint64_t netns;
        unsigned host;
        uint32_t number;
    } key;
    uint64_t sent, received, senders;
    struct address to; /* the address that was sent to */
    bool several;      /* more than one such address */
    bool unknown;      /* a count that is not known */
    unsigned readers;
    bool narrow; /* a reader is bound to one address */
    const struct process *process;
    uint64_t socket, rcvbuf, last_ns;
};

static struct port *port_of(struct doctor *doctor, const struct chart *chart, unsigned number)
{
    struct port *all = doctor->notes[RULE_lost_datagrams], *port;
    struct port_key key;
    memset(&key, 0, sizeof key);
    key.netns = chart->netns;
    key.host = chart->host;
    key.number = number;
    HASH_FIND(hh, all, &key, sizeof key, port);
    if (port)
        return port;
    if (!(port = calloc(1, sizeof *port)))
        abort();
    port->key = key;
    HASH_ADD(hh, all, key, sizeof port->key, port);
    doctor->notes[RULE_lost_datagrams] = all;
    return port;
}

static bool is_inet(unsigned family)
{
    return family == AF_INET || family == AF_INET6;
}

static void add_sent(struct doctor *doctor, const struct chart *chart, const struct address *to, uint64_t messages)
{
    if (messages == 0 || !is_inet(to->family) || to->port == 0)
        return;
    struct port *port = port_of(doctor, chart, to->port);
    if (!port->sent)
        port->to = *to;
    port->several = port->several || !address_equal(&port->to, to);
    port->sent += messages;
    port->senders++;
}

/* A socket with several peers tells of each. */
static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct sockatlas_body_peer_total *body = event_body(sight->event);
    struct address peer;
    (void)rule;
    if (sight->event->kind != SOCKATLAS_PEER_TOTAL || !sight->chart || sight->chart->type != SOCK_DGRAM)
        return;
    event_addresses(sight->event, &peer, NULL);
    add_sent(doctor, sight->chart, &peer, body->messages_sent);
    sight->chart->peers_told = true;
}

static void see_socket(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    (void)rule;
    if (socket->type != SOCK_DGRAM || !is_inet(socket->family))
        return;
    if (!chart->peers_told && socket->peers <= 1)
        add_sent(doctor, chart, &socket->peer, socket->messages_sent);
    if (!is_inet(socket->local.family) || socket->local.port == 0)
        return;
    struct port *port = port_of(doctor, chart, socket->local.port);
    port->unknown = port->unknown || !socket->closed_ns || !socket->received_known;
    port->narrow = port->narrow || !address_is_any(&socket->local);
    port->received += socket->messages_received;
    port->readers++;
    port->process = socket->owner;
    port->socket = socket->id;
    port->rcvbuf = socket->rcvbuf;
    port->last_ns = socket->closed_ns;
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (const struct port *at = doctor->notes[RULE_lost_datagrams]; at; at = at->hh.next) {
        char address[ADDRESS_TEXT_MAX];
        if (!at->readers || at->unknown || (at->several && at->narrow) || at->received >= at->sent)
            continue;
        uint64_t lost = at->sent - at->received;
        if (lost < LEAST || lost * 100 < at->sent * LEAST_PERCENT)
            continue;
        address_text_port(&at->to, address);
        struct finding *finding = finding_see(doctor, rule, at->process, at->socket, address);
        finding->times = lost;
        finding_say(finding, "%llu of %llu datagrams sent to %s were lost: %llu were received",
                    (unsigned long long)lost, (unsigned long long)at->sent, address, (unsigned long long)at->received);
        finding_evidence(doctor, finding, at->key.host, at->last_ns, at->socket, "closed after %llu datagrams",
                         (unsigned long long)at->received);
        if (at->rcvbuf)
            finding_evidence(doctor, finding, at->key.host, 0, at->socket, "its receive buffer was %llu bytes",
                             (unsigned long long)at->rcvbuf);
    }
}

static void free_all(void *notes)
{
    struct port *all = notes, *at = all, *next;
    HASH_CLEAR(hh, all);
    for (; at; at = next) {
        next = at->hh.next;
        free(at);
    }
}

const struct rule_row rule_lost_datagrams = {
    .rule = {.name = "lost-datagrams",
             .severity = SEVERITY_WARNING,
             .title = "datagrams were lost",
             .why = "UDP tells nobody: what comes faster than the program reads, and does not fit its receive buffer, "
                    "is dropped; so is what comes before the socket is bound, or after it is closed.",
             .remedy = "Read sooner or more at once (recvmmsg()), set a larger SO_RCVBUF (net.core.rmem_max bounds "
                       "it), or have the sender wait for answers. `nstat -az UdpRcvbufErrors` counts them."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_PEER_TOTAL),
    .on_socket = see_socket,
    .on_finish = finish,
    .free = free_all,
};
