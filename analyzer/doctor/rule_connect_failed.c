/* SPDX-License-Identifier: MIT
 *
 * Rule: connections that did not come to be: refused, not answered, or without a way to go. One finding for each
 * address and error, whoever tried.
 */
#include "analyzer/doctor/internal.h"

#include "analyzer/names/names.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS SECOND_NS /* who gives up sooner may only have been asking two at once */

/* What a process tried in vain with one address, for one reason. */
struct failure {
    struct failure *next;
    uint16_t error;            /* 0: the program gave up */
    struct listening_query at; /* the first, to ask who listened there */
    uint64_t time_ns;          /* the first */
    uint64_t socket;           /* the first; of those given up, the one that waited longest */
    uint64_t duration_ns;
    uint64_t times;
    char *elsewhere; /* who listens on that port at another address */
};

/* What a process tried with one address. */
struct place {
    UT_hash_handle hh;
    struct place_key {
        uint32_t process;
        struct address peer;
    } key;
    const struct process *process;
    char peer[ADDRESS_TEXT_MAX];
    struct failure *failures;
    uint64_t well_ns; /* when it went well for the last time; 0 never */
};

static struct place *place_of(struct doctor *doctor, const struct sight *sight)
{
    struct place *places = doctor->notes[RULE_connect_failed], *place;
    struct place_key key;
    memset(&key, 0, sizeof key);
    key.process = sight->process->id;
    address_key(&key.peer, &sight->socket->peer);
    HASH_FIND(hh, places, &key, sizeof key, place);
    if (place)
        return place;
    if (!(place = calloc(1, sizeof *place)))
        abort();
    place->key = key;
    place->process = sight->process;
    address_text_port(&key.peer, place->peer);
    HASH_ADD(hh, places, key, sizeof place->key, place);
    doctor->notes[RULE_connect_failed] = places;
    return place;
}

/* Seen while the failure happens: afterwards it may have ended. */
static char *listens_elsewhere(const struct doctor *doctor, const struct sight *sight)
{
    for (const struct chart *at = doctor->first; at; at = at->next) {
        char address[ADDRESS_TEXT_MAX], *text;
        if (at->state != STATE_LISTENING || !at->tcp || !at->owner || at->host != sight->chart->host ||
            at->local.port != sight->socket->peer.port)
            continue;
        address_text_port(&at->local, address);
        if (asprintf(&text, "%s (%u) listens on %s%s", at->owner->comm, at->owner->pid, address,
                     at->netns == sight->chart->netns ? "" : " in another network namespace") < 0)
            abort();
        return text;
    }
    return NULL;
}

static void note(struct doctor *doctor, const struct sight *sight, uint16_t error, uint64_t time_ns)
{
    struct place *place = place_of(doctor, sight);
    struct failure *failure = place->failures;
    uint64_t duration_ns = time_ns - sight->socket->connect_started_ns;
    while (failure && failure->error != error)
        failure = failure->next;
    if (failure) {
        failure->times++;
        if (!error && duration_ns > failure->duration_ns) {
            failure->duration_ns = duration_ns;
            failure->socket = sight->chart->id;
        }
        return;
    }
    if (!(failure = calloc(1, sizeof *failure)))
        abort();
    failure->at = (struct listening_query){
        .host = sight->chart->host, .netns = sight->chart->netns, .address = sight->socket->peer, .time_ns = time_ns};
    failure->socket = sight->chart->id;
    failure->time_ns = time_ns;
    failure->duration_ns = duration_ns;
    failure->times = 1;
    failure->error = error;
    failure->elsewhere = error == ECONNREFUSED ? listens_elsewhere(doctor, sight) : NULL;
    failure->next = place->failures;
    place->failures = failure;
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    (void)rule;
    if (!sight->chart || !sight->chart->tcp || !address_known(&sight->socket->peer))
        return;
    if (sight->outcome == OUTCOME_FAILED)
        note(doctor, sight, sight->event->error, sight->event->time_ns);
    else if (sight->outcome == OUTCOME_ESTABLISHED)
        place_of(doctor, sight)->well_ns = sight->event->time_ns;
}

/* Given up, closed, interrupted or killed: known when the socket is over. */
static void see_socket(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    struct sight sight = {.process = socket->owner, .socket = socket, .chart = chart};
    (void)rule;
    if (chart->tcp && socket->owner && socket->outcome == OUTCOME_UNANSWERED && address_known(&socket->peer))
        note(doctor, &sight, 0, socket->closed_ns ? socket->closed_ns : doctor->last_ns);
}

/* Another rule has said more of it. */
static bool told(const struct doctor *doctor, const struct place *place)
{
    static const struct rule_row *const others[] = {&rule_reconnect_storm, &rule_ipv6_first, &rule_ports_running_out};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (finding_find(doctor, &others[i]->rule, place->process, place->peer))
            return true;
    return false;
}

/* Nobody listens there: who did, or who did later. */
static void explain_refused(const struct doctor *doctor, struct finding *finding, const struct failure *failure,
                            const char *peer)
{
    char *story = NULL;
    bool before = listening_story(doctor, &failure->at, &story);
    const char *more = story ? story : failure->elsewhere;
    finding_say(finding, "%s refused the connection: %s%s%s", peer,
                story ? "" : "its host answers, and nobody listens there", !story && more ? "; " : "",
                more ? more : "");
    if (before)
        finding->remedy = "Find out why it stopped, and start it again; have the clients try again after a pause.";
    else if (story)
        finding->remedy = "Start the server first, and the clients when it listens; or have them try again after a "
                          "pause.";
    else
        finding->remedy = more ? "Have the server listen on this address too (0.0.0.0 and [::] are all), or "
                                 "connect to the one it has."
                               : "Start the server first, or correct address and port: `ss -tlnp` on its "
                                 "host shows who listens on what.";
    free(story);
}

