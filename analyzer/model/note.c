/* SPDX-License-Identifier: MIT
 *
 * What is known beside the sockets: blind spots, names that programs looked up, processes that `run` saw from outside.
 * Called by replay.c and model.c.
 */
#include "analyzer/model/internal.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- Coverage ---- */

static const char *coverage_word(unsigned what)
{
    switch (what) {
#define X(value, name, word)                                                                                           \
    case value:                                                                                                        \
        return #word;
        SOCKATLAS_COVERAGES(X)
#undef X
    default:
        return "unknown";
    }
}

/* Enough for any report; a trace that repeats itself must not fill memory. */
#define COVERAGE_MAX 10000

void note_coverage(struct model *model, struct process *process, unsigned what, const char *detail)
{
    const char *word = coverage_word(what);
    for (unsigned i = 0; i < model->coverage_count; i++) {
        const struct coverage *known = &model->coverage[i];
        if (known->process == process && known->what == word && strcmp(known->detail, detail) == 0)
            return;
    }
    if (model->coverage_count >= COVERAGE_MAX)
        return;
    model->coverage =
        model_grow(model->coverage, model->coverage_count, &model->coverage_room, sizeof *model->coverage);
    model->coverage[model->coverage_count++] =
        (struct coverage){.process = process, .what = word, .detail = strdup(detail)};
}

static const char *const loss_why[] = {
    [SOCKATLAS_LOSS_NONE] = "reason unknown",
    [SOCKATLAS_LOSS_LIMIT] = "the size limit was reached",
    [SOCKATLAS_LOSS_SPACE] = "no space left on the device",
    [SOCKATLAS_LOSS_OPEN] = "before the log could be opened",
    [SOCKATLAS_LOSS_TABLE] = "a descriptor beyond the table",
};

void note_losses(struct model *model)
{
    for (unsigned i = 0; i < model->images_count; i++) {
        const struct trace_image *trace = model->images[i].trace;
        if (!trace || !trace->header.lost)
            continue;
        const struct sockatlas_header *header = &trace->header;
        struct task *task = task_find(model, trace->host, header->pidns_inode, header->pid);
        char detail[128];
        size_t known = sizeof loss_why / sizeof *loss_why;
        bool outside = header->writer == SOCKATLAS_WRITER_RUN;
        const char *why = header->lost_reason < known ? loss_why[header->lost_reason] : loss_why[0];
        snprintf(detail, sizeof detail, "%llu record%s lost%s%s", (unsigned long long)header->lost,
                 header->lost == 1 ? "" : "s", outside ? " by programs that could make no log" : ": ",
                 outside ? "" : why);
        note_coverage(model, task ? &task->process : NULL,
                      outside ? SOCKATLAS_COVERAGE_NO_LOG : SOCKATLAS_COVERAGE_LOST, detail);
    }
}

/* ---- Names ---- */

void note_name(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_name *body = event_body(event);
    char text[1100];
    if (body->result || body->name_size == 0 || body->name_size >= sizeof text)
        return;
    if (!event_tail(event, sizeof *body, 0, text, body->name_size))
        return;
    const char *name = model_text(model, text, strnlen(text, body->name_size));
    if (!task->names)
        task->names = model_alloc(NAMES_KEPT * sizeof *task->names);
    size_t offset = (size_t)body->name_size + body->service_size;
    for (unsigned i = 0; i < body->addresses_count; i++) {
        uint8_t encoded[22] = {0}, family; /* port, address, scope */
        if (!event_tail(event, sizeof *body, offset, &family, 1))
            return;
        size_t size = family == AF_INET ? 4 : 16;
        if (!event_tail(event, sizeof *body, offset + 1, encoded + 2, size))
            return;
        offset += 1 + size;
        struct name *slot = &task->names[task->names_count % NAMES_KEPT];
        if (!address_decode(&slot->address, family, encoded, family == AF_INET ? 6 : 22))
            return;
        slot->text = name;
        task->names_count++;
    }
}

const char *note_name_of(const struct task *task, const struct address *address)
{
    unsigned kept = task->names_count < NAMES_KEPT ? task->names_count : NAMES_KEPT;
    for (unsigned i = 0; i < kept; i++) {
        const struct name *name = &task->names[(task->names_count - 1 - i) % NAMES_KEPT];
        if (name->address.family == address->family && name->address.size == address->size &&
            memcmp(name->address.bytes, address->bytes, address->size) == 0)
            return name->text;
    }
    return NULL;
}

/* ---- Untraced processes ---- */

static struct process *untraced_process(struct model *model, unsigned host, uint32_t pid, const char *comm,
                                        const char *exe)
{
    for (struct untraced *at = model->untraced; at; at = at->next)
        if (at->host == host && at->process->pid == pid && strcmp(at->process->comm, comm) == 0)
            return at->process;
    struct process *process = model_alloc(sizeof *process);
    *process =
        (struct process){.kind = PROCESS_UNTRACED, .host = host, .pid = pid, .comm = comm, .exe = exe, .cmdline = ""};
    return process_add(model, process);
}

void note_untraced(struct model *model, const struct event *event)
{
    const struct sockatlas_body_untraced *body = event_body(event);
    struct address local, peer;
    event_addresses(event, &local, &peer);
    const struct sockatlas_addresses *sizes = &body->addresses;
    size_t offset = (sizes->first_size == SOCKATLAS_ABSENT ? 0u : sizes->first_size) +
                    (sizes->second_size == SOCKATLAS_ABSENT ? 0u : sizes->second_size);
    char comm[256] = "", *exe = model_alloc(body->exe_size + 1u);
    event_tail(event, sizeof *body, offset, comm, body->comm_size);
    event_tail(event, sizeof *body, offset + body->comm_size, exe, body->exe_size);
    unsigned host = event->image->host;
    struct untraced *untraced = model_alloc(sizeof *untraced);
    *untraced = (struct untraced){
        .host = host,
        .network = body->netns_inode ? model_network(model, host, 0, body->netns_inode) : NULL,
        .local = local,
        .peer = peer,
        .listening = body->listening != 0,
        .process = untraced_process(model, host, body->peer_pid, model_text(model, comm, strnlen(comm, sizeof comm)),
                                    model_text(model, exe, strnlen(exe, body->exe_size)))};
    struct sock like = {.socket = {.family = local.family, .type = body->type, .protocol = body->protocol}};
    untraced->family_class = sock_class(&like);
    untraced->next = model->untraced;
    model->untraced = untraced;
    free(exe);
}

static bool untraced_serves(const struct untraced *untraced, const struct sock *sock, const struct address *address)
{
    if (address_equal(&untraced->local, address))
        return true;
    return address->family != AF_UNIX && untraced->local.port == address->port && address_is_any(&untraced->local) &&
           match_address_local(sock, address);
}

/* `local` and `peer` are the untraced end's. */
struct process *note_untraced_find(const struct model *model, const struct sock *sock, const struct address *local,
                                   const struct address *peer)
{
    const struct untraced *best = NULL;
    for (const struct untraced *at = model->untraced; at; at = at->next) {
        if (at->host != sock->socket.host || (at->network && sock->network && at->network != sock->network))
            continue;
        if (at->family_class != sock_class(sock) && at->family_class != 0)
            continue;
        if (peer && !at->listening && address_equal(&at->local, local) && address_equal(&at->peer, peer))
            return at->process;
        if (at->listening && untraced_serves(at, sock, local))
            best = at;
    }
    return best ? best->process : NULL;
}
