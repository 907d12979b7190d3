/* SPDX-License-Identifier: MIT
 *
 * Rule: a name took long to look up.
 */
#include "analyzer/doctor/internal.h"

#define SLOW_NS    SECOND_NS
#define TIMEOUT_NS (5 * SECOND_NS) /* resolv.conf(5): timeout */

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    if (event->kind != SOCKATLAS_NAME)
        return;
    const struct sockatlas_body_name *body = event_body(event);
    char name[LOOKUP_NAME_MAX];
    if (body->duration_ns < SLOW_NS)
        return;
    lookup_name(event, name);
    bool timeout = body->duration_ns >= TIMEOUT_NS;
    struct finding *finding = finding_see(doctor, rule, sight->process, 0, name);
    finding_say(finding, "looking up \"%s\" took %.1f s%s%s", name, (double)body->duration_ns / 1e9,
                body->result ? " and failed" : "",
                timeout ? ", the resolver's timeout of 5 s: a name server did not answer (inferred)" : "");
    finding->inferred = finding->inferred || timeout;
    finding_evidence(doctor, finding, event->image->host, event->time_ns, 0, "%.3f s until the answer%s",
                     (double)body->duration_ns / 1e9, body->result ? ", which was an error" : "");
}

const struct rule_row rule_slow_name = {
    .rule = {.name = "slow-name",
             .severity = SEVERITY_WARNING,
             .title = "a name took long to look up",
             .why = "The program stands still meanwhile: getaddrinfo() waits for each name server in turn, 5 s each by "
                    "default, before it asks the next.",
             .remedy = "Take dead servers out of /etc/resolv.conf, run a caching resolver, set `options timeout:1 "
                       "attempts:2`, or `single-request` where a firewall drops one of two queries."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_NAME),
};
