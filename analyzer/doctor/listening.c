/* SPDX-License-Identifier: MIT
 *
 * Who listened at which address, from when and until when: noted as listeners end, asked when all is read. Memory is
 * bounded: of more listeners than LISTENINGS_MAX the first are kept.
 */
#include "analyzer/doctor/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { LISTENINGS_MAX = 4096 };

struct listening {
    const struct process *process;
    unsigned host;
    uint64_t netns;
    struct address address;
    uint64_t began_ns, ended_ns; /* 0: not known, or it did not */
    int32_t backlog;
};

void listening_note(struct doctor *doctor, const struct socket *socket, const struct chart *chart)
{
    if (socket->role != ROLE_LISTENER || !socket->owner || doctor->listenings_count == LISTENINGS_MAX)
        return;
    if (!doctor->listenings && !(doctor->listenings = calloc(LISTENINGS_MAX, sizeof *doctor->listenings)))
        abort();
    doctor->listenings[doctor->listenings_count++] =
        (struct listening){.process = socket->owner,
                           .host = socket->host,
                           .netns = socket->netns,
                           .address = socket->local,
                           .began_ns = chart->listened_ns,
                           .backlog = socket->backlog,
                           .ended_ns = socket->closed_ns               ? socket->closed_ns
                                       : socket->state == STATE_CLOSED ? socket->owner->end_ns
                                                                       : 0};
}

static bool is_at(const struct listening *at, unsigned host, uint64_t netns, const struct address *address)
{
    if (at->host != host || at->address.family != address->family)
        return false;
    if (address->family == AF_UNIX)
        return address_equal(&at->address, address);
    return at->netns == netns && at->address.port == address->port &&
           (address_is_any(&at->address) || address_equal(&at->address, address));
}

bool listening_story(const struct doctor *doctor, const struct listening_query *query, char **text)
{
    const struct listening *before = NULL, *after = NULL;
    for (unsigned i = 0; i < doctor->listenings_count; i++) {
        const struct listening *at = &doctor->listenings[i];
        if (!is_at(at, query->host, query->netns, &query->address))
            continue;
        if (at->began_ns > query->time_ns && (!after || at->began_ns < after->began_ns))
            after = at;
        if (at->ended_ns && at->ended_ns <= query->time_ns && (!before || at->ended_ns > before->ended_ns))
            before = at;
    }
    const struct process *process = before ? before->process : after ? after->process : NULL;
    *text = NULL;
    if (!process)
        return false;
    int made;
    if (before) {
        int64_t until_us = model_time_us(doctor->model, query->host, before->ended_ns) - model_origin_us(doctor->model);
        made =
            asprintf(text, "%s (%u) listened there until %.3f s%s", process->comm, process->pid, (double)until_us / 1e6,
                     process->end_ns && process->end_ns <= query->time_ns ? " and ended" : "");
    } else {
        uint64_t later_ns = after->began_ns - query->time_ns;
        bool seconds = later_ns >= SECOND_NS;
        made = asprintf(text, "%s (%u) began to listen there %.1f %s later", process->comm, process->pid,
                        (double)later_ns / (seconds ? 1e9 : 1e6), seconds ? "s" : "ms");
    }
    if (made < 0)
        abort();
    return before != NULL;
}

char *listening_queue(const struct doctor *doctor, const struct listening_query *query)
{
    char *text;
    for (unsigned i = 0; i < doctor->listenings_count; i++) {
        const struct listening *at = &doctor->listenings[i];
        if (at->began_ns > query->time_ns || (at->ended_ns && at->ended_ns < query->time_ns) ||
            !is_at(at, query->host, query->netns, &query->address))
            continue;
        if (asprintf(&text, "%s (%u) listens there with a backlog of %d", at->process->comm, at->process->pid,
                     at->backlog) < 0)
            abort();
        return text;
    }
    return NULL;
}
