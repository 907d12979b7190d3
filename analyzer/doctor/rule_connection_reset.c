/* SPDX-License-Identifier: MIT
 *
 * Rule: established connections are reset by their peers, again and again. Those of a peer that asks for it (SO_LINGER)
 * are linger-reset's, those that were closed long before stale-connection's.
 */
#include "analyzer/doctor/internal.h"

#include <errno.h>

/* One or two may be a program that was killed. */
#define LEAST 3
/* As in rule_stale_connection.c. */
#define WHILE_NS (SECOND_NS / 2)

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    const struct chart *chart = sight->chart;
    char address[ADDRESS_TEXT_MAX];
    if (!chart || !chart->tcp || event->error != ECONNRESET || !chart->connected_ns || chart->peer_lingers ||
        (chart->peer_closed_ns && event->time_ns >= chart->peer_closed_ns + WHILE_NS))
        return;
    bool server = sight->socket->role == ROLE_SERVER;
    address_text_port(server ? &chart->local : &chart->peer, address);
    struct finding *finding = finding_see(doctor, rule, sight->process, chart->id, address);
    finding_say(finding, "%llu connections %s %s were reset by their %s%s", (unsigned long long)finding->times,
                server ? "accepted at" : "to", address, server ? "clients" : "server",
                chart->peer_closed_ns ? ", which closed them before it had read all" : "");
    finding_evidence(doctor, finding, chart->host, event->time_ns, chart->id, "ECONNRESET%s",
                     chart->peer_closed_ns ? ", just after its peer closed it" : "");
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (unsigned i = 0; i < doctor->findings_count;)
        if (doctor->findings[i]->rule == rule && doctor->findings[i]->times < LEAST)
            finding_drop(doctor, doctor->findings[i]);
        else
            i++;
}

const struct rule_row rule_connection_reset = {
    .rule = {.name = "connection-reset",
             .severity = SEVERITY_WARNING,
             .title = "connections are reset by their peers",
             .why = "A close() with data unread in the socket, or the end of the process, resets the connection: what "
                    "was on its way to the other end, the last answer included, may be lost.",
             .remedy = "Let the end that closes read until the other one has ended (or shutdown() its sending side and "
                       "read what still comes), and look in its log why it closed: a limit on the request, a timeout, "
                       "a crash."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_ERROR),
    .on_finish = finish,
};
