/* SPDX-License-Identifier: MIT
 *
 * Rule: accept() fails again and again because no descriptor is left.
 */
#include "analyzer/doctor/internal.h"

#include <errno.h>

/* Once is an accident that the next close mends. */
#define LOOP_LEAST 3

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    struct chart *chart = sight->chart;
    if (event->kind != SOCKATLAS_ACCEPT || !chart)
        return;
    if (event->error != EMFILE && event->error != ENFILE)
        return;
    if (!chart->accept_failures++)
        chart->accept_first_ns = event->time_ns;
    if (chart->accept_failures < LOOP_LEAST)
        return;
    bool process_limit = event->error == EMFILE;
    const char *error = process_limit ? "EMFILE" : "ENFILE";
    char address[ADDRESS_TEXT_MAX];
    struct finding *finding = finding_see(doctor, rule, sight->process, chart->id, error);
    finding->times = chart->accept_failures;
    finding_say(finding, "accept() on %s failed %u times with %s (%s) in %.3f s",
                address_text_port(&sight->socket->local, address), chart->accept_failures, error,
                process_limit ? "RLIMIT_NOFILE is spent" : "the system's fs.file-max is spent",
                (double)(event->time_ns - chart->accept_first_ns) / 1e9);
    if (chart->accept_failures == LOOP_LEAST)
        finding_evidence(doctor, finding, chart->host, chart->accept_first_ns, chart->id, "the first %s", error);
    finding_evidence(doctor, finding, chart->host, event->time_ns, chart->id, "accept() = -1 %s", error);
}

const struct rule_row rule_accept_limit = {
    .rule = {.name = "accept-limit",
             .severity = SEVERITY_ERROR,
             .title = "accept() fails in a loop for want of descriptors",
             .why =
                 "The connection stays in the queue, so the listening socket stays ready: an event loop spins on it, "
                 "and clients hang until they give up.",
             .remedy =
                 "Raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE=), close connections that are done (see close-wait), "
                 "and keep one spare descriptor to accept and close when the limit is reached."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_ACCEPT),
};
