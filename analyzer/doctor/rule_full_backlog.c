/* SPDX-License-Identifier: MIT
 *
 * Rule: the queue of a listener was full, and clients were not answered meanwhile. One finding for each port.
 */
#include "analyzer/doctor/queue.h"

#include <stdio.h>

static void say_time(char out[32], uint64_t us)
{
    if (us < 1000)
        snprintf(out, 32, "%llu us", (unsigned long long)us);
    else if (us < 1000000)
        snprintf(out, 32, "%.1f ms", (double)us / 1e3);
    else
        snprintf(out, 32, "%.1f s", (double)us / 1e6);
}

static void tell(const struct doctor *doctor, const struct rule *rule, const struct queue *queue)
{
    char address[ADDRESS_TEXT_MAX], pause[32], most[32], longest[32], speed[192] = "none of them was accepted";
    address_text_port(&queue->address, address);
    say_time(longest, queue->longest_us);
    say_time(pause, spread_percentile(&queue->pause_us, 50));
    say_time(most, queue->pause_us.most);
    if (queue->accepted)
        snprintf(speed, sizeof speed,
                 "one was accepted every %s (median), none for %s at the longest, and the longest wait was %s", pause,
                 most, longest);
    struct finding *finding = finding_see((struct doctor *)doctor, rule, queue->process, queue->listener, address);
    finding->times = queue->dropped_count;
    finding_say(finding,
                "%s has a backlog of %lld: %llu connections waited to be accepted at once, and %llu attempts were not "
                "answered, or only when they were sent again; %s",
                address, (long long)queue->backlog, (unsigned long long)queue->most,
                (unsigned long long)queue->dropped_count, speed);
    finding_evidence(doctor, finding, queue->key.host, queue->most_ns, queue->listener, "%llu connections wait",
                     (unsigned long long)queue->most);
    for (unsigned i = 0; i < queue->dropped_count && i < EVIDENCE_MAX - 1; i++) {
        const struct queue_dropped *dropped = &queue->dropped[i];
        char time[32];
        say_time(time, dropped->ns / 1000);
        finding_evidence(doctor, finding, queue->key.host, dropped->time_ns, dropped->socket,
                         dropped->unanswered ? "connect() to it: no answer in %s" : "connect() to it took %s", time);
    }
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (const struct queue *queue = doctor->queues; queue; queue = queue->hh.next)
        if (queue_was_full(queue))
            tell(doctor, rule, queue);
}

const struct rule_row rule_full_backlog = {
    .rule = {.name = "full-backlog",
             .severity = SEVERITY_ERROR,
             .title = "a listener's queue is full and clients are not answered",
             .why =
                 "While the queue is full the kernel drops new connections in silence; their clients try again after "
                 "1 s, 3 s, 7 s, or give up.",
             .remedy = "Accept faster: do not work between two accept() calls, or have more workers accept. Then give "
                       "listen() a larger backlog (SOMAXCONN), and raise net.core.somaxconn if that is the bound."},
    .on_finish = finish,
};
