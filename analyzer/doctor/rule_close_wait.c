/* SPDX-License-Identifier: MIT
 *
 * Rule: the peer closed, and we never did.
 */
#include "analyzer/doctor/internal.h"

#include <netinet/tcp.h>
#include <stdio.h>

/* A program that just learnt of it is no sinner. */
#define LATE_AT_EXIT_NS  SECOND_NS
#define LATE_AT_CLOSE_NS (10 * SECOND_NS)
#define LATE_OPEN_NS     (5 * SECOND_NS)

static struct finding *begin(struct doctor *doctor, const struct rule *rule, const struct chart *chart,
                             const struct process *process, const struct socket *socket)
{
    char key[ADDRESS_TEXT_MAX];
    return finding_see(doctor, rule, process, chart->id,
                       address_text_port(socket->role == ROLE_SERVER ? &chart->local : &chart->peer, key));
}

static void peer_evidence(const struct doctor *doctor, struct finding *finding, const struct chart *chart)
{
    char peer[ADDRESS_TEXT_MAX];
    if (chart->peer_closed_ns)
        finding_evidence(doctor, finding, chart->host, chart->peer_closed_ns, chart->id, "the peer %s closed",
                         address_text_port(&chart->peer, peer));
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    const struct chart *chart = sight->chart;
    struct sockatlas_tcp tcp;
    if (event->kind != SOCKATLAS_CLOSE || !chart || !event_tcp(event, &tcp) || tcp.state != TCP_CLOSE_WAIT)
        return;
    bool at_exit = is_exit_call(event->call), known = chart->peer_closed_ns != 0;
    uint64_t late = known ? event->time_ns - chart->peer_closed_ns : at_exit ? tcp.last_data_recv_ms * 1000000ull : 0;
    if (late < (at_exit ? LATE_AT_EXIT_NS : LATE_AT_CLOSE_NS))
        return;
    struct finding *finding = begin(doctor, rule, chart, sight->process, sight->socket);
    char peer[ADDRESS_TEXT_MAX];
    finding->inferred = finding->inferred || !known;
    finding_say(finding, "%s closed, and this end %s %s%.1f s later", address_text_port(&chart->peer, peer),
                at_exit ? "never did: the process ended" : "only", known ? "" : "up to ", (double)late / 1e9);
    peer_evidence(doctor, finding, chart);
    finding_evidence(doctor, finding, chart->host, event->time_ns, chart->id, "descriptor %d in CLOSE_WAIT %s",
                     event->fd, at_exit ? "when the process ended" : "until close()");
}

/* Still open when the trace ends: nobody read its state, but the peer's close was seen. */
static void see_open(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    if (socket->closed_ns || socket->state != STATE_ESTABLISHED || !chart->peer_closed_ns ||
        doctor->last_ns < chart->peer_closed_ns + LATE_OPEN_NS || chart->last_ns > chart->peer_closed_ns)
        return;
    struct finding *finding = begin(doctor, rule, chart, socket->owner, socket);
    char peer[ADDRESS_TEXT_MAX];
    finding->inferred = true;
    finding_say(finding,
                "%s closed, and this end is still open %.1f s later, when the trace ends (inferred: CLOSE_WAIT)",
                address_text_port(&chart->peer, peer), (double)(doctor->last_ns - chart->peer_closed_ns) / 1e9);
    peer_evidence(doctor, finding, chart);
}

const struct rule_row rule_close_wait = {
    .rule = {.name = "close-wait",
             .severity = SEVERITY_ERROR,
             .title = "the peer closed, and we never did",
             .why = "The socket stays in CLOSE_WAIT and keeps its descriptor and memory until the process ends: a leak "
                    "that grows with every such connection.",
             .remedy =
                 "Close the descriptor when read() returns 0 or an error; look for a path (an exception, a pool, a "
                 "thread that waits elsewhere) that forgets the connection."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CLOSE),
    .on_socket = see_open,
};
