/* SPDX-License-Identifier: MIT
 *
 * Rule: a name server that a program asks by itself, by UDP port 53, answered late or not at all. (What libc asks is
 * seen as a look-up: slow-name.) One finding for each server.
 */
#include "analyzer/doctor/tally.h"

#include <stdio.h>
#include <sys/socket.h>

#define PORT_DNS 53
/* Resolvers wait as long, or longer, before they ask again. */
#define SLOW_NS SECOND_NS
/* Of many queries a few are lost. */
#define LEAST_PERCENT 5

enum { UNANSWERED, LATE };

static void add(struct doctor *doctor, const struct chart *chart, const struct process *process,
                const struct address *server, unsigned what, const struct tally_sample *sample)
{
    struct tally *tally = tally_of(doctor, RULE_slow_resolver, chart, server);
    tally_add(tally, process, sample);
    tally->counts[what] += sample->count;
}

static bool is_server(const struct address *address)
{
    return (address->family == AF_INET || address->family == AF_INET6) && address->port == PORT_DNS;
}

/* What one socket sent to one server and got from there, until now. */
static void judge(struct doctor *doctor, const struct chart *chart, const struct process *process,
                  const struct address *server, const uint64_t counts[2], uint64_t now_ns)
{
    uint64_t sent = counts[0], received = counts[1];
    uint64_t ns = chart->asked_ns && now_ns > chart->asked_ns ? now_ns - chart->asked_ns : 0;
    struct tally_sample sample = {ns, 1, chart->asked_ns, chart->id};
    if (!is_server(server) || ns < SLOW_NS)
        return;
    if (received < sent && (sent - received) * 100 >= sent * LEAST_PERCENT) {
        sample.count = sent - received;
        add(doctor, chart, process, server, UNANSWERED, &sample);
    } else if (sent == 1 && received == 1 && !chart->transfers_seen) {
        /* Nothing else was waited for, as it seems. */
        add(doctor, chart, process, server, LATE, &sample);
        tally_of(doctor, RULE_slow_resolver, chart, server)->inferred = true;
    }
}

/* Of a query only the first one's time is known without SOCKATLAS_IO. */
static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    const struct event *event = sight->event;
    (void)rule;
    if (!chart || chart->type != SOCK_DGRAM)
        return;
    if (event->kind == SOCKATLAS_PEER_TOTAL) {
        const struct sockatlas_body_peer_total *body = event_body(event);
        struct address server;
        event_addresses(event, &server, NULL);
        judge(doctor, chart, sight->process, &server, (const uint64_t[]){body->messages_sent, body->messages_received},
              event->time_ns);
        chart->peers_told = true;
    } else if (event->kind != SOCKATLAS_IO) {
        chart->asked_ns = chart->asked_ns ? chart->asked_ns : event->time_ns;
    } else {
        const struct sockatlas_body_io *body = event_body(event);
        bool answered = !body->sent && body->result > 0 && chart->asked_ns;
        uint64_t ns = answered ? event->time_ns - chart->asked_ns : 0;
        if (ns >= SLOW_NS && is_server(&chart->peer))
            add(doctor, chart, sight->process, &chart->peer, LATE,
                &(struct tally_sample){ns, 1, chart->asked_ns, chart->id});
        if (answered || (body->sent && body->result > 0))
            chart->asked_ns = body->sent ? event->time_ns : 0;
    }
}

static void see_socket(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    (void)rule;
    if (socket->type == SOCK_DGRAM && !chart->peers_told && socket->peers <= 1 && socket->sent_known &&
        socket->received_known)
        judge(doctor, chart, socket->owner, &socket->peer,
              (const uint64_t[]){socket->messages_sent, socket->messages_received},
              socket->closed_ns ? socket->closed_ns : doctor->last_ns);
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (struct tally *at = doctor->notes[RULE_slow_resolver]; at; at = at->hh.next) {
        char server[ADDRESS_TEXT_MAX], unanswered[64] = "", late[64] = "";
        address_text_port(&at->key.address, server);
        tally_sort(at);
        if (at->counts[UNANSWERED])
            snprintf(unanswered, sizeof unanswered, "%llu quer%s not answered",
                     (unsigned long long)at->counts[UNANSWERED], at->counts[UNANSWERED] == 1 ? "y was" : "ies were");
        if (at->counts[LATE])
            snprintf(late, sizeof late, "%llu answer%s came late%s", (unsigned long long)at->counts[LATE],
                     at->counts[LATE] == 1 ? "" : "s", at->inferred ? " (inferred)" : "");
        struct finding *finding = finding_see(doctor, rule, at->process, at->socket, server);
        finding->times = at->counts[UNANSWERED] + at->counts[LATE];
        finding->inferred = at->inferred;
        finding_say(finding, "name server %s: %s%s%s; the longest wait was %.1f s", server, unanswered,
                    unanswered[0] && late[0] ? ", and " : "", late, (double)at->samples[0].value / 1e9);
        for (unsigned i = 0; i < EVIDENCE_MAX && at->samples[i].value; i++)
            finding_evidence(doctor, finding, at->key.host, at->samples[i].time_ns, at->samples[i].socket,
                             "asked here, and waited for %.3f s", (double)at->samples[i].value / 1e9);
    }
}

const struct rule_row rule_slow_resolver = {
    .rule = {.name = "slow-resolver",
             .severity = SEVERITY_WARNING,
             .title = "a name server that a program asks by itself answers late or not at all",
             .why = "Resolvers in a program (c-ares in Node.js, Go's, dnspython) wait 1 to 5 s for a datagram that "
                    "was lost before they ask again, and the program with them.",
             .remedy = "Ask the server by hand (`dig @SERVER NAME`), look whether a firewall drops answers, and give "
                       "the program a resolver that is near: a caching one on the same host."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_PEER_TOTAL) | KIND(SOCKATLAS_PEER) | KIND(SOCKATLAS_CONNECT) | KIND(SOCKATLAS_IO),
    .on_socket = see_socket,
    .on_finish = finish,
    .free = tally_free,
};
