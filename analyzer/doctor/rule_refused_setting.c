/* SPDX-License-Identifier: MIT
 *
 * Rule: a setting was refused, and the socket used all the same.
 */
#include "analyzer/doctor/internal.h"

#include "analyzer/names/names.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Tried first by programs that fall back to the plain option. */
static int32_t plain(int32_t level, int32_t name)
{
    if (level == SOL_SOCKET && name == SO_RCVBUFFORCE)
        return SO_RCVBUF;
    return level == SOL_SOCKET && name == SO_SNDBUFFORCE ? SO_SNDBUF : name;
}

static void note(struct chart *chart, const struct event *event)
{
    const struct sockatlas_body_option *body = event_body(event);
    unsigned kept = 0;
    for (unsigned i = 0; i < chart->refusals_count; i++)
        if (chart->refusals[i].level != body->level ||
            plain(body->level, chart->refusals[i].name) != plain(body->level, body->name))
            chart->refusals[kept++] = chart->refusals[i];
    chart->refusals_count = kept;
    if (event->error && kept < REFUSALS_MAX)
        chart->refusals[chart->refusals_count++] = (struct refusal){
            .level = body->level, .name = body->name, .error = event->error, .time_ns = event->time_ns};
}

/* Whether the program went on with the socket. */
static bool uses(const struct event *event)
{
    const struct sockatlas_body_close *body = event_body(event);
    switch (event->kind) {
    case SOCKATLAS_BIND:
    case SOCKATLAS_LISTEN:
    case SOCKATLAS_CONNECT:
    case SOCKATLAS_IO:
    case SOCKATLAS_PEER:
        return !event->error || event->error == EINPROGRESS;
    case SOCKATLAS_CLOSE:
        return body->messages_sent || body->messages_received || body->bytes_sent || body->bytes_received;
    default:
        return false;
    }
}

static void tell(struct doctor *doctor, const struct rule *rule, const struct sight *sight,
                 const struct refusal *refusal)
{
    char key[64], number[32], name[80];
    const char *error = names_errno(refusal->error), *known = names_option(refusal->level, refusal->name);
    snprintf(number, sizeof number, "errno %u", refusal->error);
    if (known)
        snprintf(name, sizeof name, "%s", known);
    else
        snprintf(name, sizeof name, "level %d, option %d", refusal->level, refusal->name);
    snprintf(key, sizeof key, "%d %d %u", refusal->level, refusal->name, refusal->error);
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->chart->id, key);
    /* A TCP option on what is no TCP socket does no harm. */
    if (sight->chart->family == AF_UNIX && refusal->level != SOL_SOCKET)
        finding->severity = SEVERITY_NOTE;
    finding_say(finding, "%s was refused with %s, and the %ssocket used without it", name, error ? error : number,
                sight->chart->family == AF_UNIX ? "unix " : "");
    finding_evidence(doctor, finding, sight->chart->host, refusal->time_ns, sight->chart->id,
                     "setsockopt(..., %s, ...) = -1 %s", name, error ? error : number);
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    struct chart *chart = sight->chart;
    if (!chart)
        return;
    if (sight->event->kind == SOCKATLAS_OPTION) {
        note(chart, sight->event);
        return;
    }
    if (!chart->refusals_count || !uses(sight->event))
        return;
    for (unsigned i = 0; i < chart->refusals_count; i++)
        tell(doctor, rule, sight, &chart->refusals[i]);
    chart->refusals_count = 0;
}

const struct rule_row rule_refused_setting = {
    .rule = {.name = "refused-setting",
             .severity = SEVERITY_WARNING,
             .title = "a setting was refused, and the program went on",
             .why =
                 "The program believes in a setting that is not in force: a timeout that never fires, a mark that no "
                 "rule matches.",
             .remedy =
                 "Check what setsockopt() returns. ENOPROTOOPT: this kernel or protocol does not know the option; "
                 "EPERM: it needs a capability (CAP_NET_ADMIN, CAP_NET_RAW); EINVAL: the value or its size."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_OPTION) | KIND(SOCKATLAS_BIND) | KIND(SOCKATLAS_LISTEN) | KIND(SOCKATLAS_CONNECT) |
             KIND(SOCKATLAS_IO) | KIND(SOCKATLAS_PEER) | KIND(SOCKATLAS_CLOSE),
};
