/* SPDX-License-Identifier: MIT
 *
 * Rule: the other host said that nobody has the port that datagrams were sent to.
 */
#include "analyzer/doctor/internal.h"

#include <errno.h>
#include <sys/socket.h>

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    const struct chart *chart = sight->chart;
    char address[ADDRESS_TEXT_MAX];
    bool inet = chart && (chart->family == AF_INET || chart->family == AF_INET6);
    if (!inet || chart->type != SOCK_DGRAM || event->error != ECONNREFUSED || !address_known(&chart->peer))
        return;
    address_text_port(&chart->peer, address);
    struct finding *finding = finding_see(doctor, rule, sight->process, chart->id, address);
    finding_say(finding, "datagrams to %s were refused: its host answers, and nobody has that port", address);
    finding_evidence(doctor, finding, chart->host, event->time_ns, chart->id, "ECONNREFUSED");
}

const struct rule_row rule_datagram_refused = {
    .rule = {.name = "datagram-refused",
             .severity = SEVERITY_WARNING,
             .title = "datagrams are sent where nobody receives",
             .why = "sendto() succeeds whoever is there: the refusal comes with the next call on the socket, if it is "
                    "connected, and never otherwise.",
             .remedy = "Start the receiver, or send to the address and port that it has (`ss -lun`)."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_ERROR),
};
