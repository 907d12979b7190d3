/* SPDX-License-Identifier: MIT
 *
 * Rule: of several workers that share a listening address, one accepts nearly everything.
 */
#include "analyzer/doctor/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_LEAST 50
#define NEARLY_ALL        90 /* percent */
#define WORKERS_MAX       256

/* Those who hold the sockets that listen on one address. */
struct crowd {
    UT_hash_handle hh;
    struct crowd_key {
        uint64_t netns;
        uint32_t host, port;
        unsigned char address[16];
    } key;
    struct address address;
    struct worker {
        const struct process *process;
        uint64_t accepted;
        bool client; /* connected to that very address: it has inherited the listener, and does not serve */
    } workers[WORKERS_MAX];
    unsigned workers_count;
    uint64_t accepted, now, peak, first_ns, last_ns, socket;
};

static struct crowd *crowd_of(struct doctor *doctor, const struct chart *chart)
{
    struct crowd_key key;
    struct crowd *all = doctor->notes[RULE_one_worker], *crowd;
    memset(&key, 0, sizeof key);
    key.netns = chart->netns;
    key.host = chart->host;
    key.port = chart->local.port;
    memcpy(key.address, chart->local.bytes, chart->local.size <= 16 ? chart->local.size : 0);
    HASH_FIND(hh, all, &key, sizeof key, crowd);
    if (crowd)
        return crowd;
    if (!(crowd = calloc(1, sizeof *crowd)))
        abort();
    crowd->key = key;
    crowd->address = chart->local;
    HASH_ADD(hh, all, key, sizeof key, crowd);
    doctor->notes[RULE_one_worker] = all;
    return crowd;
}

static struct worker *worker_of(struct crowd *crowd, const struct process *process)
{
    for (unsigned i = 0; i < crowd->workers_count; i++)
        if (crowd->workers[i].process == process)
            return &crowd->workers[i];
    if (crowd->workers_count == WORKERS_MAX)
        return NULL;
    crowd->workers[crowd->workers_count] = (struct worker){.process = process};
    return &crowd->workers[crowd->workers_count++];
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    (void)rule;
    const struct event *event = sight->event;
    struct chart *chart = sight->chart;
    if (!chart || !chart->tcp || event->error)
        return;
    if (event->kind == SOCKATLAS_CLOSE && chart->crowd) {
        chart->crowd->now--;
        chart->crowd = NULL;
    }
    if (event->kind != SOCKATLAS_ACCEPT)
        return;
    struct sockatlas_body_accept body;
    memcpy(&body, event_body(event), sizeof body);
    const struct socket *listener = model_socket(doctor->model, event->image->host, body.listener_cookie);
    const struct chart *from = listener ? chart_find(doctor, listener->id) : NULL;
    struct crowd *crowd = from ? crowd_of(doctor, from) : NULL;
    struct worker *worker = crowd ? worker_of(crowd, sight->process) : NULL;
    if (!worker)
        return;
    worker->accepted++;
    chart->crowd = crowd;
    if (!crowd->accepted++) {
        crowd->first_ns = event->time_ns;
        crowd->socket = from->id;
    }
    crowd->last_ns = event->time_ns;
    if (++crowd->now > crowd->peak)
        crowd->peak = crowd->now;
}

/* All that held the listener could have accepted. */
static void see_listener(struct doctor *doctor, const struct rule *rule, const struct socket *socket,
                         struct chart *chart)
{
    (void)rule;
    if (socket->role != ROLE_LISTENER || !chart->tcp)
        return;
    struct crowd *crowd = crowd_of(doctor, chart);
    for (unsigned i = 0; i < socket->holders_count; i++)
        worker_of(crowd, model_process(doctor->model, socket->holders[i]));
}

/* Siblings of one program that were there all the time. */
static unsigned colleagues(const struct crowd *crowd, const struct worker *busiest)
{
    unsigned count = 0;
    for (unsigned i = 0; i < crowd->workers_count; i++) {
        const struct process *one = crowd->workers[i].process, *other = busiest->process;
        if (crowd->workers[i].client && !crowd->workers[i].accepted)
            continue;
        count += one == other || (one->ppid && one->ppid == other->ppid && one->exe == other->exe &&
                                  (!one->end_ns || one->end_ns >= crowd->last_ns) &&
                                  (!one->start_ns || one->start_ns <= crowd->first_ns + SECOND_NS));
    }
    return count;
}

