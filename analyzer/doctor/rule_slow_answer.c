/* SPDX-License-Identifier: MIT
 *
 * Rule: a server took long to answer: a client wrote, then read nothing for a second or more. Needs SOCKATLAS_IO=1.
 */
#include "analyzer/doctor/internal.h"

#include <string.h>

#define SLOW_NS SECOND_NS

/* A read that found nothing yet tells nothing; the write before it is what is waited for. */
static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    const struct event *event = sight->event;
    const struct sockatlas_body_io *body = event_body(event);
    if (event->kind != SOCKATLAS_IO || !chart || sight->socket->role != ROLE_CLIENT || body->result <= 0)
        return;
    if (body->sent) {
        chart->asked_ns = event->time_ns;
        return;
    }
    uint64_t asked_ns = chart->asked_ns;
    chart->asked_ns = 0;
    if (!asked_ns || event->time_ns - asked_ns < SLOW_NS)
        return;
    char peer[ADDRESS_TEXT_MAX];
    double seconds = (double)(event->time_ns - asked_ns) / 1e9;
    address_text_port(&chart->peer, peer);
    struct finding *finding = finding_see(doctor, rule, sight->process, chart->id, peer);
    finding_say(finding, "%s took %.2f s to answer, and so %llu times", peer, seconds,
                (unsigned long long)finding->times);
    if (finding->times == 1)
        finding_say(finding, "%s took %.2f s to answer", peer, seconds);
    finding_evidence(doctor, finding, chart->host, event->time_ns, chart->id, "the answer, %.3f s after the request",
                     seconds);
}

const struct rule_row rule_slow_answer = {
    .rule = {.name = "slow-answer",
             .severity = SEVERITY_NOTE,
             .title = "an answer took long",
             .why = "The connection was there and the request written: the time is the server's own, or that of whom "
                    "it asks in turn. (A client that waits for news, as long polling does, looks the same.)",
             .remedy = "See what the server did meanwhile: `sockatlas show SOCKET` has both ends on one time line, "
                       "`sockatlas events --pid PID` the server's calls."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_IO),
};
