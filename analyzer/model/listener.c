/* SPDX-License-Identifier: MIT
 *
 * Sockets by the address they serve, and the rows of listening addresses. Called by replay*.c, sock_life.c and
 * sock_half.c.
 */
#include "analyzer/model/internal.h"

#include <string.h>
#include <sys/socket.h>

struct listener_entry {
    struct listener listener;
    struct table_link by_key;
};

/* In the network (NULL: one that is not known), or wherever. */
static uint64_t service_key(const struct sock *sock, const struct address *address, const struct network *network)
{
    return address_hash(address, hash_words(sock_class(sock), sock->socket.host, (uintptr_t)network, 0));
}

static uint64_t file_key(const struct sock *sock, const struct file *file)
{
    return hash_words(sock_class(sock), sock->socket.host, file->device, file->inode);
}

static uint64_t row_hash(const struct process *process, unsigned family, const struct address *address)
{
    return address_hash(address, (uint64_t)process->id << 32 | family);
}

static struct listener *row(struct model *model, const struct sock *sock)
{
    const struct address *address = &sock->socket.local;
    uint64_t hash = row_hash(sock->socket.owner, sock->socket.family, address);
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
        store_grow(model->listeners, model->listeners_count, &model->listeners_capacity, sizeof *model->listeners);
    model->listeners[model->listeners_count++] = &entry->listener;
    return &entry->listener;
}

void listener_listed(struct model *model, struct sock *sock)
{
    const struct address *local = &sock->socket.local;
    if (!address_known(local) || sock->by_service.listed)
        return;
    if (local->family == AF_UNIX && !local->size)
        return;
    table_insert(&model->services, &sock->by_service, service_key(sock, local, sock->network));
    table_insert(&model->services_anywhere, &sock->by_address, service_key(sock, local, NULL));
    if (sock->file.inode)
        table_insert(&model->services_files, &sock->by_file, file_key(sock, &sock->file));
    model->services_nowhere |= !sock->network;
    if (sock->socket.state == STATE_LISTENING && sock->socket.owner && !sock->service)
        sock->service = row(model, sock);
}

void listener_unlisted(struct model *model, struct sock *sock)
{
    table_remove(&model->services, &sock->by_service);
    table_remove(&model->services_anywhere, &sock->by_address);
    table_remove(&model->services_files, &sock->by_file);
}

