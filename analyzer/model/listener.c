/* SPDX-License-Identifier: MIT
 *
 * Sockets by the address they serve, and the rows of listening addresses. Called by replay*.c, sock_life.c and
 * sock_half.c.
 */
#include "analyzer/model/internal.h"

#include <sys/socket.h>

struct listener_entry {
    struct listener listener;
    struct table_link by_key;
};

/* Wildcards serve any address: internet sockets are filed by port alone. */
static uint64_t service_key(const struct sock *sock, const struct address *address)
{
    if (address->family == AF_INET || address->family == AF_INET6)
        return hash_numbers((uint64_t)sock_class(sock) << 32 | address->port, sock->socket.host);
    return address_hash(address, (uint64_t)sock_class(sock) << 32 | sock->socket.host);
}

static struct listener *row(struct model *model, const struct sock *sock)
{
    const struct address *address = &sock->socket.local;
    uint64_t hash = address_hash(address, (uint64_t)sock->socket.owner->id << 32 | sock->socket.family);
    for (struct table_link *link = table_first(&model->listeners_table, hash); link; link = table_next(link)) {
        struct listener *listener = &TABLE_OF(link, struct listener_entry, by_key)->listener;
        bool one_transport = listener->family == AF_UNIX ||
                             (listener->type == sock->socket.type && listener->protocol == sock->socket.protocol);
        if (listener->process == sock->socket.owner && one_transport && address_equal(&listener->address, address))
            return listener;
    }
    struct listener_entry *entry = store_alloc(sizeof *entry);
    entry->listener = (struct listener){.process = sock->socket.owner,
                                        .family = sock->socket.family,
                                        .type = sock->socket.type,
                                        .protocol = sock->socket.protocol,
                                        .address = *address};
    table_insert(&model->listeners_table, &entry->by_key, hash);
    model->listeners =
        store_grow(model->listeners, model->listeners_count, &model->listeners_room, sizeof *model->listeners);
    model->listeners[model->listeners_count++] = &entry->listener;
    return &entry->listener;
}

void listener_listed(struct model *model, struct sock *sock)
{
    if (!address_known(&sock->socket.local) || sock->by_service.listed)
        return;
    if (sock->socket.local.family == AF_UNIX && !sock->socket.local.size)
        return;
    table_insert(&model->services, &sock->by_service, service_key(sock, &sock->socket.local));
    if (sock->socket.state == STATE_LISTENING && sock->socket.owner && !sock->service)
        sock->service = row(model, sock);
}

void listener_unlisted(struct model *model, struct sock *sock)
{
    table_remove(&model->services, &sock->by_service);
}

/* So many descriptors are looked at, at most: a peak may be told too high by connections behind these. */
#define CLOSING_LOOKED_AT 1024

/* Connections that an exec has closed which is not yet known to have succeeded. */
static unsigned closing(const struct model *model, const struct listener *service)
{
    unsigned count = 0, looked_at = 0;
    const struct task *task = model->exec_first;
    for (; task && looked_at < CLOSING_LOOKED_AT; task = task->exec_next) {
        const struct descriptor *descriptor;
        for (int64_t fd = 0; looked_at < CLOSING_LOOKED_AT && (descriptor = descriptor_next(task, &fd)); fd++) {
            const struct sock *sock = descriptor->sock;
            looked_at++;
            count += descriptor->cloexec && sock->refs == 1 && sock->accepted_counted && sock->service == service;
        }
        looked_at++;
    }
    return count;
}

static void one_more(const struct model *model, struct listener *service)
{
    if (++service->now <= service->peak)
        return;
    uint64_t now = service->now - (model->exec_first ? closing(model, service) : 0);
    if (now > service->peak)
        service->peak = now;
}

void listener_accepted(struct model *model, struct sock *listener, struct sock *sock)
{
    struct listener *service = listener->service;
    if (!service)
        return;
    sock->service = service;
    sock->accepted_counted = true;
    service->accepted++;
    one_more(model, service);
}

void listener_reopened(const struct model *model, struct sock *sock)
{
    if (sock->accepted_counted && sock->service)
        one_more(model, sock->service);
}

void listener_closed(struct sock *sock)
{
    if (sock->accepted_counted && sock->service)
        sock->service->now--;
}

static bool serves(const struct sock *server, const struct sock *asker, const struct address *address)
{
    const struct address *local = &server->socket.local;
    bool near = sock_same_network(server, asker);
    if (address->family == AF_UNIX)
        return address_equal(local, address) && server->socket.host == asker->socket.host &&
               (near || address->bytes[0]);
    if (address_equal(local, address))
        return near || !address_is_loopback(address);
    return near && local->port == address->port && address_is_any(local) &&
           sock_own_address(&asker->socket.local, address) &&
           (local->family == AF_INET6 || local->family == address->family);
}

/* A path means whoever bound it last; a port whoever has it still; of a group on one port, the first stands for all. */
static bool better(const struct sock *a, const struct sock *b)
{
    if (a->socket.family == AF_UNIX)
        return a->socket.id > b->socket.id;
    if (a->stage != b->stage)
        return a->stage < b->stage;
    if (address_is_any(&a->socket.local) != address_is_any(&b->socket.local))
        return address_is_any(&b->socket.local);
    return a->socket.id < b->socket.id;
}

struct sock *listener_find(const struct model *model, const struct sock *sock, const struct address *address)
{
    if (!address_known(address) || (address->family == AF_UNIX && !address->size))
        return NULL;
    struct sock *best = NULL;
    uint64_t hash = service_key(sock, address);
    for (struct table_link *link = table_first(&model->services, hash); link; link = table_next(link)) {
        struct sock *server = TABLE_OF(link, struct sock, by_service);
        if (sock_class(server) == sock_class(sock) && serves(server, sock, address) && (!best || better(server, best)))
            best = server;
    }
    return best;
}