/* What it means, and what to do. */
static void explain(const struct doctor *doctor, struct finding *finding, const struct failure *failure,
                    const char *peer, const char *error, const char *queue)
{
    double seconds = (double)failure->duration_ns / 1e9;
    if (queue) {
        finding_say(finding, "%s did not answer within %.1f s, though %s: its queue was full", peer, seconds, queue);
        finding->remedy = "Have the server accept sooner, or give listen() a larger backlog: SOMAXCONN, or -1, is as "
                          "many as net.core.somaxconn allows.";
        return;
    }
    switch (failure->error) {
    case ECONNREFUSED:
        explain_refused(doctor, finding, failure, peer);
        return;
    case 0:
        finding_say(finding, "%s had not answered when the program gave up after %.1f s", peer, seconds);
        finding->remedy = "Look for a firewall that drops the packets (`nft list ruleset`, on both hosts and between "
                          "them), and whether the host is up.";
        return;
    case ETIMEDOUT:
        finding_say(finding, "%s did not answer within %.1f s: no refusal either", peer, seconds);
        finding->remedy = "Look for a firewall that drops the packets (`nft list ruleset`, on both hosts and between "
                          "them), and whether the host is up. Have the program give up sooner.";
        return;
    case ENETUNREACH:
        finding_say(finding, "%s is unreachable: this machine has no route to it", peer);
        finding->remedy = "`ip route get ADDRESS` tells the way; add a route, or correct the address.";
        return;
    case EHOSTUNREACH:
        finding_say(finding,
                    "%s is unreachable: after %.1f s a router, or the lack of an answer on the last link, said so",
                    peer, seconds);
        finding->remedy = "See whether the host is up (`ip neigh`), and what a firewall on the way rejects.";
        return;
    default:
        finding_say(finding, "connect() to %s failed (%s)", peer, error);
    }
}

/* All that failed with one address for one reason. */
struct group {
    UT_hash_handle hh;
    struct finding *finding;
    uint64_t times;
    unsigned processes;
};

static const char *reason(const struct failure *at, char number[32])
{
    const char *error = at->error ? names_errno(at->error) : "given up";
    return error ? error : (snprintf(number, 32, "error %u", at->error), number);
}

static void tell(struct doctor *doctor, const struct rule *rule, const struct place *place, const struct failure *at,
                 struct group **groups)
{
    char number[32], *key, *queue = NULL;
    const char *error = reason(at, number), *peer = place->peer;
    struct group *group;
    if (asprintf(&key, "%u %llu %s %s", at->at.host, (unsigned long long)at->at.netns, peer, error) < 0)
        abort();
    struct finding *finding = finding_see(doctor, rule, NULL, at->socket, key);
    free(key);
    if (at->error == 0 || at->error == ETIMEDOUT)
        queue = listening_queue(doctor, &at->at);
    HASH_FIND_PTR(*groups, &finding, group);
    if (!group) {
        if (!(group = calloc(1, sizeof *group)))
            abort();
        group->finding = finding;
        HASH_ADD_PTR(*groups, finding, group);
        finding->process = place->process;
        explain(doctor, finding, at, peer, error, queue);
    }
    group->processes++;
    group->times += at->times;
    bool seconds = at->duration_ns >= SECOND_NS;
    finding_evidence(doctor, finding, at->at.host, at->time_ns, at->socket, "connect() to %s: %s after %.2f %s%s%s",
                     peer, error, (double)at->duration_ns / (seconds ? 1e9 : 1e6), seconds ? "s" : "ms",
                     queue ? "; " : "", queue ? queue : "");
    free(queue);
}

/* Later it went well, or it was given up at once, as where two are asked and one is taken. */
static bool is_harmless(const struct place *place, const struct failure *at)
{
    return place->well_ns > at->time_ns || (!at->error && at->duration_ns < PATIENCE_NS);
}

static void say_how_many(struct group *group)
{
    struct finding *finding = group->finding;
    finding->times = group->times;
    if (group->processes < 2)
        return;
    char *message = finding->message;
    finding->message = NULL;
    finding_say(finding, "%llu connections of %u processes: %s", (unsigned long long)group->times, group->processes,
                message);
    free(message);
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    struct group *groups = NULL, *group, *next;
    for (const struct place *place = doctor->notes[RULE_connect_failed]; place; place = place->hh.next)
        for (const struct failure *at = told(doctor, place) ? NULL : place->failures; at; at = at->next)
            if (!is_harmless(place, at))
                tell(doctor, rule, place, at, &groups);
    group = groups;
    HASH_CLEAR(hh, groups);
    for (; group; group = next) {
        next = group->hh.next;
        say_how_many(group);
        free(group);
    }
}

static void free_places(void *notes)
{
    struct place *places = notes, *place, *next;
    place = places;
    HASH_CLEAR(hh, places);
    for (; place; place = next) {
        next = place->hh.next;
        for (struct failure *failure = place->failures, *after; failure; failure = after) {
            after = failure->next;
            free(failure->elsewhere);
            free(failure);
        }
        free(place);
    }
}

const struct rule_row rule_connect_failed = {
    .rule = {.name = "connect-failed",
             .severity = SEVERITY_WARNING,
             .title = "a connection did not come to be",
             .why = "Refused: the host answered, and no process listens there. No answer: the packets were dropped on "
                    "the way, or there is no such host. Unreachable: nobody knew a way to it.",
             .remedy = "See errno(3) for what it means."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CONNECT) | KIND(SOCKATLAS_CONNECTED),
    .on_socket = see_socket,
    .on_finish = finish,
    .free = free_places,
};