static void judge(struct doctor *doctor, const struct rule *rule, const struct crowd *crowd)
{
    const struct worker *busiest = crowd->workers;
    for (unsigned i = 1; i < crowd->workers_count; i++)
        if (crowd->workers[i].accepted > busiest->accepted)
            busiest = &crowd->workers[i];
    if (!crowd->workers_count || crowd->accepted < CONNECTIONS_LEAST ||
        busiest->accepted * 100 < crowd->accepted * NEARLY_ALL)
        return;
    unsigned workers = colleagues(crowd, busiest);
    /* One after the other they come to whoever is warm: nothing is lost by that. */
    if (workers < 2 || crowd->peak < 2ull * workers)
        return;
    char address[ADDRESS_TEXT_MAX];
    address_text_port(&crowd->address, address);
    struct finding *finding = finding_see(doctor, rule, busiest->process, crowd->socket, address);
    finding_say(finding, "one of %u workers accepted %llu of %llu connections on %s", workers,
                (unsigned long long)busiest->accepted, (unsigned long long)crowd->accepted, address);
    finding_evidence(doctor, finding, crowd->key.host, crowd->first_ns, crowd->socket, "the first accept");
    for (unsigned i = 0; i < crowd->workers_count; i++)
        if (crowd->workers[i].process->ppid == busiest->process->ppid &&
            (crowd->workers[i].accepted || !crowd->workers[i].client))
            finding_evidence(doctor, finding, crowd->key.host, 0, 0, "%s (%u) accepted %llu",
                             crowd->workers[i].process->comm, crowd->workers[i].process->pid,
                             (unsigned long long)crowd->workers[i].accepted);
}

/* Who connected to a crowd's address, or to one of all that it listens on. */
static void mark_clients(struct doctor *doctor)
{
    struct crowd *all = doctor->notes[RULE_one_worker], *crowd;
    for (const struct destination *at = doctor->destinations; at; at = at->hh.next) {
        struct crowd_key key;
        memset(&key, 0, sizeof key);
        key.netns = at->key.netns;
        key.host = at->key.host;
        key.port = at->key.address.port;
        for (int wildcard = 0; wildcard < 2; wildcard++) {
            if (!wildcard && at->key.address.size <= sizeof key.address)
                memcpy(key.address, at->key.address.bytes, at->key.address.size);
            else
                memset(key.address, 0, sizeof key.address);
            HASH_FIND(hh, all, &key, sizeof key, crowd);
            for (unsigned i = 0; crowd && i < crowd->workers_count; i++)
                crowd->workers[i].client |= crowd->workers[i].process == at->process;
        }
    }
}

static void look(struct doctor *doctor, const struct rule *rule)
{
    mark_clients(doctor);
    for (const struct crowd *at = doctor->notes[RULE_one_worker]; at; at = at->hh.next)
        judge(doctor, rule, at);
}

static void free_all(void *notes)
{
    struct crowd *all = notes, *crowd, *next;
    crowd = all;
    HASH_CLEAR(hh, all);
    for (; crowd; crowd = next) {
        next = crowd->hh.next;
        free(crowd);
    }
}

const struct rule_row rule_one_worker = {
    .rule = {.name = "one-worker",
             .severity = SEVERITY_NOTE,
             .title = "one worker accepts nearly everything",
             .why = "Workers that wait on one listening socket with epoll are woken last-in first-out: one gets most "
                    "connections and its CPU, the others stand by.",
             .remedy =
                 "Give each worker a socket of its own with SO_REUSEPORT (nginx: `listen ... reuseport`), or have "
                 "one process accept and hand connections out."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_ACCEPT) | KIND(SOCKATLAS_CLOSE),
    .on_socket = see_listener,
    .on_finish = look,
    .free = free_all,
};
