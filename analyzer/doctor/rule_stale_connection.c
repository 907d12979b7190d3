/* SPDX-License-Identifier: MIT
 *
 * Rule: something was sent on a connection that its peer had closed a while before, as one that is kept in a pool.
 */
#include "analyzer/doctor/internal.h"

#include <errno.h>

/* What is closed while a request is on its way is no mistake of who sends it. */
#define WHILE_NS (SECOND_NS / 2)

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    struct chart *chart = sight->chart;
    char address[ADDRESS_TEXT_MAX];
    if (!chart || !chart->tcp || (event->error != EPIPE && event->error != ECONNRESET) || !chart->peer_closed_ns ||
        event->time_ns < chart->peer_closed_ns + WHILE_NS)
        return;
    double before = (double)(event->time_ns - chart->peer_closed_ns) / 1e9;
    address_text_port(&chart->peer, address);
    struct finding *finding = finding_see(doctor, rule, sight->process, chart->id, address);
    finding_say(finding, "a connection to %s was used that its peer had closed %.1f s before%s", address, before,
                finding->times > 1 ? "; so were others" : "");
    finding_evidence(doctor, finding, chart->host, chart->peer_closed_ns, chart->id, "its peer closes it");
    finding_evidence(doctor, finding, chart->host, event->time_ns, chart->id,
                     event->error == EPIPE ? "EPIPE: broken pipe" : "ECONNRESET: reset by its peer");
}

const struct rule_row rule_stale_connection = {
    .rule = {.name = "stale-connection",
             .severity = SEVERITY_WARNING,
             .title = "a connection was used that its peer had closed",
             .why = "The first thing sent on it seems to arrive and is lost; only what comes after meets the error. "
                    "Pools that keep connections longer than the server does lose a request each time.",
             .remedy = "Keep idle connections for less time than the server's idle timeout, look for the end (a read "
                       "of 0, POLLRDHUP) before one is used again, and try once more on a new one."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_ERROR),
};
