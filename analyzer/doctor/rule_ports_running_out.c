/* SPDX-License-Identifier: MIT
 *
 * Rule: ephemeral ports towards one address run out.
 */
#include "analyzer/doctor/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

/* Without a failure: how full the range must look, in percent. */
#define NEARLY_FULL 80
/* Connections between two looks; where there are fewer ports than that, an eighth of them, but not each. */
#define STEP       64
#define STEP_LEAST 4

/* How many ports there were to choose from; 0 not known. */
static unsigned ports_of(const struct destination *destination)
{
    return destination->key.port_high ? destination->key.port_high - destination->key.port_low + 1u : 0;
}

static bool is_own_range(const struct event *event, const struct destination *destination)
{
    const struct sockatlas_header *header = &event->image->header;
    return destination->key.port_low != header->port_low || destination->key.port_high != header->port_high;
}

static bool is_time_to_look(const struct destination *destination)
{
    unsigned ports = ports_of(destination), eighth = ports / 8 > STEP_LEAST ? ports / 8 : STEP_LEAST;
    return destination->connects % (ports < STEP ? eighth : STEP) == 0;
}

static void arithmetic(char *out, size_t size, const struct event *event, const struct destination *destination,
                       uint64_t recent)
{
    char source[ADDRESS_TEXT_MAX], ports[96];
    const struct destination_key *key = &destination->key;
    bool known = address_text(&key->source, source) != NULL;
    if (ports_of(destination))
        snprintf(ports, sizeof ports, "%sports %u-%u are %u",
                 is_own_range(event, destination) ? "with IP_LOCAL_PORT_RANGE, " : "", key->port_low, key->port_high,
                 ports_of(destination));
    else
        snprintf(ports, sizeof ports, "the trace does not tell the range; by default it has 28232 ports");
    snprintf(out, size, "%llu connections%s%.64s to it in the last 60 s (as long as TIME_WAIT holds a port); %s",
             (unsigned long long)recent, known ? " from " : "", known ? source : "", ports);
}

static void failed(struct doctor *doctor, const struct rule *rule, const struct sight *sight,
                   const struct destination *destination)
{
    char peer[ADDRESS_TEXT_MAX], numbers[256];
    uint64_t recent = destination_recent(doctor, destination, sight->event->time_ns);
    if (!recent) /* no route or no such family gives the same error */
        return;
    address_text_port(&sight->chart->peer, peer);
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->chart->id, peer);
    if (finding->severity != SEVERITY_ERROR)
        finding->times = 1; /* until now nothing had failed */
    finding->severity = SEVERITY_ERROR;
    finding->inferred = false;
    arithmetic(numbers, sizeof numbers, sight->event, destination, recent);
    finding_say(finding, "no local port was left for a connection to %s (EADDRNOTAVAIL)", peer);
    finding_evidence(doctor, finding, sight->chart->host, sight->event->time_ns, sight->chart->id,
                     "connect() = -1 EADDRNOTAVAIL; %s", numbers);
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    enum outcome outcome = sight->outcome;
    if (!sight->chart || !sight->chart->tcp || (outcome != OUTCOME_ESTABLISHED && outcome != OUTCOME_FAILED))
        return;
    if (outcome == OUTCOME_FAILED && sight->event->error == EADDRNOTAVAIL) {
        if (sight->destination)
            failed(doctor, rule, sight, sight->destination);
        return;
    }
    const struct destination *destination = sight->chart->destination;
    if (!destination || !ports_of(destination) || !is_time_to_look(destination))
        return;
    unsigned ports = ports_of(destination);
    uint64_t recent = destination_recent(doctor, destination, sight->event->time_ns);
    if (recent * 100 < (uint64_t)ports * NEARLY_FULL)
        return;
    char peer[ADDRESS_TEXT_MAX], numbers[256];
    address_text_port(&sight->chart->peer, peer);
    struct finding *finding = finding_see(doctor, rule, sight->process, sight->chart->id, peer);
    if (finding->message) {
        finding->times--; /* once told, still the same */
        return;
    }
    finding->inferred = true;
    arithmetic(numbers, sizeof numbers, sight->event, destination, recent);
    finding_say(finding, "local ports for connections to %s are nearly all in use (inferred)", peer);
    finding_evidence(doctor, finding, sight->chart->host, sight->event->time_ns, sight->chart->id, "%s", numbers);
}

const struct rule_row rule_ports_running_out = {
    .rule = {.name = "ports-running-out",
             .severity = SEVERITY_WARNING,
             .title = "ephemeral ports run out",
             .why =
                 "A connection needs a local port that no other connection from the same address to the same address "
                 "and port uses, and a closed one keeps its port in TIME_WAIT for 60 s: rate times 60 must stay below "
                 "the range.",
             .remedy =
                 "Use connections again; widen net.ipv4.ip_local_port_range, or the socket's own IP_LOCAL_PORT_RANGE; "
                 "connect from several addresses, or to "
                 "several; set IP_BIND_ADDRESS_NO_PORT before binding a source address; net.ipv4.tcp_tw_reuse=1."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CONNECT) | KIND(SOCKATLAS_CONNECTED),
};
