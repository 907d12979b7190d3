/* SPDX-License-Identifier: MIT
 *
 * Rule: many connections to one service, each for one exchange: of one process one after the other, or of as many
 * processes of one program. One finding for each program and port, whatever the addresses.
 */
#include "analyzer/doctor/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY         20
#define EACH_WITHIN  (3 * SECOND_NS) /* on average */
#define OVERLAP_PART 10

/* What one program had of one port. */
struct service {
    UT_hash_handle hh;
    struct service_key {
        uint64_t netns;
        uint32_t host, port;
        char comm[16];
    } key;
    const struct destination *first, *latest;
    unsigned processes, addresses; /* at least so many */
    uint64_t exchanges, first_ns, last_ns;
};

static struct service *service_of(struct service **all, const struct destination *destination)
{
    struct service *service;
    struct service_key key;
    memset(&key, 0, sizeof key);
    key.netns = destination->key.netns;
    key.host = destination->key.host;
    key.port = destination->key.address.port;
    memcpy(key.comm, destination->process->comm, strnlen(destination->process->comm, sizeof key.comm));
    HASH_FIND(hh, *all, &key, sizeof key, service);
    if (service)
        return service;
    if (!(service = calloc(1, sizeof *service)))
        abort();
    service->key = key;
    service->first = destination;
    service->first_ns = UINT64_MAX;
    HASH_ADD(hh, *all, key, sizeof service->key, service);
    return service;
}

static void add(struct service *service, const struct destination *at)
{
    const struct destination *before = service->latest;
    service->processes += !before || before->process != at->process;
    service->addresses += !before || !address_equal(&before->key.address, &at->key.address);
    service->latest = at;
    service->exchanges += at->exchanges;
    if (at->exchange_first_ns < service->first_ns) {
        service->first_ns = at->exchange_first_ns;
        service->first = at;
    }
    if (at->exchange_last_ns > service->last_ns)
        service->last_ns = at->exchange_last_ns;
}

static void judge(struct doctor *doctor, const struct rule *rule, const struct service *at)
{
    char peer[ADDRESS_TEXT_MAX], others[64] = "", processes[64] = "one after the other";
    if (at->exchanges < MANY || at->last_ns - at->first_ns > at->exchanges * EACH_WITHIN)
        return;
    address_text_port(&at->first->key.address, peer);
    if (at->addresses > 1)
        snprintf(others, sizeof others, " and other addresses of that port");
    if (at->processes > 1)
        snprintf(processes, sizeof processes, "from %u processes of one program", at->processes);
    struct finding *finding = finding_see(doctor, rule, at->first->process, at->first->exchange_socket, peer);
    finding->times = at->exchanges;
    finding_say(finding, "%llu connections to %s%s %s in %.3f s, each closed after one exchange",
                (unsigned long long)at->exchanges, peer, others, processes, (double)(at->last_ns - at->first_ns) / 1e9);
    finding_evidence(doctor, finding, at->key.host, at->first_ns, at->first->exchange_socket, "the first of them");
    finding_evidence(doctor, finding, at->key.host, at->last_ns, 0, "the last of them was closed");
}

static void look(struct doctor *doctor, const struct rule *rule)
{
    struct service *all = NULL, *service, *next;
    for (const struct destination *at = doctor->destinations; at; at = at->hh.next)
        if (at->exchanges > 0 && at->overlapping <= at->connects / OVERLAP_PART)
            add(service_of(&all, at), at);
    for (const struct service *at = all; at; at = at->hh.next)
        judge(doctor, rule, at);
    service = all;
    HASH_CLEAR(hh, all);
    for (; service; service = next) {
        next = service->hh.next;
        free(service);
    }
}

const struct rule_row rule_connection_per_request = {
    .rule = {.name = "connection-per-request",
             .severity = SEVERITY_NOTE,
             .title = "a connection per request",
             .why =
                 "Each request pays for a handshake (and TLS) and a slow start, and leaves a port in TIME_WAIT for a "
                 "minute.",
             .remedy =
                 "Keep the connection and use it again: HTTP keep-alive, a connection pool, one session object, or "
                 "one process (`curl URL URL ...`) for all requests."},
    .on_finish = look,
};
