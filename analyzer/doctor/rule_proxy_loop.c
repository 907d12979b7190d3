/* SPDX-License-Identifier: MIT
 *
 * Rule: a proxy that connects to itself. Each connection that it accepts makes it open one more to its own port, which
 * it accepts in turn, and all of them stay open. A server that asks itself for parts of an answer does so beside one
 * another, or one after the other. A tally is of an address that connections were accepted at.
 */
#include "analyzer/doctor/tally.h"

#include <errno.h>

/* So many are open at once, and so many times as many as come from elsewhere. */
enum { DEEP = 16, DEEP_TIMES = 8 };

/* Accepted and open; of those, from the server itself; begun by the server itself and not accepted; whether it begins
 * them beside one another. */
enum { OPEN, OWN, PENDING, BESIDE };

/* The same process, or a worker beside it. */
static bool serve_together(const struct process *one, const struct process *other)
{
    return one && other &&
           (one == other || (one->host == other->host && one->pidns == other->pidns && one->ppid > 1 &&
                             one->ppid == other->ppid && strcmp(one->comm, other->comm) == 0));
}

static void stop_asking(struct chart *client)
{
    if (client->loop_asked)
        client->loop_asked->counts[PENDING]--;
    client->loop_asked = NULL;
}

/* Both ends of a connection are known now. */
static void meet(struct doctor *doctor, const struct rule *rule, struct chart *accepted, struct chart *client,
                 uint64_t now_ns)
{
    struct tally *at = accepted->loop;
    stop_asking(client);
    if (!at || accepted->loop_own || !serve_together(accepted->owner, client->owner))
        return;
    accepted->loop_own = true;
    uint64_t own = ++at->counts[OWN], elsewhere = at->counts[OPEN] - own;
    if (at->counts[BESIDE] || own < DEEP || elsewhere == 0 || own < DEEP_TIMES * elsewhere)
        return;
    char address[ADDRESS_TEXT_MAX];
    address_text_port(&at->key.address, address);
    struct finding *finding = finding_see(doctor, rule, at->process, client->id, address);
    finding->inferred = true;
    if (own >= finding->times || finding->times == 1)
        finding_say(finding,
                    "it connects to %s, where it listens itself, for each connection that it accepts there: %llu of "
                    "its own were open at once, and %llu from elsewhere (inferred)",
                    address, (unsigned long long)own, (unsigned long long)elsewhere);
    finding->times = own > finding->times ? own : finding->times;
    finding_evidence(doctor, finding, accepted->host, now_ns, client->id, "connection %llu to itself",
                     (unsigned long long)own);
}

static void see_accept(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *accepted = sight->chart, *client = chart_by_tuple(doctor, accepted, true);
    if (accepted->loop)
        return;
    accepted->loop = tally_of(doctor, RULE_proxy_loop, accepted, &accepted->local);
    if (!accepted->loop->process)
        accepted->loop->process = sight->process; /* workers of one server are one finding */
    accepted->loop->counts[OPEN]++;
    if (client)
        meet(doctor, rule, accepted, client, sight->event->time_ns);
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    const struct event *event = sight->event;
    if (!chart || !chart->tcp || (event->error && event->error != EINPROGRESS))
        return;
    if (event->kind == SOCKATLAS_ACCEPT) {
        see_accept(doctor, rule, sight);
        return;
    }
    struct chart *accepted = chart_by_tuple(doctor, chart, true);
    if (accepted) {
        meet(doctor, rule, accepted, chart, event->time_ns);
        return;
    }
    struct tally *at = tally_find(doctor, RULE_proxy_loop, chart, &chart->peer);
    if (!at || chart->loop_asked || event->kind != SOCKATLAS_CONNECT || !serve_together(at->process, chart->owner))
        return;
    chart->loop_asked = at;
    if (++at->counts[PENDING] > at->counts[OPEN] - at->counts[OWN] + 1)
        at->counts[BESIDE] = true;
}

static void see_socket(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    struct tally *at = chart->loop;
    (void)doctor;
    (void)rule;
    (void)socket;
    stop_asking(chart);
    if (!at)
        return;
    at->counts[OPEN]--;
    at->counts[OWN] -= chart->loop_own;
    at->counts[BESIDE] = at->counts[BESIDE] && at->counts[OWN] + at->counts[PENDING];
}

const struct rule_row rule_proxy_loop = {
    .rule = {.name = "proxy-loop",
             .severity = SEVERITY_ERROR,
             .title = "a proxy connects to itself",
             .why = "One request becomes as many connections as the program has descriptors; then each of them fails, "
                    "and everybody else's with them.",
             .remedy = "Look where the program is told to forward to: its upstream or `proxy_pass` is an address that "
                       "it listens at, often by a name that leads back (a DNS entry, /etc/hosts, localhost in a "
                       "container), or an environment's http_proxy."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_ACCEPT) | KIND(SOCKATLAS_CONNECT) | KIND(SOCKATLAS_CONNECTED),
    .on_socket = see_socket,
    .free = tally_free,
};
