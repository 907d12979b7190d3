/* SPDX-License-Identifier: MIT
 *
 * Rule: two small writes, then a read, with Nagle's algorithm on. Needs SOCKATLAS_IO=1.
 */
#include "analyzer/doctor/internal.h"

#include <stdio.h>

/* Nagle holds the second write back until the first is acknowledged, which the peer delays by 40 ms. */
#define DELAYED_NS 35000000ull
#define LATE_NS    250000000ull /* beyond: the peer's own time */
#define SMALL      1400         /* fits one segment */

static void tell(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    char peer[ADDRESS_TEXT_MAX];
    const struct chart *chart = sight->chart;
    uint64_t wait = sight->event->time_ns - chart->write_ns;
    const struct address *served = sight->socket->role == ROLE_SERVER ? &chart->local : &chart->peer;
    struct finding *finding = finding_see(doctor, rule, sight->process, chart->id, address_text_port(served, peer));
    finding->inferred = true;
    finding_say(finding,
                "%u writes, then a read that waited %.1f ms, without TCP_NODELAY (inferred: delayed "
                "acknowledgement)",
                chart->writes, (double)wait / 1e6);
    finding_evidence(doctor, finding, chart->host, chart->write_ns, chart->id, "write %u in a row, of %llu bytes",
                     chart->writes, (unsigned long long)chart->write_bytes);
    finding_evidence(doctor, finding, chart->host, sight->event->time_ns, chart->id, "the answer, %.1f ms later",
                     (double)wait / 1e6);
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    if (sight->event->kind != SOCKATLAS_IO || !chart || !chart->tcp)
        return;
    const struct sockatlas_body_io *body = event_body(sight->event);
    if (body->result <= 0)
        return;
    if (body->sent) {
        chart->writes++;
        chart->write_ns = sight->event->time_ns;
        chart->write_bytes = (uint64_t)body->result;
        return;
    }
    uint64_t wait = sight->event->time_ns - chart->write_ns;
    if (chart->writes >= 2 && chart->write_bytes < SMALL && !chart->nodelay && !chart->cork && wait >= DELAYED_NS &&
        wait < LATE_NS)
        tell(doctor, rule, sight);
    chart->writes = 0;
}

const struct rule_row rule_write_write_read = {
    .rule =
        {.name = "write-write-read",
         .severity = SEVERITY_WARNING,
         .title = "write, write, read without TCP_NODELAY",
         .why = "The second write waits for the acknowledgement of the first, which the peer delays while it waits for "
                "more: 40 ms for nothing, with every request.",
         .remedy = "Write it at once (writev(), a buffer, MSG_MORE or TCP_CORK), or set TCP_NODELAY."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_IO),
};
