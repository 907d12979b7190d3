/* SPDX-License-Identifier: MIT
 *
 * Rule: an IPv6 address was tried and failed before an IPv4 one.
 */
#include "analyzer/doctor/internal.h"

#include "analyzer/names/names.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TOGETHER_NS (150 * SECOND_NS) /* a connect that is never answered takes 130 s */
#define NEXT_NS     (2 * SECOND_NS)   /* from the end of one attempt to the next */
#define COSTLY_NS   (SECOND_NS / 5)

/* The latest IPv6 attempt of a process that came to nothing. */
struct attempt {
    UT_hash_handle hh;
    uint32_t process;
    struct address peer;
    const char *name;
    uint64_t socket, start_ns, end_ns;
    uint16_t error; /* 0: given up */
};

static struct attempt *attempt_of(struct doctor *doctor, uint32_t process)
{
    struct attempt *attempts = doctor->notes[RULE_ipv6_first], *attempt;
    HASH_FIND(hh, attempts, &process, sizeof process, attempt);
    return attempt;
}

static void note(struct doctor *doctor, const struct sight *sight, uint16_t error)
{
    struct attempt *attempts = doctor->notes[RULE_ipv6_first], *attempt = attempt_of(doctor, sight->process->id);
    if (!attempt) {
        if (!(attempt = calloc(1, sizeof *attempt)))
            abort();
        attempt->process = sight->process->id;
        HASH_ADD(hh, attempts, process, sizeof attempt->process, attempt);
        doctor->notes[RULE_ipv6_first] = attempts;
    }
    attempt->peer = sight->socket->peer;
    attempt->name = sight->socket->peer_name;
    attempt->socket = sight->chart->id;
    attempt->start_ns = sight->socket->connect_started_ns;
    attempt->end_ns = sight->event->time_ns;
    attempt->error = error;
}

static void compare(struct doctor *doctor, const struct rule *rule, const struct sight *sight, struct attempt *attempt)
{
    const struct socket *socket = sight->socket;
    uint64_t start = socket->connect_started_ns;
    bool named = attempt->name && socket->peer_name && strcmp(attempt->name, socket->peer_name) == 0;
    if (socket->peer.port != attempt->peer.port || start < attempt->end_ns || start - attempt->end_ns > NEXT_NS ||
        start - attempt->start_ns > TOGETHER_NS || (!named && (attempt->name || socket->peer_name)))
        return;
    char six[ADDRESS_TEXT_MAX], four[ADDRESS_TEXT_MAX];
    uint64_t cost = start - attempt->start_ns;
    const char *error = attempt->error ? names_errno(attempt->error) : "given up";
    address_text_port(&attempt->peer, six);
    address_text_port(&socket->peer, four);
    struct finding *finding = finding_see(doctor, rule, sight->process, attempt->socket, six);
    finding->severity = cost >= COSTLY_NS ? SEVERITY_WARNING : SEVERITY_NOTE;
    finding->inferred = !named;
    finding_say(finding, "%s%s%s was tried first and %s (%s): %.1f ms until %s%s", six, named ? " of " : "",
                named ? attempt->name : "", attempt->error ? "failed" : "did not answer", error ? error : "error",
                (double)cost / 1e6, four, named ? "" : " (inferred: one port, one right after the other)");
    finding_evidence(doctor, finding, sight->chart->host, attempt->end_ns, attempt->socket, "connect() to %s: %s", six,
                     error ? error : "error");
    finding_evidence(doctor, finding, sight->chart->host, start, sight->chart->id, "connect() to %s begins", four);
    attempt->end_ns = 0;
    attempt->peer.port = 0;
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    if (!sight->chart || !sight->chart->tcp)
        return;
    enum outcome outcome = sight->outcome;
    if (sight->socket->peer.family == AF_INET6) {
        if (outcome == OUTCOME_FAILED)
            note(doctor, sight, event->error);
        else if (event->kind == SOCKATLAS_CLOSE && sight->socket->state == STATE_CONNECTING)
            note(doctor, sight, 0);
    } else if (event->kind == SOCKATLAS_CONNECT && sight->socket->peer.family == AF_INET &&
               (outcome == OUTCOME_PENDING || outcome == OUTCOME_ESTABLISHED)) {
        struct attempt *attempt = attempt_of(doctor, sight->process->id);
        if (attempt)
            compare(doctor, rule, sight, attempt);
    }
}

static void free_attempts(void *notes)
{
    struct attempt *attempts = notes, *attempt, *next;
    attempt = attempts;
    HASH_CLEAR(hh, attempts);
    for (; attempt; attempt = next) {
        next = attempt->hh.next;
        free(attempt);
    }
}

const struct rule_row rule_ipv6_first = {
    .rule = {.name = "ipv6-first",
             .severity = SEVERITY_WARNING,
             .title = "IPv6 was tried and failed before IPv4",
             .why =
                 "Every connection waits for the failure first: nothing where it is refused at once, up to two minutes "
                 "where nobody answers.",
             .remedy =
                 "Serve IPv6 too, or take the AAAA record (or the ::1 line for it in /etc/hosts) away; in the client "
                 "try both at once (RFC 8305), or prefer IPv4 in /etc/gai.conf."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CONNECT) | KIND(SOCKATLAS_CONNECTED) | KIND(SOCKATLAS_CLOSE),
    .free = free_attempts,
};
