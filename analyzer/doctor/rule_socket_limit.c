/* SPDX-License-Identifier: MIT
 *
 * Rule: socket() fails again and again because no descriptor is left.
 */
#include "analyzer/doctor/internal.h"

#include <errno.h>
#include <stdlib.h>

/* Once is an accident that the next close mends. */
#define LEAST 3
/* Of so many processes the open sockets are counted, which takes a walk over all of the trace's. */
#define COUNTED 16

struct wanting {
    UT_hash_handle hh;
    const struct process *process;
    uint64_t times, first_ns;
};

/* Which part of the descriptors these sockets are. */
static unsigned open_sockets(const struct doctor *doctor, const struct process *process)
{
    unsigned count = 0;
    for (const struct chart *at = doctor->first; at; at = at->next)
        count += at->owner == process && at->state != STATE_CLOSED;
    return count;
}

static struct wanting *wanting_of(struct doctor *doctor, const struct process *process)
{
    struct wanting *all = doctor->notes[RULE_socket_limit], *wanting;
    HASH_FIND_PTR(all, &process, wanting);
    if (wanting)
        return wanting;
    if (!(wanting = calloc(1, sizeof *wanting)))
        abort();
    wanting->process = process;
    HASH_ADD_PTR(all, process, wanting);
    doctor->notes[RULE_socket_limit] = all;
    return wanting;
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    if (event->kind != SOCKATLAS_SOCKET || !sight->process || (event->error != EMFILE && event->error != ENFILE))
        return;
    bool process_limit = event->error == EMFILE;
    const char *error = process_limit ? "EMFILE" : "ENFILE";
    struct wanting *wanting = wanting_of(doctor, sight->process);
    if (!wanting->times++)
        wanting->first_ns = event->time_ns;
    if (wanting->times < LEAST)
        return;
    struct finding *finding = finding_see(doctor, rule, sight->process, 0, error);
    finding->times = wanting->times;
    finding_say(finding, "socket() failed %llu times with %s (%s) in %.3f s", (unsigned long long)wanting->times, error,
                process_limit ? "RLIMIT_NOFILE is spent" : "the system's fs.file-max is spent",
                (double)(event->time_ns - wanting->first_ns) / 1e9);
    if (wanting->times == LEAST) {
        const struct wanting *all = doctor->notes[RULE_socket_limit];
        finding_evidence(doctor, finding, event->image->host, wanting->first_ns, 0, "the first %s", error);
        if (HASH_COUNT(all) <= COUNTED)
            finding_evidence(doctor, finding, event->image->host, event->time_ns, 0,
                             "%u sockets of this process are open in this trace", open_sockets(doctor, sight->process));
    }
}

static void free_all(void *notes)
{
    struct wanting *all = notes, *at = all, *next;
    HASH_CLEAR(hh, all);
    for (; at; at = next) {
        next = at->hh.next;
        free(at);
    }
}

const struct rule_row rule_socket_limit = {
    .rule = {.name = "socket-limit",
             .severity = SEVERITY_ERROR,
             .title = "socket() fails for want of descriptors",
             .why = "No connection can be made any more, nor a file opened: most programs report it as something else "
                    "that failed.",
             .remedy = "Close connections that are done (`sockatlas list --state established --pid PID` shows what is "
                       "open, see also connection-leak and close-wait), or raise RLIMIT_NOFILE (ulimit -n, "
                       "LimitNOFILE=)."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_SOCKET),
    .free = free_all,
};
