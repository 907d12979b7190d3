/* SPDX-License-Identifier: MIT
 *
 * Rule: a client opens connection after connection to one address, uses each for a while and closes none.
 */
#include "analyzer/doctor/internal.h"

#include <stdlib.h>
#include <string.h>

#define LEAST        100 /* a pool is smaller, or uses what it has again */
#define KEPT_PERCENT 90
#define IDLE_PERCENT 70
#define LATER        20 /* so many more were opened after it was used last: it is not used again */
#define SPREAD_NS    (10 * SECOND_NS)

/* What was opened to one destination, in order. */
struct opened {
    UT_hash_handle hh;
    const struct destination *destination;
    uint64_t *times;
    unsigned count, capacity;
    unsigned ended;     /* with the process */
    unsigned abandoned; /* of them: used, and not again while LATER more were opened */
    unsigned open;      /* when the trace ends */
    uint64_t socket, ended_ns;
};

static struct opened *opened_to(struct doctor *doctor, const struct destination *destination)
{
    struct opened *all = doctor->notes[RULE_connection_leak], *opened;
    HASH_FIND_PTR(all, &destination, opened);
    if (opened)
        return opened;
    if (!(opened = calloc(1, sizeof *opened)))
        abort();
    opened->destination = destination;
    HASH_ADD_PTR(all, destination, opened);
    doctor->notes[RULE_connection_leak] = all;
    return opened;
}

static void add(struct opened *opened, const struct sight *sight)
{
    if (opened->count == opened->capacity) {
        opened->capacity = opened->capacity ? opened->capacity * 2 : 16;
        if (!(opened->times = realloc(opened->times, opened->capacity * sizeof *opened->times)))
            abort();
    }
    if (!opened->count)
        opened->socket = sight->chart->id;
    opened->times[opened->count++] = sight->event->time_ns;
}

/* How many were opened after that time. */
static unsigned opened_after(const struct opened *opened, uint64_t time_ns)
{
    unsigned low = 0, high = opened->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (opened->times[middle] > time_ns)
            high = middle;
        else
            low = middle + 1;
    }
    return opened->count - low;
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    struct sockatlas_tcp tcp;
    (void)rule;
    if (!sight->chart || !sight->destination)
        return;
    if (sight->outcome == OUTCOME_ESTABLISHED) {
        add(opened_to(doctor, sight->destination), sight);
        return;
    }
    if (event->kind != SOCKATLAS_CLOSE || !is_exit_call(event->call) || !event_tcp(event, &tcp))
        return;
    struct opened *opened = opened_to(doctor, sight->destination);
    uint32_t idle_ms = tcp.last_data_sent_ms < tcp.last_data_recv_ms ? tcp.last_data_sent_ms : tcp.last_data_recv_ms;
    const struct sockatlas_body_close *body = event_body(event);
    bool used = (body->bytes_sent && body->bytes_sent != UINT64_MAX) ||
                (body->bytes_received && body->bytes_received != UINT64_MAX);
    opened->ended++;
    opened->abandoned += used && opened_after(opened, event->time_ns - idle_ms * UINT64_C(1000000)) >= LATER;
    opened->ended_ns = event->time_ns;
}

static void see_socket(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    (void)rule;
    if (!socket->closed_ns && socket->state == STATE_ESTABLISHED && chart->destination)
        opened_to(doctor, chart->destination)->open++;
}

static void tell(struct doctor *doctor, const struct rule *rule, const struct opened *at, unsigned kept, bool ended)
{
    char peer[ADDRESS_TEXT_MAX];
    const struct destination *destination = at->destination;
    address_text_port(&destination->key.address, peer);
    struct finding *finding = finding_see(doctor, rule, destination->process, at->socket, peer);
    finding->times = kept;
    finding->inferred = !ended;
    if (ended)
        finding_say(finding, "%u of %u connections to %s were never closed, and %u of them not used again", kept,
                    at->count, peer, at->abandoned);
    else
        finding_say(finding,
                    "%u of %u connections to %s are open when the trace ends, and more were opened all the time", kept,
                    at->count, peer);
    finding_evidence(doctor, finding, destination->key.host, at->times[0], at->socket, "the first was opened");
    finding_evidence(doctor, finding, destination->key.host, at->times[at->count - 1], 0, "number %u was opened",
                     at->count);
    if (ended)
        finding_evidence(doctor, finding, destination->key.host, at->ended_ns, 0, "the process ended with %u open",
                         kept);
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (const struct opened *at = doctor->notes[RULE_connection_leak]; at; at = at->hh.next) {
        bool spread = at->count > 0 && at->times[at->count - 1] - at->times[0] >= SPREAD_NS &&
                      opened_after(at, at->times[0] + (at->times[at->count - 1] - at->times[0]) / 2) * 4 >= at->count;
        if (at->ended >= LEAST && at->ended * UINT64_C(100) >= (uint64_t)at->count * KEPT_PERCENT &&
            at->abandoned * UINT64_C(100) >= (uint64_t)at->ended * IDLE_PERCENT)
            tell(doctor, rule, at, at->ended, true);
        else if (at->open >= LEAST && at->open * UINT64_C(100) >= (uint64_t)at->count * KEPT_PERCENT && spread)
            tell(doctor, rule, at, at->open, false);
    }
}

static void free_all(void *notes)
{
    struct opened *all = notes, *at = all, *next;
    HASH_CLEAR(hh, all);
    for (; at; at = next) {
        next = at->hh.next;
        free(at->times);
        free(at);
    }
}

const struct rule_row rule_connection_leak = {
    .rule = {.name = "connection-leak",
             .severity = SEVERITY_WARNING,
             .title = "connections are opened and never closed",
             .why = "Each keeps a descriptor and a port here, and a descriptor and memory at the server, until one of "
                    "them has none left.",
             .remedy = "Close each connection when its answer is read, also on the way of an error; or keep one and "
                       "use it again (a pool with a bound)."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CONNECT) | KIND(SOCKATLAS_CONNECTED) | KIND(SOCKATLAS_CLOSE),
    .on_socket = see_socket,
    .on_finish = finish,
    .free = free_all,
};
