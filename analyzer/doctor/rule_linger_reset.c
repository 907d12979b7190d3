/* SPDX-License-Identifier: MIT
 *
 * Rule: connections are ended by a reset, because of SO_LINGER with a time of 0.
 */
#include "analyzer/doctor/internal.h"

#include <netinet/tcp.h>
#include <stdio.h>

/* States in which such a close() sends a reset: tcp_need_reset() in the kernel. */
static bool resets(unsigned state)
{
    return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2;
}

/* All was acknowledged, and the peer ended its side first and, as far as is known, altogether: it loses nothing. */
static bool is_harmless(const struct doctor *doctor, const struct chart *chart, const struct sockatlas_tcp *tcp)
{
    return tcp->state == TCP_CLOSE_WAIT && !tcp->unacked && !tcp->notsent_bytes &&
           (chart->peer_gone || !chart_by_tuple(doctor, chart, true));
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    struct sockatlas_tcp tcp;
    if (event->kind != SOCKATLAS_CLOSE || !sight->chart || !sight->chart->linger_zero || !event_tcp(event, &tcp) ||
        !resets(tcp.state) || sight->socket->holders_count > 1 || is_harmless(doctor, sight->chart, &tcp))
        return;
    char key[ADDRESS_TEXT_MAX], peer[ADDRESS_TEXT_MAX];
    bool server = sight->socket->role == ROLE_SERVER;
    address_text_port(server ? &sight->socket->local : &sight->socket->peer, key);
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->chart->id, key);
    finding_say(finding, "connections %s %s are closed by a reset: SO_LINGER is {on, 0 s}",
                server ? "accepted on" : "to", key);
    char unsent[32] = "an unknown number of";
    if (tcp.notsent_bytes != UINT32_MAX)
        snprintf(unsent, sizeof unsent, "%u", tcp.notsent_bytes);
    finding_evidence(doctor, finding, sight->chart->host, event->time_ns, sight->chart->id,
                     "close(%d) of the connection with %s resets it; %u segments were unacknowledged, %s bytes unsent",
                     event->fd, address_text_port(&sight->socket->peer, peer), tcp.unacked, unsent);
}

const struct rule_row rule_linger_reset = {
    .rule = {.name = "linger-reset",
             .severity = SEVERITY_WARNING,
             .title = "connections are reset on close",
             .why = "The other end gets ECONNRESET in place of an end of file, and may lose data it has not read yet; "
                    "what was not sent yet is thrown away.",
             .remedy =
                 "Leave SO_LINGER alone, or switch it on with a time above 0. Against connections in TIME_WAIT let "
                 "the client close first, or set SO_REUSEADDR before bind()."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CLOSE),
};
