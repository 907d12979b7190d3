/* SPDX-License-Identifier: MIT
 *
 * Rule: an address could not be bound because it is in use; and which mistake that was.
 */
#include "analyzer/doctor/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* On which socket each process last set SO_REUSEADDR. */
struct reuse {
    UT_hash_handle hh;
    uint32_t process;
    uint64_t socket;
    uint64_t time_ns;
};

static struct reuse *reuse_of(struct doctor *doctor, uint32_t process)
{
    struct reuse *reuses = doctor->notes[RULE_address_in_use], *reuse;
    HASH_FIND(hh, reuses, &process, sizeof process, reuse);
    return reuse;
}

static void note_reuse(struct doctor *doctor, const struct sight *sight)
{
    struct reuse *reuses = doctor->notes[RULE_address_in_use], *reuse = reuse_of(doctor, sight->process->id);
    if (!reuse) {
        if (!(reuse = calloc(1, sizeof *reuse)))
            abort();
        reuse->process = sight->process->id;
        HASH_ADD(hh, reuses, process, sizeof reuse->process, reuse);
        doctor->notes[RULE_address_in_use] = reuses;
    }
    reuse->socket = sight->chart->id;
    reuse->time_ns = sight->event->time_ns;
}

static void free_reuses(void *notes)
{
    struct reuse *reuses = notes, *reuse, *next;
    reuse = reuses;
    HASH_CLEAR(hh, reuses);
    for (; reuse; reuse = next) {
        next = reuse->hh.next;
        free(reuse);
    }
}

static bool same_place(const struct address *a, const struct address *b)
{
    if (a->family == AF_UNIX || b->family == AF_UNIX)
        return address_equal(a, b);
    return a->port == b->port && (address_is_any(a) || address_is_any(b) || address_equal(a, b));
}

/* Another socket that has the address now; a listening one first. */
static const struct chart *holder_of(const struct doctor *doctor, const struct chart *chart,
                                     const struct address *address)
{
    const struct chart *found = NULL;
    for (const struct chart *at = doctor->first; at; at = at->next) {
        if (at == chart || at->host != chart->host || (at->netns != chart->netns && address->family != AF_UNIX) ||
            at->type != chart->type || at->state == STATE_CLOSED || at->state == STATE_CREATED ||
            !address_known(&at->local) || !same_place(&at->local, address))
            continue;
        if (!found || at->state == STATE_LISTENING)
            found = at;
    }
    return found;
}

static void blame_holder(const struct doctor *doctor, struct finding *finding, const struct chart *holder,
                         const struct chart *chart, const char *address)
{
    const struct process *owner = holder->owner;
    bool own = owner == chart->owner, listening = holder->state == STATE_LISTENING;
    finding_say(finding, "%s is in use: %s%s (%u) %s it, socket %llu", address, own ? "this same process, " : "",
                owner ? owner->comm : "?", owner ? owner->pid : 0,
                listening                            ? "listens on"
                : holder->state == STATE_ESTABLISHED ? "has a connection on"
                                                     : "has bound",
                (unsigned long long)holder->id);
    finding->remedy =
        listening              ? "Stop the one that listens, choose another port, or have both set SO_REUSEPORT before "
                                 "bind() if they are to share it."
        : chart->reuse_address ? "Close the other socket first, or have both set SO_REUSEADDR before bind()."
                               : "Set SO_REUSEADDR on the socket before bind().";
    finding_evidence(doctor, finding, holder->host, holder->last_ns, holder->id,
                     "the latest of the socket that has it");
}

static void blame_self(struct doctor *doctor, struct finding *finding, const struct sight *sight, const char *address)
{
    const struct chart *chart = sight->chart;
    const struct reuse *reuse = reuse_of(doctor, sight->process->id);
    finding->inferred = true;
    if (chart->reuse_address) {
        finding_say(finding, "%s is in use by what the trace does not show (inferred)", address);
        finding->remedy = "SO_REUSEADDR is set, so a socket listens there or is bound without it: `ss -tlnp` names it.";
    } else if (reuse && reuse->socket != chart->id) {
        finding_say(finding, "%s is in use; SO_REUSEADDR was set on socket %llu, not on the one that is bound", address,
                    (unsigned long long)reuse->socket);
        finding->remedy = "Set SO_REUSEADDR on the very socket that is bound, before bind().";
        finding_evidence(doctor, finding, chart->host, reuse->time_ns, reuse->socket, "SO_REUSEADDR set here");
    } else {
        finding_say(finding, "%s is in use, and SO_REUSEADDR is not set: connections in TIME_WAIT (inferred)", address);
    }
}

static void refused(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct address asked;
    char address[ADDRESS_TEXT_MAX];
    event_addresses(sight->event, &asked, NULL);
    if (!address_known(&asked))
        asked = sight->socket->local;
    if (!address_text_port(&asked, address))
        return;
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->chart->id, address);
    if (!finding->message) {
        const struct chart *holder = holder_of(doctor, sight->chart, &asked);
        finding_evidence(doctor, finding, sight->chart->host, sight->event->time_ns, sight->chart->id,
                         "%s(%d, %s) = -1 EADDRINUSE", sight->event->kind == SOCKATLAS_LISTEN ? "listen" : "bind",
                         sight->event->fd, address);
        if (asked.family == AF_UNIX && !holder) {
            finding_say(finding, "%s exists already and nobody in the trace listens on it", address);
            finding->remedy = "unlink() the path before bind(), or use an abstract address.";
        } else if (holder) {
            blame_holder(doctor, finding, holder, sight->chart, address);
        } else {
            blame_self(doctor, finding, sight, address);
        }
    }
    sight->chart->bind_failed = finding;
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    int64_t value;
    if (!chart)
        return;
    if (option_value(sight->event, SOL_SOCKET, SO_REUSEADDR, &value) && value) {
        note_reuse(doctor, sight);
        if (chart->bind_failed && !chart->bind_failed->remedy)
            return;
        if (chart->bind_failed) {
            struct finding *finding = chart->bind_failed;
            finding_say(finding, "SO_REUSEADDR was set after bind() had failed with EADDRINUSE");
            finding->remedy = "Set SO_REUSEADDR before bind().";
            finding_evidence(doctor, finding, chart->host, sight->event->time_ns, chart->id,
                             "SO_REUSEADDR set only here");
        }
        return;
    }
    if (sight->event->kind != SOCKATLAS_BIND && sight->event->kind != SOCKATLAS_LISTEN)
        return;
    if (sight->event->error == EADDRINUSE) {
        refused(doctor, rule, sight);
    } else if (!sight->event->error && chart->bind_failed && chart->bind_failed->times == 1) {
        finding_drop(doctor, chart->bind_failed); /* it tried again, and well */
        chart->bind_failed = NULL;
    }
}

const struct rule_row rule_address_in_use = {
    .rule = {.name = "address-in-use",
             .severity = SEVERITY_ERROR,
             .title = "an address is in use",
             .why = "The server does not serve. Closed connections hold a port for 60 s in TIME_WAIT unless the socket "
                    "that is bound next has SO_REUSEADDR.",
             .remedy = "Set SO_REUSEADDR on the socket before bind()."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_OPTION) | KIND(SOCKATLAS_BIND) | KIND(SOCKATLAS_LISTEN),
    .free = free_reuses,
};
