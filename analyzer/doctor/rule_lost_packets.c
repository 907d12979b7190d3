/* SPDX-License-Identifier: MIT
 *
 * Rule: many segments to one host were sent again. One finding for each host, whoever talked to it.
 */
#include "analyzer/doctor/internal.h"

#include <stdlib.h>
#include <string.h>

/* A few are how TCP finds out how fast it may send. */
#define LEAST          10
#define LEAST_PERMILLE 5

struct path {
    UT_hash_handle hh;
    struct path_key {
        uint64_t netns;
        unsigned host;
        unsigned char peer[16];
    } key;
    struct address peer;
    const struct process *process;
    uint64_t sockets, again, sent; /* segments of those sockets */
    struct chart_again {
        uint64_t socket, time_ns;
        uint32_t again, sent;
    } worst[EVIDENCE_MAX];
};

static void keep_worst(struct path *path, const struct chart *chart, uint64_t time_ns, const struct sockatlas_tcp *tcp)
{
    unsigned least = 0;
    for (unsigned i = 1; i < EVIDENCE_MAX; i++)
        if (path->worst[i].again < path->worst[least].again)
            least = i;
    if (tcp->retransmits > path->worst[least].again)
        path->worst[least] = (struct chart_again){chart->id, time_ns, tcp->retransmits, tcp->segs_out};
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct chart *chart = sight->chart;
    struct sockatlas_tcp tcp;
    struct path *all = doctor->notes[RULE_lost_packets], *path;
    struct path_key key;
    (void)rule;
    if (sight->event->kind != SOCKATLAS_CLOSE || !chart || !chart->tcp || !chart->connected_ns ||
        !address_known(&chart->peer) || chart->peer.size > sizeof key.peer || !event_tcp(sight->event, &tcp) ||
        tcp.segs_out == 0)
        return;
    memset(&key, 0, sizeof key);
    key.netns = chart->netns;
    key.host = chart->host;
    memcpy(key.peer, chart->peer.bytes, chart->peer.size);
    HASH_FIND(hh, all, &key, sizeof key, path);
    if (!path) {
        if (!(path = calloc(1, sizeof *path)))
            abort();
        path->key = key;
        path->peer = chart->peer;
        path->process = sight->process;
        HASH_ADD(hh, all, key, sizeof path->key, path);
        doctor->notes[RULE_lost_packets] = all;
    }
    if (tcp.retransmits > 0 && path->again == 0)
        path->process = sight->process;
    path->sockets += tcp.retransmits > 0;
    path->again += tcp.retransmits;
    path->sent += tcp.segs_out;
    keep_worst(path, chart, sight->event->time_ns, &tcp);
}

static int most_first(const void *a, const void *b)
{
    const struct chart_again *one = a, *other = b;
    return one->again != other->again ? (one->again > other->again ? -1 : 1) : one->socket < other->socket ? -1 : 1;
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (struct path *at = doctor->notes[RULE_lost_packets]; at; at = at->hh.next) {
        char peer[ADDRESS_TEXT_MAX];
        if (at->again < LEAST || at->again * 1000 < at->sent * LEAST_PERMILLE)
            continue;
        address_text(&at->peer, peer);
        struct finding *finding = finding_see(doctor, rule, at->process, 0, peer);
        finding->times = at->again;
        finding_say(finding,
                    "%llu of %llu segments to %s were sent again, %.1f %%, by %llu connections: the path loses "
                    "packets",
                    (unsigned long long)at->again, (unsigned long long)at->sent, peer,
                    (double)at->again * 100 / (double)at->sent, (unsigned long long)at->sockets);
        qsort(at->worst, EVIDENCE_MAX, sizeof *at->worst, most_first);
        for (unsigned i = 0; i < EVIDENCE_MAX && at->worst[i].again > 0; i++)
            finding_evidence(doctor, finding, at->key.host, at->worst[i].time_ns, at->worst[i].socket,
                             "%u of %u segments sent again until this end", at->worst[i].again, at->worst[i].sent);
    }
}

static void free_all(void *notes)
{
    struct path *all = notes, *at = all, *next;
    HASH_CLEAR(hh, all);
    for (; at; at = next) {
        next = at->hh.next;
        free(at);
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
    .free = free_all,
};
