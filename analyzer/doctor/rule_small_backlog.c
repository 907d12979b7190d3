/* SPDX-License-Identifier: MIT
 *
 * Rule: a listen() backlog far below what the system allows.
 */
#include "analyzer/doctor/internal.h"

/* Libraries ask for 5 (Erlang, Python's socketserver), 50 (Java), 100 or 128 on their own: what else is less somebody
 * has written down. */
#define FAR_BELOW     64
#define LIBRARY_LEAST 50
#define LIBRARY_FIVE  5

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    if (event->kind != SOCKATLAS_LISTEN || event->error || !sight->chart || !sight->chart->tcp)
        return;
    const struct sockatlas_body_listen *body = event_body(event);
    uint32_t most = event->image->header.somaxconn;
    if (!most || body->backlog < 0 || body->backlog == LIBRARY_FIVE || body->backlog >= LIBRARY_LEAST ||
        (uint64_t)body->backlog * FAR_BELOW >= most)
        return;
    char address[ADDRESS_TEXT_MAX];
    address_text_port(&sight->socket->local, address);
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->chart->id, address);
    finding_say(finding, "%s listens with a backlog of %d; net.core.somaxconn is %u", address, body->backlog, most);
    finding_evidence(doctor, finding, sight->socket->host, event->time_ns, sight->chart->id, "listen(%d, %d)",
                     event->fd, body->backlog);
}

const struct rule_row rule_small_backlog = {
    .rule = {.name = "small-backlog",
             .severity = SEVERITY_NOTE,
             .title = "a backlog far below somaxconn",
             .why = "Connections that arrive while the queue is full are dropped in silence; their clients try again "
                    "after 1 s, 3 s, 7 s.",
             .remedy = "Give listen() SOMAXCONN (or -1: as many as net.core.somaxconn allows)."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_LISTEN),
};
