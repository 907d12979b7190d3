/* SPDX-License-Identifier: MIT
 *
 * Rule: a connection was established only after its SYN was sent again. One finding for each address, whoever
 * connected. A listener whose queue was full is told of by full-backlog.
 */
#include "analyzer/doctor/queue.h"
#include "analyzer/doctor/tally.h"

/* The kernel sends a SYN again after a second. */
#define SENT_AGAIN_NS (SECOND_NS * 9 / 10)

/* A connect() that waits takes as long as the answer; others may be asked late. */
static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct sockatlas_body_connect *body = event_body(sight->event);
    (void)doctor;
    (void)rule;
    if (sight->chart && !sight->event->error && body->duration_ns >= SENT_AGAIN_NS)
        sight->chart->waited_to_connect = true;
}

static void see_socket(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    (void)rule;
    uint64_t ns = socket->connect_ns;
    bool again = socket->tcp_known ? socket->tcp.retransmits != 0 : chart->waited_to_connect;
    if (!chart->tcp || socket->role != ROLE_CLIENT || socket->outcome != OUTCOME_ESTABLISHED || ns == UINT64_MAX ||
        ns < SENT_AGAIN_NS || !again || !address_known(&chart->peer))
        return;
    struct tally *tally = tally_of(doctor, RULE_slow_connect, chart, &chart->peer);
    const struct queue *queue = queue_of(doctor, chart, &chart->peer);
    tally_add(tally, socket->owner, &(struct tally_sample){ns, 0, socket->connect_started_ns, socket->id});
    tally->counts[0] += queue && queue_was_full(queue);
    tally->inferred = tally->inferred || !(socket->tcp_known && chart->waited_to_connect);
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (struct tally *at = doctor->notes[RULE_slow_connect]; at; at = at->hh.next) {
        char peer[ADDRESS_TEXT_MAX];
        if (at->counts[0])
            continue;
        address_text_port(&at->key.address, peer);
        tally_sort(at);
        struct finding *finding = finding_see(doctor, rule, at->process, at->socket, peer);
        finding->times = at->seen;
        finding->inferred = at->inferred;
        finding_say(finding,
                    "%llu connection%s to %s took up to %.1f s to be established: the first SYN was not answered and "
                    "was sent again%s",
                    (unsigned long long)at->seen, at->seen == 1 ? "" : "s", peer, (double)at->samples[0].value / 1e9,
                    at->inferred ? " (inferred)" : "");
        for (unsigned i = 0; i < EVIDENCE_MAX && at->samples[i].value; i++)
            finding_evidence(doctor, finding, at->key.host, at->samples[i].time_ns, at->samples[i].socket,
                             "connecting took %.3f s", (double)at->samples[i].value / 1e9);
    }
}

const struct rule_row rule_slow_connect = {
    .rule = {.name = "slow-connect",
             .severity = SEVERITY_WARNING,
             .title = "a connection was established only after its SYN was sent again",
             .why = "A SYN that is not answered is sent again after 1 s, 3 s, 7 s: the program waits, and then all is "
                    "well, so that only some requests are slow.",
             .remedy = "Look at the peer: `nstat -az TcpExtListenDrops TcpExtListenOverflows` (a full accept queue), "
                       "a firewall or load balancer that limits new connections, a conntrack table that is full; then "
                       "at the path for lost packets. Keep connections and use them again."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CONNECT),
    .on_socket = see_socket,
    .on_finish = finish,
    .free = tally_free,
};
