/* SPDX-License-Identifier: MIT
 *
 * Rule: many connections to one address one after the other, each for one exchange.
 */
#include "analyzer/doctor/internal.h"

#define MANY         20
#define EACH_WITHIN  (3 * SECOND_NS) /* on average */
#define OVERLAP_PART 10

static void look(struct doctor *doctor, const struct rule *rule)
{
    for (const struct destination *at = doctor->destinations; at; at = at->hh.next) {
        if (at->exchanges < MANY || at->overlapping > at->connects / OVERLAP_PART ||
            at->exchange_last_ns - at->exchange_first_ns > at->exchanges * EACH_WITHIN)
            continue;
        char peer[ADDRESS_TEXT_MAX];
        address_text_port(&at->key.address, peer);
        struct finding *finding = finding_see(doctor, rule, at->process, at->exchange_socket, peer);
        finding->times = at->exchanges;
        finding_say(finding, "%llu connections to %s one after the other in %.3f s, each closed after one exchange",
                    (unsigned long long)at->exchanges, peer,
                    (double)(at->exchange_last_ns - at->exchange_first_ns) / 1e9);
        finding_evidence(doctor, finding, at->key.host, at->exchange_first_ns, at->exchange_socket,
                         "the first of them");
        finding_evidence(doctor, finding, at->key.host, at->exchange_last_ns, 0, "the last of them was closed");
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
                 "Keep the connection and use it again: HTTP keep-alive, a connection pool, one session object for "
                 "all requests."},
    .on_finish = look,
};
