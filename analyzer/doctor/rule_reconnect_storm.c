/* SPDX-License-Identifier: MIT
 *
 * Rule: failing connects are repeated without a pause.
 */
#include "analyzer/doctor/internal.h"

#include "analyzer/names/names.h"

#define STORM_NS (10 * SECOND_NS)

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    if (!sight->chart || !sight->chart->tcp || sight->outcome != OUTCOME_FAILED)
        return;
    const struct destination *destination = sight->destination;
    if (!destination || destination->failures_count < STORM_FAILURES)
        return;
    uint64_t last = sight->event->time_ns, first = destination->failures[destination->failures_count % STORM_FAILURES];
    uint64_t second = destination->failures[(destination->failures_count + 1) % STORM_FAILURES];
    uint64_t before = destination->failures[(destination->failures_count - 2) % STORM_FAILURES];
    /* Who waits longer each time means well. */
    if (last - first > STORM_NS || last - before > 4 * (second - first) + SECOND_NS / 10)
        return;
    char peer[ADDRESS_TEXT_MAX];
    const char *error = names_errno(sight->event->error);
    address_text_port(&sight->chart->peer, peer);
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->chart->id, peer);
    finding->times = destination->failures_count;
    finding_say(finding, "%llu connects to %s failed (%s), ten of them within %.3f s",
                (unsigned long long)destination->failures_count, peer, error ? error : "error",
                (double)(last - first) / 1e9);
    if (!finding->evidence_count)
        finding_evidence(doctor, finding, sight->chart->host, first, 0, "the first of ten failures");
    finding_evidence(doctor, finding, sight->chart->host, last, sight->chart->id, "connect() to %s: %s", peer,
                     error ? error : "error");
}

const struct rule_row rule_reconnect_storm = {
    .rule = {.name = "reconnect-storm",
             .severity = SEVERITY_ERROR,
             .title = "failing connects are repeated without a pause",
             .why = "It burns CPU and ports here, and floods the server just when it tries to come back.",
             .remedy =
                 "Wait before each further try, twice as long each time up to a bound, with some randomness so that "
                 "clients do not come back all at once."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CONNECT) | KIND(SOCKATLAS_CONNECTED),
};
