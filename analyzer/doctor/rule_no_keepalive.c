/* SPDX-License-Identifier: MIT
 *
 * Rule: a connection was idle for long with nothing to tell whether its peer still lives.
 */
#include "analyzer/doctor/internal.h"

#include <netinet/tcp.h>

/* The shortest idle timeouts of NAT gateways and load balancers on the way. */
#define IDLE_MS 300000

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    const struct chart *chart = sight->chart;
    struct sockatlas_tcp tcp;
    if (event->kind != SOCKATLAS_CLOSE || !chart || !chart->tcp || chart->keepalive || chart->user_timeout ||
        address_is_loopback(&chart->peer) || !address_known(&chart->peer) || !event_tcp(event, &tcp) ||
        (tcp.state != TCP_ESTABLISHED && tcp.state != TCP_CLOSE_WAIT))
        return;
    uint32_t idle = tcp.last_data_sent_ms < tcp.last_data_recv_ms ? tcp.last_data_sent_ms : tcp.last_data_recv_ms;
    if (idle < IDLE_MS || (chart->connected_ns && event->time_ns - chart->connected_ns < IDLE_MS * 1000000ull))
        return;
    char peer[ADDRESS_TEXT_MAX];
    const struct address *served = sight->socket->role == ROLE_SERVER ? &chart->local : &chart->peer;
    struct finding *finding = finding_see(doctor, rule, sight->process, chart->id, address_text_port(served, peer));
    address_text_port(&chart->peer, peer);
    finding_say(finding, "the connection with %s was idle for %u s without SO_KEEPALIVE or TCP_USER_TIMEOUT", peer,
                idle / 1000);
    finding_evidence(doctor, finding, chart->host, event->time_ns, chart->id,
                     "at close(%d): last sent %u s, last received %u s before", event->fd, tcp.last_data_sent_ms / 1000,
                     tcp.last_data_recv_ms / 1000);
}

const struct rule_row rule_no_keepalive = {
    .rule = {.name = "no-keepalive",
             .severity = SEVERITY_WARNING,
             .title = "a long idle connection without keepalive",
             .why =
                 "Gateways forget idle connections in silence, and hosts go away without a word: neither end notices "
                 "until it sends, and a reader waits for ever.",
             .remedy = "Set SO_KEEPALIVE with TCP_KEEPIDLE well below the gateways' timeouts (60 s, say), and "
                       "TCP_USER_TIMEOUT for data that stays unacknowledged."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CLOSE),
};
