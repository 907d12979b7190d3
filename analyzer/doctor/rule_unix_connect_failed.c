/* SPDX-License-Identifier: MIT
 *
 * Rule: a unix socket's path that was not there, or that nobody listens at. One finding for each path and error,
 * whoever tried.
 */
#include "analyzer/doctor/internal.h"

#include "analyzer/names/names.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct attempt {
    UT_hash_handle hh;
    struct attempt_key {
        unsigned host;
        char path[ADDRESS_TEXT_MAX];
    } key;
    const struct process *process;
    struct listening_query at; /* the first, to ask who listened there */
    uint16_t error;            /* the latest; 0: given up */
    uint64_t socket, time_ns, last_ns, times;
};

static struct attempt *find(const struct doctor *doctor, const struct sight *sight, struct attempt_key *key)
{
    struct attempt *all = doctor->notes[RULE_unix_connect_failed], *attempt;
    memset(key, 0, sizeof *key);
    key->host = sight->socket->host;
    address_text_port(&sight->socket->peer, key->path);
    HASH_FIND(hh, all, key, sizeof *key, attempt);
    return attempt;
}

static void note(struct doctor *doctor, const struct sight *sight, uint16_t error, uint64_t time_ns)
{
    struct attempt_key key;
    struct attempt *all = doctor->notes[RULE_unix_connect_failed], *attempt = find(doctor, sight, &key);
    if (!attempt) {
        if (!(attempt = calloc(1, sizeof *attempt)))
            abort();
        attempt->key = key;
        attempt->process = sight->process;
        attempt->at = (struct listening_query){
            .host = key.host, .netns = sight->chart->netns, .address = sight->socket->peer, .time_ns = time_ns};
        attempt->socket = sight->chart->id;
        attempt->time_ns = time_ns;
        HASH_ADD(hh, all, key, sizeof attempt->key, attempt);
        doctor->notes[RULE_unix_connect_failed] = all;
    }
    attempt->error = error;
    attempt->last_ns = time_ns;
    attempt->times++;
}

static void went_well(struct doctor *doctor, const struct sight *sight)
{
    struct attempt_key key;
    struct attempt *all = doctor->notes[RULE_unix_connect_failed], *attempt = find(doctor, sight, &key);
    if (attempt)
        HASH_DEL(all, attempt);
    free(attempt);
    doctor->notes[RULE_unix_connect_failed] = all;
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    (void)rule;
    if (!sight->chart || sight->chart->family != AF_UNIX || !address_known(&sight->socket->peer))
        return;
    if (sight->outcome == OUTCOME_FAILED)
        note(doctor, sight, sight->event->error, sight->event->time_ns);
    else if (sight->outcome == OUTCOME_ESTABLISHED)
        went_well(doctor, sight);
}

/* A connect() that waits for space in the queue, and was killed or left. */
static void see_socket(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    struct sight sight = {.process = socket->owner, .socket = socket, .chart = chart};
    uint64_t time_ns = socket->closed_ns ? socket->closed_ns : doctor->last_ns;
    (void)rule;
    if (chart->family == AF_UNIX && socket->owner && socket->outcome == OUTCOME_UNANSWERED &&
        address_known(&socket->peer))
        note(doctor, &sight, 0, time_ns);
}

/* Who listened there, or did later, is more than what the errno says. */
static void add_story(const struct doctor *doctor, struct finding *finding, const struct attempt *at)
{
    char *story, *message = finding->message;
    listening_story(doctor, &at->at, &story);
    if (!story)
        return;
    finding->message = NULL;
    finding_say(finding, "%s; %s", message, story);
    free(message);
    free(story);
}

/* What each errno means there, unix(7). */
static void explain(struct finding *finding, const struct attempt *at)
{
    const char *path = at->key.path, *error = names_errno(at->error);
    switch (at->error) {
    case ENOENT:
        finding->severity = SEVERITY_NOTE; /* some programs try several paths */
        finding_say(finding, "%s is not there (ENOENT): its server has not made it, or it is elsewhere", path);
        finding->remedy = "Start the server first, or correct the path: `ss -xlp` shows who listens on what. A path "
                          "is looked up in the program's own root, mount namespace and working directory.";
        return;
    case ECONNREFUSED:
        finding_say(finding, "%s is there, and nobody listens at it (ECONNREFUSED): its server is gone and left it",
                    path);
        finding->remedy = "Start the server again; it must unlink() the old path before bind().";
        return;
    case EACCES:
    case EPERM:
        finding_say(finding, "%s may not be connected to (%s)", path, error);
        finding->remedy = "connect() needs write permission on the socket's file, and search permission on all folders "
                          "above it (`namei -l PATH`).";
        return;
    case EAGAIN:
        finding_say(finding, "%s has as many waiting as its backlog allows (EAGAIN)", path);
        finding->remedy = "Have the server accept sooner, or give listen() a larger backlog.";
        return;
    case 0:
        finding_say(finding, "%s had not answered when the program gave up: its queue was full", path);
        finding->remedy = "Have the server accept sooner, or give listen() a larger backlog.";
        return;
    case EPROTOTYPE:
        finding_say(finding, "%s is a socket of another type (EPROTOTYPE)", path);
        finding->remedy = "Stream, datagram and seqpacket sockets do not connect to each other.";
        return;
    default:
        finding_say(finding, "connect() to %s failed (%s)", path, error ? error : "an unknown error");
    }
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (const struct attempt *at = doctor->notes[RULE_unix_connect_failed]; at; at = at->hh.next) {
        struct finding *finding = finding_see(doctor, rule, at->process, at->socket, at->key.path);
        finding->times = at->times;
        explain(finding, at);
        if (at->error == ENOENT || at->error == ECONNREFUSED)
            add_story(doctor, finding, at);
        finding_evidence(doctor, finding, at->key.host, at->time_ns, at->socket, "the first of %llu attempts",
                         (unsigned long long)at->times);
        if (at->times > 1)
            finding_evidence(doctor, finding, at->key.host, at->last_ns, 0, "the last of them");
    }
}

static void free_all(void *notes)
{
    struct attempt *all = notes, *at = all, *next;
    HASH_CLEAR(hh, all);
    for (; at; at = next) {
        next = at->hh.next;
        free(at);
    }
}

const struct rule_row rule_unix_connect_failed = {
    .rule = {.name = "unix-connect-failed",
             .severity = SEVERITY_WARNING,
             .title = "a unix socket could not be connected to",
             .why = "The path names a file; connecting needs a process that listens at it, and the right to write to "
                    "it.",
             .remedy = "See unix(7) for what the error means."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_CONNECT) | KIND(SOCKATLAS_CONNECTED),
    .on_socket = see_socket,
    .on_finish = finish,
    .free = free_all,
};
