/* SPDX-License-Identifier: MIT
 *
 * What is known beside the sockets: names that programs looked up, processes that `run` saw from outside. Called by the
 * replay and the matcher.
 */
#include "analyzer/model/internal.h"

#include <string.h>
#include <sys/socket.h>

/* ---- Names ---- */

void note_name(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_name *body = event_body(event);
    char text[1100];
    if (body->result || body->name_size == 0 || body->name_size >= sizeof text)
        return;
    if (!event_tail(event, sizeof *body, 0, text, body->name_size))
        return;
    const char *name = store_text(model, text, strnlen(text, body->name_size));
    if (!task->names)
        task->names = store_alloc(NAMES_KEPT * sizeof *task->names);
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
    struct process *process = store_alloc(sizeof *process);
    *process =
        (struct process){.kind = PROCESS_UNTRACED, .host = host, .pid = pid, .comm = comm, .exe = exe, .cmdline = ""};
    return store_process(model, process);
}

void note_untraced(struct model *model, const struct event *event)
{
    const struct sockatlas_body_untraced *body = event_body(event);
    struct address local, peer;
    event_addresses(event, &local, &peer);
    const struct sockatlas_addresses *sizes = &body->addresses;
    size_t offset = (sizes->first_size == SOCKATLAS_ABSENT ? 0u : sizes->first_size) +
                    (sizes->second_size == SOCKATLAS_ABSENT ? 0u : sizes->second_size);
    char comm[256] = "", *exe = store_alloc(body->exe_size + 1u);
    event_tail(event, sizeof *body, offset, comm, body->comm_size);
    event_tail(event, sizeof *body, offset + body->comm_size, exe, body->exe_size);
    unsigned host = event->image->host;
    struct untraced *untraced = store_alloc(sizeof *untraced);
    *untraced = (struct untraced){
        .host = host,
        .network = body->netns_inode ? store_network(model, host, 0, body->netns_inode) : NULL,
        .local = local,
        .peer = peer,
        .listening = body->listening != 0,
        .process = untraced_process(model, host, body->peer_pid, store_text(model, comm, strnlen(comm, sizeof comm)),
                                    store_text(model, exe, strnlen(exe, body->exe_size)))};
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
           sock_has_address(sock, address);
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
