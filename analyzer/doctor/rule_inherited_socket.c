/* SPDX-License-Identifier: MIT
 *
 * Rule: a program started by exec has a socket of its parent's and never touches it.
 */
#include "analyzer/doctor/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct inheritance {
    UT_hash_handle hh;
    struct inheritance_key {
        uint64_t socket;
        uint32_t process, zero;
    } key;
    const struct process *process, *owner;
    unsigned host;
    int32_t fd;
    uint64_t time_ns, listening_port;
    bool touched, listening;
    char address[80];
};

static struct inheritance *find(struct doctor *doctor, uint64_t socket, uint32_t process)
{
    struct inheritance_key key = {.socket = socket, .process = process};
    struct inheritance *all = doctor->notes[RULE_inherited_socket], *found;
    HASH_FIND(hh, all, &key, sizeof key, found);
    return found;
}

static void inherit(struct doctor *doctor, const struct rule *rule, const struct process *process,
                    const struct socket *socket, int32_t fd, uint64_t time_ns)
{
    (void)rule;
    bool connected = socket->state == STATE_ESTABLISHED && (socket->role == ROLE_CLIENT || socket->role == ROLE_SERVER);
    /* 0, 1 and 2 are given on purpose. */
    if (fd <= 2 || (!connected && socket->role != ROLE_LISTENER) || socket->owner == process)
        return;
    struct inheritance *all = doctor->notes[RULE_inherited_socket], *made = find(doctor, socket->id, process->id);
    if (made)
        return;
    if (!(made = calloc(1, sizeof *made)))
        abort();
    made->key.socket = socket->id;
    made->key.process = process->id;
    made->process = process;
    made->owner = socket->owner;
    made->host = socket->host;
    made->fd = fd;
    made->time_ns = time_ns;
    made->listening = socket->role == ROLE_LISTENER;
    char address[ADDRESS_TEXT_MAX];
    const struct address *shown = made->listening || socket->role == ROLE_SERVER ? &socket->local : &socket->peer;
    snprintf(made->address, sizeof made->address, "%.79s", address_text_port(shown, address));
    HASH_ADD(hh, all, key, sizeof made->key, made);
    doctor->notes[RULE_inherited_socket] = all;
}

/* Whatever a process does with it, closing it included, except to end. */
static void touch(struct doctor *doctor, const struct rule *rule, const struct sight *sight)
{
    (void)rule;
    const struct event *event = sight->event;
    if (!sight->chart || !doctor->notes[RULE_inherited_socket] ||
        (event->kind == SOCKATLAS_CLOSE && is_exit_call(event->call)))
        return;
    struct inheritance *known = find(doctor, sight->chart->id, sight->process->id);
    if (known)
        known->touched = true;
}

/* A shell, or a launcher: its child uses what it has only passed on. */
static bool passed_on(const struct inheritance *all, const struct inheritance *one)
{
    for (const struct inheritance *at = all; at; at = at->hh.next)
        if (at->touched && at->key.socket == one->key.socket && at->process->ppid == one->process->pid)
            return true;
    return false;
}

/* Of a program that cannot be traced nothing is known. */
static bool untraced(const struct model *model, const struct process *process)
{
    for (unsigned i = 0; i < model_coverage_count(model); i++) {
        const struct coverage *coverage = model_coverage(model, i);
        if (coverage->process == process && strcmp(coverage->what, "untraced_child") == 0)
            return true;
    }
    return false;
}

static void look(struct doctor *doctor, const struct rule *rule)
{
    const struct inheritance *all = doctor->notes[RULE_inherited_socket];
    for (const struct inheritance *at = all; at; at = at->hh.next) {
        if (at->touched || passed_on(all, at) || untraced(doctor->model, at->process))
            continue;
        char key[64];
        snprintf(key, sizeof key, "%llu", (unsigned long long)at->key.socket);
        struct finding *finding = finding_see(doctor, rule, at->owner, at->key.socket, key);
        finding->inferred = true;
        finding_say(finding, "the %s socket %s (%s) was inherited by %s (%u), which never used it (inferred)",
                    at->listening ? "listening" : "connected", at->address,
                    at->owner && at->owner->comm[0] ? at->owner->comm : "?", at->process->comm, at->process->pid);
        finding_evidence(doctor, finding, at->host, at->time_ns, at->key.socket,
                         "%s (%u) began with it as descriptor %d: no close-on-exec; no use of it was recorded",
                         at->process->comm, at->process->pid, at->fd);
    }
}

static void free_all(void *notes)
{
    struct inheritance *all = notes, *one, *next;
    one = all;
    HASH_CLEAR(hh, all);
    for (; one; one = next) {
        next = one->hh.next;
        free(one);
    }
}

const struct rule_row rule_inherited_socket = {
    .rule = {.name = "inherited-socket",
             .severity = SEVERITY_WARNING,
             .title = "a child inherited a socket and never used it",
             .why = "While the child lives the connection does not end when its owner closes it, the port stays in use "
                    "after the server is gone, and the child could read and write what is not its business.",
             .remedy =
                 "Make it with SOCK_CLOEXEC (accept4() for accepted ones), or close it in the child before exec."},
    .on_event = touch,
    .on_inherit = inherit,
    .on_finish = look,
    .free = free_all,
};
