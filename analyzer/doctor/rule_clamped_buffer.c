/* SPDX-License-Identifier: MIT
 *
 * Rule: a buffer size was asked for that the kernel did not grant.
 */
#include "analyzer/doctor/internal.h"

#include "analyzer/model/setting.h"
#include <string.h>
#include <sys/socket.h>

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct sockatlas_body_option *body = event_body(sight->event);
    if (sight->event->kind != SOCKATLAS_OPTION || sight->event->error || !sight->socket || body->level != SOL_SOCKET ||
        (body->name != SO_RCVBUF && body->name != SO_SNDBUF))
        return;
    int32_t requested, effective;
    if (body->kept_size < sizeof requested || body->effective_size < sizeof effective ||
        !event_tail(sight->event, sizeof *body, 0, &requested, sizeof requested) ||
        !event_tail(sight->event, sizeof *body, body->kept_size, &effective, sizeof effective) ||
        effective >= 2 * (int64_t)requested)
        return;
    bool receive = body->name == SO_RCVBUF;
    const char *name = receive ? "SO_RCVBUF" : "SO_SNDBUF", *limit = receive ? "rmem_max" : "wmem_max";
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->socket->id, name);
    finding_say(finding, "%s: asked for %d bytes, granted %d: net.core.%s is %d", name, requested, effective / 2, limit,
                effective / 2);
    finding_evidence(doctor, finding, sight->socket->host, sight->event->time_ns, sight->socket->id,
                     "setsockopt(%d, SOL_SOCKET, %s, %d) succeeded; reads back %d, which is twice what is granted",
                     sight->event->fd, name, requested, effective);
}

const struct rule_row rule_clamped_buffer = {
    .rule = {.name = "clamped-buffer",
             .severity = SEVERITY_WARNING,
             .title = "a buffer was asked for and clamped",
             .why =
                 "The call succeeds, but the buffer is smaller than the program believes: throughput over a long path "
                 "stays at buffer / round-trip time, and datagrams are dropped in bursts.",
             .remedy = "Raise net.core.rmem_max or net.core.wmem_max to what is asked for, use SO_RCVBUFFORCE or "
                       "SO_SNDBUFFORCE with CAP_NET_ADMIN, or (TCP) set no size at all and let the kernel tune it."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_OPTION),
};
