/* SPDX-License-Identifier: MIT
 *
 * Rule: a name could not be looked up, and no later attempt found it. One finding for each name, whoever asked.
 */
#include "analyzer/doctor/internal.h"

#include "analyzer/names/names.h"
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* Sooner than any file is read: a program only asked whether the text is an address (AI_NUMERICHOST). */
#define LOOKED_NS 5000

struct missing {
    UT_hash_handle hh;
    struct missing_key {
        unsigned host;
        char name[LOOKUP_NAME_MAX];
    } key;
    const struct process *process, *latest; /* who asked first, and last */
    unsigned processes;                     /* at least so many: each time another than the one before */
    uint64_t times, time_ns, last_ns, duration_ns;
    const char *error;
    bool again; /* the servers did not answer: EAI_AGAIN, TRY_AGAIN */
};

static bool is_temporary(const struct event *event, int32_t result)
{
    bool herrno = strncmp(names_call(event->call), "gethost", strlen("gethost")) == 0;
    return herrno ? result == TRY_AGAIN : result == EAI_AGAIN;
}

static void see(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    const struct event *event = sight->event;
    const struct sockatlas_body_name *body = event_body(event);
    struct missing *all = doctor->notes[RULE_name_not_found], *missing;
    struct missing_key key;
    (void)rule;
    if (event->kind != SOCKATLAS_NAME || body->name_size == 0 || event->call == SOCKATLAS_CALL_getnameinfo ||
        !names_call(event->call) || (body->result != 0 && body->duration_ns < LOOKED_NS))
        return;
    memset(&key, 0, sizeof key);
    key.host = event->image->host;
    lookup_name(event, key.name);
    HASH_FIND(hh, all, &key, sizeof key, missing);
    if (body->result == 0) {
        if (missing)
            HASH_DEL(all, missing);
        free(missing);
        doctor->notes[RULE_name_not_found] = all;
        return;
    }
    if (!missing) {
        if (!(missing = calloc(1, sizeof *missing)))
            abort();
        missing->key = key;
        missing->process = sight->process;
        missing->time_ns = event->time_ns;
        HASH_ADD(hh, all, key, sizeof missing->key, missing);
        doctor->notes[RULE_name_not_found] = all;
    }
    missing->processes += missing->latest != sight->process;
    missing->latest = sight->process;
    missing->times++;
    missing->last_ns = event->time_ns;
    missing->duration_ns += body->duration_ns;
    missing->error = names_find(NAMES_RESOLVER, event->call, body->result);
    missing->again = is_temporary(event, body->result);
}

static void finish(struct doctor *doctor, const struct rule *rule)
{
    for (const struct missing *at = doctor->notes[RULE_name_not_found]; at; at = at->hh.next) {
        const char *error = at->error ? at->error : "an error";
        struct finding *finding = finding_see(doctor, rule, at->process, 0, at->key.name);
        finding->times = at->times;
        finding_say(finding, "\"%s\" %s (%s), asked %llu times%s", at->key.name,
                    at->again ? "was not looked up: no name server answered" : "was not found", error,
                    (unsigned long long)at->times, at->processes > 1 ? " by several processes" : "");
        if (at->again)
            finding->remedy = "See whether the servers in /etc/resolv.conf answer (`getent ahosts NAME`, `resolvectl "
                              "status`), and whether a firewall drops port 53.";
        finding_evidence(doctor, finding, at->key.host, at->time_ns, 0, "the first time; %.3f s all of them together",
                         (double)at->duration_ns / 1e9);
        if (at->last_ns != at->time_ns)
            finding_evidence(doctor, finding, at->key.host, at->last_ns, 0, "the last time: %s", error);
    }
}

static void free_all(void *notes)
{
    struct missing *all = notes, *at = all, *next;
    HASH_CLEAR(hh, all);
    for (; at; at = next) {
        next = at->hh.next;
        free(at);
    }
}

const struct rule_row rule_name_not_found = {
    .rule = {.name = "name-not-found",
             .severity = SEVERITY_WARNING,
             .title = "a name could not be looked up",
             .why = "Nothing was connected to: the program stops before it has an address.",
             .remedy = "Correct the name; `getent ahosts NAME` asks as the program does (/etc/hosts, then DNS, in the "
                       "order of nsswitch.conf). A name without a dot is tried in the `search` domains of "
                       "/etc/resolv.conf."},
    .on_event = see,
    .kinds = KIND(SOCKATLAS_NAME),
    .on_finish = finish,
    .free = free_all,
};
