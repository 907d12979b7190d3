/* SPDX-License-Identifier: MIT
 *
 * Rule: two TCP sockets of one namespace have one 5-tuple at one time.
 */
#include "analyzer/doctor/internal.h"

#include <stdio.h>

/* An event on a socket after another one got its tuple: both were alive. */
static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    if (!chart || !chart->twin_id || sight->event->time_ns <= chart->twin_ns)
        return;
    char local[ADDRESS_TEXT_MAX], peer[ADDRESS_TEXT_MAX], key[2 * ADDRESS_TEXT_MAX];
    address_text_port(&chart->local, local);
    address_text_port(&chart->peer, peer);
    snprintf(key, sizeof key, "%s %s", local, peer);
    struct finding *finding = finding_see(doctor, rule, sight->process, chart->id, key);
    finding_say(finding, "sockets %llu and %llu are both the TCP connection %s - %s", (unsigned long long)chart->id,
                (unsigned long long)chart->twin_id, local, peer);
    finding_evidence(doctor, finding, chart->host, chart->twin_ns, chart->twin_id, "established with this tuple");
    finding_evidence(doctor, finding, chart->host, sight->event->time_ns, chart->id,
                     "still in use with the same tuple (descriptor %d)", sight->event->fd);
    chart->twin_id = 0;
}

const struct rule_row rule_same_tuple = {
    .rule = {.name = "same-tuple",
             .severity = SEVERITY_ERROR,
             .title = "two sockets with one 5-tuple",
             .why =
                 "Within one namespace the kernel gives a tuple to one connection at a time. Two mean that addresses "
                 "are told apart by something else (VRF, SO_BINDTODEVICE), or that the trace does not show all.",
             .remedy =
                 "Look at both with `sockatlas show`; with VRFs or bound devices it is in order, else a close was "
                 "not seen (the map's coverage says why)."},
    .on_event = see,
};
