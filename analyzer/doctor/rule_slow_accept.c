/* SPDX-License-Identifier: MIT
 *
 * Rule: connections wait long, established as their clients see it, before the server accepts them. One finding for
 * each port; a queue that was full is told of by full-backlog.
 */
#include "analyzer/doctor/queue.h"

/* So long is waiting, for so many. */
enum { LONG_US = 100000, LEAST = 5, LEAST_PERCENT = 10 };

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (const struct queue *queue = doctor->queues; queue; queue = queue->hh.next) {
        char address[ADDRESS_TEXT_MAX];
        uint64_t usual = spread_percentile(&queue->waited_us, 100 - LEAST_PERCENT);
        uint64_t waited = spread_above(&queue->waited_us, LONG_US);
        if (queue->several || queue_was_full(queue) || waited < LEAST || usual < LONG_US)
            continue;
        address_text_port(&queue->address, address);
        struct finding *finding = finding_see(doctor, rule, queue->process, queue->listener, address);
        finding->times = waited;
        finding_say(finding,
                    "%llu of %llu connections to %s waited %d ms or more to be accepted (half of all %.0f ms or more, "
                    "the longest %.0f ms); up to %llu waited at once",
                    (unsigned long long)waited, (unsigned long long)queue->accepted, address, LONG_US / 1000,
                    (double)spread_percentile(&queue->waited_us, 50) / 1e3, (double)queue->longest_us / 1e3,
                    (unsigned long long)queue->most);
        finding_evidence(doctor, finding, queue->key.host, queue->longest_ns, queue->longest_socket,
                         "accepted %.0f ms after its client was connected", (double)queue->longest_us / 1e3);
        finding_evidence(doctor, finding, queue->key.host, queue->most_ns, queue->listener, "%llu connections wait",
                         (unsigned long long)queue->most);
    }
}

const struct rule_row rule_slow_accept = {
    .rule = {.name = "slow-accept",
             .severity = SEVERITY_WARNING,
             .title = "connections wait to be accepted",
             .why = "The client is connected and sends its request, and nobody reads it: the wait is part of every "
                    "answer, and no log of the server has it.",
             .remedy = "Do not work between two accept() calls: hand connections over, let more workers or threads "
                       "accept, and look what the accepting thread waits for."},
    .on_finish = finish,
};
