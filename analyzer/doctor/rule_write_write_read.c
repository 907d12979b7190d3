/* SPDX-License-Identifier: MIT
 *
 * Rule: two small writes, then a read, with Nagle's algorithm on: seen with SOCKATLAS_IO=1, suspected without it from
 * what the kernel measured.
 */
#include "analyzer/doctor/internal.h"

#include <stdio.h>

/* Nagle holds the second write back until the first is acknowledged, which the peer delays by 40 ms. */
#define DELAYED_NS 35000000ull
#define LATE_NS    250000000ull /* beyond: the peer's own time */
#define SMALL      1400         /* fits one segment */
/* Of a connection: half of its acknowledgements late by 40 ms make a smoothed round trip of about 20 ms, far above the
 * shortest one. A busy machine is late, too, but not by as much each time: the connection must have lived for a delay
 * with each request, of four segments. */
#define SEGMENTS_LEAST 20
#define LATE_US        17000
#define LATE_TIMES     4
#define REQUEST        4 /* segments that its client sends: both writes, and an acknowledgement or two */

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

/* Without a record of each transfer there is the round trip: of small segments, none of them lost. */
static void suspect(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct chart *chart = sight->chart;
    const struct sockatlas_body_close *body = event_body(sight->event);
    struct sockatlas_tcp tcp;
    char peer[ADDRESS_TEXT_MAX];
    if (chart->transfers_seen || chart->nodelay || chart->cork || sight->socket->role != ROLE_CLIENT ||
        !event_tcp(sight->event, &tcp) || tcp.segs_out < SEGMENTS_LEAST || tcp.retransmits > 0 || tcp.min_rtt_us == 0 ||
        tcp.min_rtt_us == UINT32_MAX || body->bytes_sent == UINT64_MAX || body->bytes_sent / tcp.segs_out >= SMALL ||
        tcp.rtt_us < tcp.min_rtt_us + LATE_US || tcp.rtt_us < tcp.min_rtt_us * LATE_TIMES ||
        sight->event->time_ns - chart->connected_ns < tcp.segs_out / REQUEST * DELAYED_NS)
        return;
    struct finding *finding =
        finding_see(doctor, rule, sight->process, chart->id, address_text_port(&chart->peer, peer));
    finding->inferred = true;
    finding->severity = SEVERITY_NOTE;
    finding_say(finding,
                "suspected at %s: acknowledgements come late, with a round trip of %.1f ms where %.2f ms was the "
                "shortest, of small segments without TCP_NODELAY; run with SOCKATLAS_IO=1 to be sure",
                peer, tcp.rtt_us / 1e3, tcp.min_rtt_us / 1e3);
    finding_evidence(doctor, finding, chart->host, sight->event->time_ns, chart->id,
                     "%llu bytes in %u segments, when the connection ended", (unsigned long long)body->bytes_sent,
                     tcp.segs_out);
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    if (!chart || !chart->tcp)
        return;
    if (sight->event->kind == SOCKATLAS_CLOSE)
        suspect(doctor, rule, sight);
    if (sight->event->kind != SOCKATLAS_IO)
        return;
    chart->transfers_seen = true;
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
    .kinds = KIND(SOCKATLAS_IO) | KIND(SOCKATLAS_CLOSE),
};
