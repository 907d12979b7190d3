/* SPDX-License-Identifier: MIT
 *
 * Rule: SO_RCVBUF was set on a TCP socket whose window scale was already agreed on.
 */
#include "analyzer/doctor/internal.h"

#include <sys/socket.h>

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    int64_t value;
    if (!sight->chart || !sight->chart->tcp || !option_value(sight->event, SOL_SOCKET, SO_RCVBUF, &value))
        return;
    enum state state = sight->socket->state;
    const char *when = state == STATE_LISTENING             ? "listen()"
                       : state == STATE_CONNECTING          ? "connect() began"
                       : state != STATE_ESTABLISHED         ? NULL
                       : sight->socket->role == ROLE_SERVER ? "accept()"
                                                            : "connect()";
    if (!when)
        return;
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->socket->id, when);
    finding_say(finding, "SO_RCVBUF was set to %lld after %s", (long long)value, when);
    if (sight->chart->connected_ns)
        finding_evidence(doctor, finding, sight->socket->host, sight->chart->connected_ns, sight->socket->id,
                         "the connection was there already");
    finding_evidence(doctor, finding, sight->socket->host, sight->event->time_ns, sight->socket->id,
                     "setsockopt(%d, SOL_SOCKET, SO_RCVBUF, %lld)", sight->event->fd, (long long)value);
}

const struct rule_row rule_late_buffer = {
    .rule = {.name = "late-buffer",
             .severity = SEVERITY_WARNING,
             .title = "SO_RCVBUF was set too late",
             .why = "TCP agrees on the window scale in the handshake. A size set afterwards cannot raise it (tcp(7)), "
                    "and it switches the kernel's own tuning of the buffer off.",
             .remedy = "Set SO_RCVBUF before connect(); for accepted connections set it on the listening socket before "
                       "listen(), which hands it down. Or set none."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_OPTION),
};