void listener_moved(struct model *model, struct sock *sock, const struct address *local)
{
    bool listed = sock->by_service.listed;
    listener_unlisted(model, sock);
    sock->socket.local = *local;
    if (sock->service) {
        struct listener_entry *entry = (struct listener_entry *)sock->service;
        table_remove(&model->listeners_table, &entry->by_key);
        entry->listener.address = *local;
        table_insert(&model->listeners_table, &entry->by_key,
                     row_hash(entry->listener.process, entry->listener.family, local));
    }
    if (listed)
        listener_listed(model, sock);
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

static uint64_t pidns_of(const struct sock *sock)
{
    return sock->socket.owner ? sock->socket.owner->pidns : 0;
}

/* The kernel named the process that called listen(): one path or name may have several living listeners (another
 * mount namespace, another working directory, bound again). */
static bool named(const struct sock *server, const struct sock *asker)
{
    return asker->peer_pid && asker->peer_pid == server->listen_pid && pidns_of(server) == pidns_of(asker);
}

/* Which file it asked for by that address; NULL: not known. */
static const struct file *asked(const struct sock *asker, const struct address *address)
{
    return asker->asked.inode && address_equal(&asker->socket.peer, address) ? &asker->asked : NULL;
}

static bool same_file(const struct sock *server, const struct file *file)
{
    return file && server->file.inode == file->inode && server->file.device == file->device;
}

/* The kernel named another process, or where its pids say nothing the path named another file. Not where they do: the
 * path may have been bound anew just when the shim looked. */
static bool ruled_out(const struct sock *server, const struct sock *asker, const struct file *file)
{
    if (asker->peer_pid && server->listen_pid && pidns_of(server) == pidns_of(asker))
        return !named(server, asker);
    return file && server->file.inode && !same_file(server, file);
}

static bool serves(const struct sock *server, const struct sock *asker, const struct address *address)
{
    const struct address *local = &server->socket.local;
    const struct file *file = asked(asker, address);
    bool near = sock_same_network(server, asker);
    if (address->family == AF_UNIX)
        return (same_file(server, file) || (address_equal(local, address) && (near || address->bytes[0]))) &&
               server->socket.host == asker->socket.host && !ruled_out(server, asker, file);
    if (address_equal(local, address))
        return near || !address_is_loopback(address);
    return near && local->port == address->port && address_is_any(local) &&
           sock_own_address(&asker->socket.local, address) &&
           (local->family == address->family || (local->family == AF_INET6 && !server->only6));
}

/* A path means whoever bound it last; a port whoever has it still; of a group on one port, the first stands for all. */
static bool better(const struct sock *a, const struct sock *b, const struct sock *asker, const struct address *address)
{
    const struct file *file = asked(asker, address);
    if (named(a, asker) != named(b, asker))
        return named(a, asker);
    if (same_file(a, file) != same_file(b, file))
        return same_file(a, file);
    if (a->socket.family == AF_UNIX)
        return a->socket.id > b->socket.id;
    if (a->stage != b->stage)
        return a->stage < b->stage;
    if (address_is_any(&a->socket.local) != address_is_any(&b->socket.local))
        return address_is_any(&b->socket.local);
    bool own = a->socket.local.family == address->family; /* 0.0.0.0 has what comes by IPv4 where :: listens, too */
    if (own != (b->socket.local.family == address->family))
        return own;
    return a->socket.id < b->socket.id;
}

static struct sock *better_of(struct sock *server, struct sock *best, const struct sock *sock,
                              const struct address *address)
{
    return sock_class(server) == sock_class(sock) && serves(server, sock, address) &&
                   (!best || better(server, best, sock, address))
               ? server
               : best;
}

/* The best of those at exactly the address `at`, and `best`: of any network, or of that of `sock`. */
static struct sock *best_at(const struct model *model, const struct sock *sock, const struct address *address,
                            const struct address *at, bool anywhere, struct sock *best)
{
    struct table_look look;
    struct table_link *link = NULL;
    if (anywhere || !sock->network) {
        link = table_look(&look, &model->services_anywhere, service_key(sock, at, NULL));
        for (; link; link = table_look_on(&look))
            best = better_of(TABLE_OF(link, struct sock, by_address), best, sock, address);
        return best;
    }
    for (int i = 0; i < 1 + model->services_nowhere; i++) {
        link = table_look(&look, &model->services, service_key(sock, at, i ? NULL : sock->network));
        for (; link; link = table_look_on(&look))
            best = better_of(TABLE_OF(link, struct sock, by_service), best, sock, address);
    }
    return best;
}

/* The best of those whose path, however they gave it, named the file that `sock` asked for. */
static struct sock *best_of_file(const struct model *model, const struct sock *sock, const struct address *address)
{
    struct table_look look;
    struct sock *best = NULL;
    const struct file *file = asked(sock, address);
    struct table_link *link = file ? table_look(&look, &model->services_files, file_key(sock, file)) : NULL;
    for (; link; link = table_look_on(&look))
        best = better_of(TABLE_OF(link, struct sock, by_file), best, sock, address);
    return best;
}

struct sock *listener_find(const struct model *model, const struct sock *sock, const struct address *address)
{
    if (!address_known(address) || (address->family == AF_UNIX && !address->size))
        return NULL;
    bool is_unix = address->family == AF_UNIX, inet = address->family == AF_INET || address->family == AF_INET6;
    bool anywhere = is_unix ? address->bytes[0] != 0 : !address_is_loopback(address);
    struct sock *best = best_at(model, sock, address, address, anywhere, best_of_file(model, sock, address));
    if (!inet || !sock_own_address(&sock->socket.local, address))
        return best;
    struct address wildcard = {.family = AF_INET6, .port = address->port, .size = 16};
    best = best_at(model, sock, address, &wildcard, false, best);
    if (address->family == AF_INET6)
        return best;
    wildcard = (struct address){.family = AF_INET, .port = address->port, .size = 4};
    return best_at(model, sock, address, &wildcard, false, best);
}

enum side listener_side(const struct model *model, const struct sock *sock)
{
    const struct socket *socket = &sock->socket;
    if (listener_find(model, sock, &socket->local))
        return SIDE_SERVER;
    bool here = address_is_loopback(&socket->peer) && listener_find(model, sock, &socket->peer);
    return here ? SIDE_CLIENT : SIDE_UNKNOWN;
}

/* But for mounts: not a path in the working directory, or by a descriptor of the process that gives it. */
static bool means_one(const struct address *address)
{
    static const char processes[] = "/proc/", descriptors[] = "/dev/fd/";
    bool own =
        (address->size >= sizeof processes && memcmp(address->bytes, processes, sizeof processes - 1) == 0) ||
        (address->size >= sizeof descriptors && memcmp(address->bytes, descriptors, sizeof descriptors - 1) == 0);
    return !address->bytes[0] || (address->bytes[0] == '/' && !own);
}

bool listener_doubtful(const struct model *model, const struct sock *sock, const struct address *address,
                       const struct sock *server)
{
    if (address->family != AF_UNIX || !address->size || same_file(server, asked(sock, address)) || means_one(address))
        return false;
    struct table_look look;
    struct table_link *link = table_look(&look, &model->services_anywhere, service_key(sock, address, NULL));
    for (; link; link = table_look_on(&look)) {
        const struct sock *other = TABLE_OF(link, struct sock, by_address);
        if (other != server && serves(other, sock, address) && named(other, sock) == named(server, sock))
            return true;
    }
    return false;
}

void listener_free(struct model *model, struct listener *listener)
{
    table_remove(&model->listeners_table, &((struct listener_entry *)listener)->by_key);
    free(listener);
}
