/* SPDX-License-Identifier: MIT
 *
 * Rule: many segments to one host were sent again. One finding for each host, whoever talked to it.
 */
#include "analyzer/doctor/tally.h"

/* A few are how TCP finds out how fast it may send. */
#define LEAST          10
#define LEAST_PERMILLE 5

/* Segments; `seen` counts connections with some that were sent again. */
enum { AGAIN, SENT };

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct chart *chart = sight->chart;
    struct sockatlas_tcp tcp;
    (void)rule;
    if (!chart || !chart->tcp || !chart->connected_ns || !address_known(&chart->peer) ||
        !event_tcp(sight->event, &tcp) || tcp.segs_out == 0)
        return;
    struct address peer = chart->peer;
    peer.port = 0;
    struct tally *tally = tally_of(doctor, RULE_lost_packets, chart, &peer);
    tally->counts[AGAIN] += tcp.retransmits;
    tally->counts[SENT] += tcp.segs_out;
    if (tcp.retransmits)
        tally_add(tally, sight->process,
                  &(struct tally_sample){tcp.retransmits, tcp.segs_out, sight->event->time_ns, chart->id});
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (struct tally *at = doctor->notes[RULE_lost_packets]; at; at = at->hh.next) {
        char peer[ADDRESS_TEXT_MAX];
        uint64_t again = at->counts[AGAIN], sent = at->counts[SENT];
        if (again < LEAST || again * 1000 < sent * LEAST_PERMILLE)
            continue;
        address_text(&at->key.address, peer);
        tally_sort(at);
        struct finding *finding = finding_see(doctor, rule, at->process, 0, peer);
        finding->times = again;
        finding_say(finding,
                    "%llu of %llu segments to %s were sent again, %.1f %%, by %llu connections: the path loses "
                    "packets",
                    (unsigned long long)again, (unsigned long long)sent, peer, (double)again * 100 / (double)sent,
                    (unsigned long long)at->seen);
        for (unsigned i = 0; i < EVIDENCE_MAX && at->samples[i].value; i++)
            finding_evidence(doctor, finding, at->key.host, at->samples[i].time_ns, at->samples[i].socket,
                             "%llu of %llu segments sent again until this end",
                             (unsigned long long)at->samples[i].value, (unsigned long long)at->samples[i].count);
    }
}

const struct rule_row rule_lost_packets = {
    .rule = {.name = "lost-packets",
             .severity = SEVERITY_WARNING,
             .title = "a path loses packets",
             .why = "Each loss halves what the connection sends at a time, and one that is found out by a timeout "
                    "costs 200 ms and more.",
             .remedy = "Look where they go: `ip -s link` and `nstat -az` on both hosts (drops, errors), a firewall's "
                       "limits, a link of another speed or MTU on the way (`tracepath`), a buffer that overflows."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CLOSE),
    .on_finish = finish,
    .free = tally_free,
};
