/* SPDX-License-Identifier: MIT
 *
 * What the kernel's notices are laid beside: sockets of traced processes that are over and whose notice is to come, who
 * was seen to have a socket while it was open, and connections that no log has. Called by replay_ended.c, sock_life.c
 * and model.c. Nothing is kept where no notices were read; each table is bounded, and the oldest goes first.
 */
#include "analyzer/model/internal.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { KNOWN_MAX = 1 << 20, OWNERS_MAX = 1 << 17, EXPECTED_MAX = 1 << 18, UNLOGGED_MAX = 1 << 18, PROGRAMS_MAX = 8 };

/* Entries in the order in which they came. */
struct ended_queue {
    struct ended_entry *first, *last;
    unsigned count;
};

struct ended_entry {
    struct ended_entry *next, *previous;
    struct ended_queue *queue;
    struct table_link by_cookie, by_tuple;
};

/* A socket of a traced process, which is over. */
struct known {
    struct ended_entry entry;
    unsigned host;
    uint64_t cookie;
    struct ended_traced traced;
};

/* Who had an open socket. */
struct owner {
    struct ended_entry entry;
    unsigned host;
    uint64_t cookie;
    struct address local, peer;
    uint64_t time_ns;
    struct untraced_process *holder;
};

/* A traced connection to this machine whose other end no log has: its notice is to come. */
struct expected {
    struct ended_entry entry;
    unsigned host;
    const struct network *network;
    struct address local, peer; /* of that other end */
};

struct unlogged {
    struct ended_entry entry;
    struct ended_connection connection;
};

/* A network whose notices were read. */
struct watch {
    struct watch *next;
    unsigned host;
    const struct network *network;
    bool asked;        /* for all of its sockets */
    uint64_t unlogged; /* TCP sockets that no log has */
    uint64_t unnamed;  /* of programs that are not known */
    unsigned programs;
    struct {
        const char *name;
        uint64_t count;
    } program[PROGRAMS_MAX];
};

struct ended {
    struct watch *watches;
    struct ended_queue known, owners, expected, unlogged;
    struct table known_cookies, owner_cookies, owner_tuples, expected_tuples, unlogged_tuples;
    uint64_t notices;
};

/* ---- Tables ---- */

static struct ended *ended_of(struct model *model)
{
    if (!model->ended)
        model->ended = store_alloc(sizeof *model->ended);
    return model->ended;
}

static uint64_t tuple_key(unsigned host, const struct address *local, const struct address *peer)
{
    return hash_numbers(address_hash(local, host), address_hash(peer, host));
}

static void leave(struct ended *ended, struct ended_entry *entry)
{
    struct ended_queue *queue = entry->queue;
    *(entry->previous ? &entry->previous->next : &queue->first) = entry->next;
    *(entry->next ? &entry->next->previous : &queue->last) = entry->previous;
    queue->count--;
    if (queue == &ended->known || queue == &ended->owners)
        table_remove(queue == &ended->known ? &ended->known_cookies : &ended->owner_cookies, &entry->by_cookie);
    if (queue == &ended->owners)
        table_remove(&ended->owner_tuples, &entry->by_tuple);
    if (queue == &ended->expected)
        table_remove(&ended->expected_tuples, &entry->by_tuple);
    if (queue == &ended->unlogged)
        table_remove(&ended->unlogged_tuples, &entry->by_tuple);
}

static void enter(struct ended_queue *queue, struct ended_entry *entry)
{
    entry->queue = queue;
    entry->previous = queue->last;
    *(queue->last ? &queue->last->next : &queue->first) = entry;
    queue->last = entry;
    queue->count++;
}

static void drop(struct ended *ended, struct ended_entry *entry)
{
    leave(ended, entry);
    free(entry); /* it stands first in what it is part of */
}

/* ---- What is watched ---- */

void ended_expect(struct model *model)
{
    ended_of(model);
}

static struct watch *watch_of(const struct model *model, unsigned host, const struct network *network)
{
    for (struct watch *watch = model->ended ? model->ended->watches : NULL; watch; watch = watch->next)
        if (watch->host == host && watch->network == network)
            return watch;
    return NULL;
}

void ended_watch(struct model *model, unsigned host, const struct network *network, bool asked)
{
    struct ended *ended = ended_of(model);
    struct watch *watch = watch_of(model, host, network);
    if (!watch) {
        watch = store_alloc(sizeof *watch);
        watch->host = host;
        watch->network = network;
        watch->next = ended->watches;
        ended->watches = watch;
    }
    watch->asked |= asked;
}

static bool is_watched(const struct model *model, unsigned host, const struct network *network)
{
    return !network ? model->ended != NULL : watch_of(model, host, network) != NULL;
}

/* ---- Sockets of traced processes ---- */

void ended_over(struct model *model, const struct sock *sock)
{
    if (!model->ended || model->finishing || !sock->socket.cookie || !sock_is_tcp(sock) || sock->noticed)
        return;
    struct ended *ended = model->ended;
    struct known *known = store_alloc(sizeof *known);
    known->host = sock->socket.host;
    known->cookie = sock->socket.cookie;
    known->traced = (struct ended_traced){.owner = sock->socket.owner,
                                          .network = sock->network,
                                          .socket = sock->socket.id,
                                          .opened_ns = sock->socket.opened_ns,
                                          .connected = sock->shown != NULL};
    table_insert(&ended->known_cookies, &known->entry.by_cookie, hash_numbers(known->cookie, known->host));
    enter(&ended->known, &known->entry);
    if (ended->known.count > KNOWN_MAX)
        drop(ended, ended->known.first);
}

bool ended_take(struct model *model, unsigned host, uint64_t cookie, struct ended_traced *traced)
{
    struct ended *ended = ended_of(model);
    struct table_link *link = table_first(&ended->known_cookies, hash_numbers(cookie, host));
    for (; link; link = table_next(link)) {
        struct known *known = (struct known *)TABLE_OF(link, struct ended_entry, by_cookie);
        if (known->host != host || known->cookie != cookie)
            continue;
        *traced = known->traced;
        drop(ended, &known->entry);
        return true;
    }
    return false;
}

/* ---- Who had it ---- */

void ended_owner(struct model *model, const struct event *event, struct untraced_process *holder)
{
    const struct sockatlas_body_untraced *body = event_body(event);
    struct ended *ended = ended_of(model);
    struct owner *owner = store_alloc(sizeof *owner);
    owner->host = event->image->host;
    owner->cookie = body->own_cookie;
    owner->time_ns = event->time_ns;
    owner->holder = holder;
    event_addresses(event, &owner->local, &owner->peer);
    table_insert(&ended->owner_cookies, &owner->entry.by_cookie, hash_numbers(owner->cookie, owner->host));
    table_insert(&ended->owner_tuples, &owner->entry.by_tuple, tuple_key(owner->host, &owner->local, &owner->peer));
    enter(&ended->owners, &owner->entry);
    if (ended->owners.count > OWNERS_MAX)
        drop(ended, ended->owners.first);
}

static const struct owner *owner_of(const struct ended *ended, unsigned host, uint64_t cookie)
{
    const struct owner *latest = NULL;
    struct table_link *link = table_first(&ended->owner_cookies, hash_numbers(cookie, host));
    for (; link; link = table_next(link)) {
        const struct owner *owner = (const struct owner *)TABLE_OF(link, struct ended_entry, by_cookie);
        if (owner->host == host && owner->cookie == cookie)
            latest = owner;
    }
    return latest;
}

struct process *ended_end(struct model *model, const struct half *half)
{
    if (!model->ended || half->family == AF_UNIX || half->datagram)
        return NULL;
    struct table_link *link =
        table_first(&model->ended->owner_tuples, tuple_key(half->host, &half->peer, &half->local));
    for (; link; link = table_next(link)) {
        const struct owner *owner = (const struct owner *)TABLE_OF(link, struct ended_entry, by_tuple);
        if (owner->host == half->host && address_equal(&owner->local, &half->peer) &&
            address_equal(&owner->peer, &half->local) && !untraced_is_traced(model, owner->holder, owner->time_ns))
            return untraced_report(model, owner->holder);
    }
    return NULL;
}

/* ---- What no log has ---- */

static void count_program(struct watch *watch, const char *name)
{
    unsigned i = 0;
    while (name && i < watch->programs && watch->program[i].name != name)
        i++;
    if (!name || i == PROGRAMS_MAX) {
        watch->unnamed++;
        return;
    }
    if (i == watch->programs)
        watch->program[watch->programs++].name = name;
    watch->program[i].count++;
}

/* Draws it where it is not the other end of what is drawn already: see ended_finish(). */
static void give_up(struct model *model, struct unlogged *unlogged)
{
    ended_draw(model, &unlogged->connection, NULL);
    drop(model->ended, &unlogged->entry);
}

static struct expected *find_expected(const struct ended *ended, const struct ended_connection *connection)
{
    struct table_link *link =
        table_first(&ended->expected_tuples, tuple_key(connection->host, &connection->local, &connection->peer));
    for (; link; link = table_next(link)) {
        struct expected *expected = (struct expected *)TABLE_OF(link, struct ended_entry, by_tuple);
        if (expected->host == connection->host && address_equal(&expected->local, &connection->local) &&
            address_equal(&expected->peer, &connection->peer))
            return expected;
    }
    return NULL;
}

static struct unlogged *find_unlogged(const struct ended *ended, unsigned host, const struct address *local,
                                      const struct address *peer)
{
    struct table_link *link = table_first(&ended->unlogged_tuples, tuple_key(host, local, peer));
    for (; link; link = table_next(link)) {
        struct unlogged *unlogged = (struct unlogged *)TABLE_OF(link, struct ended_entry, by_tuple);
        if (unlogged->connection.host == host && address_equal(&unlogged->connection.local, local) &&
            address_equal(&unlogged->connection.peer, peer))
            return unlogged;
    }
    return NULL;
}

void ended_unlogged(struct model *model, const struct ended_connection *connection, uint64_t cookie)
{
    struct ended *ended = ended_of(model);
    struct watch *watch = watch_of(model, connection->host, connection->network);
    const struct owner *owner = owner_of(ended, connection->host, cookie);
    if (!watch || (!watch->asked && !owner))
        return;
    struct process *process = owner ? untraced_process(model, owner->holder, owner->time_ns) : NULL;
    watch->unlogged++;
    count_program(watch, process ? process->comm : NULL);
    struct expected *expected = find_expected(ended, connection);
    if (expected) {
        drop(ended, &expected->entry);
        return;
    }
    struct unlogged *unlogged = store_alloc(sizeof *unlogged);
    unlogged->connection = *connection;
    unlogged->connection.process = process;
    table_insert(&ended->unlogged_tuples, &unlogged->entry.by_tuple,
                 tuple_key(connection->host, &connection->local, &connection->peer));
    enter(&ended->unlogged, &unlogged->entry);
    if (ended->unlogged.count > UNLOGGED_MAX)
        give_up(model, (struct unlogged *)ended->unlogged.first);
}

/* A traced connection whose other end is no traced socket. */
void ended_decided(struct model *model, const struct half *half)
{
    if (!model->ended || half->datagram || half->peer_socket || half->family == AF_UNIX ||
        half->outcome != OUTCOME_ESTABLISHED || !address_known(&half->local) || !address_known(&half->peer) ||
        !is_watched(model, half->host, half->network))
        return;
    struct ended *ended = model->ended;
    struct unlogged *unlogged = find_unlogged(ended, half->host, &half->peer, &half->local);
    if (unlogged) {
        drop(ended, &unlogged->entry);
        return;
    }
    if (model->finishing || !sock_own_address(&half->local, &half->peer))
        return;
    struct expected *expected = store_alloc(sizeof *expected);
    expected->host = half->host;
    expected->network = half->network;
    expected->local = half->peer;
    expected->peer = half->local;
    table_insert(&ended->expected_tuples, &expected->entry.by_tuple,
                 tuple_key(half->host, &expected->local, &expected->peer));
    enter(&ended->expected, &expected->entry);
    if (ended->expected.count > EXPECTED_MAX)
        drop(ended, ended->expected.first);
}

/* ---- The end ---- */

static void tell_unlogged(struct model *model, const struct watch *watch)
{
    char detail[512];
    if (!watch->unlogged)
        return;
    uint64_t number = !watch->network ? 0 : watch->network->inode ? watch->network->inode : watch->network->cookie;
    int size = snprintf(detail, sizeof detail,
                        "%" PRIu64 " TCP socket%s in network %" PRIu64 " belong%s to no log:", watch->unlogged,
                        watch->unlogged == 1 ? "" : "s", number, watch->unlogged == 1 ? "s" : "");
    for (unsigned i = 0; i < watch->programs; i++)
        size += snprintf(detail + size, sizeof detail - (size_t)size, "%s %s %" PRIu64, i ? "," : "",
                         *watch->program[i].name ? watch->program[i].name : "?", watch->program[i].count);
    if (watch->unnamed)
        snprintf(detail + size, sizeof detail - (size_t)size, "%s %" PRIu64 " of programs that are not known",
                 watch->programs ? "," : "", watch->unnamed);
    coverage_add(model, NULL, SOCKATLAS_COVERAGE_UNLOGGED, detail);
}

/* Networks that traced programs were in, while notices of others were read. */
static void tell_unwatched(struct model *model)
{
    char detail[128];
    for (const struct network *network = model->networks; network; network = network->next) {
        bool any = false;
        for (const struct watch *watch = model->ended->watches; watch; watch = watch->next)
            any |= watch->host == network->host && watch->asked;
        if (!any || watch_of(model, network->host, network))
            continue;
        snprintf(detail, sizeof detail, "the kernel's notices of ended sockets were not read in network %" PRIu64,
                 network->inode ? network->inode : network->cookie);
        coverage_add(model, NULL, SOCKATLAS_COVERAGE_UNWATCHED, detail);
    }
}

void ended_finish(struct model *model)
{
    struct ended *ended = model->ended;
    if (!ended)
        return;
    while (ended->unlogged.first) {
        struct unlogged *unlogged = (struct unlogged *)ended->unlogged.first;
        struct ended_connection *one = &unlogged->connection;
        struct unlogged *other = find_unlogged(ended, one->host, &one->peer, &one->local);
        if (other == unlogged)
            other = NULL;
        ended_draw(model, one, other ? &other->connection : NULL);
        if (other)
            drop(ended, &other->entry);
        drop(ended, &unlogged->entry);
    }
    for (const struct watch *watch = ended->watches; watch; watch = watch->next)
        tell_unlogged(model, watch);
    tell_unwatched(model);
}

void ended_count(struct model *model)
{
    ended_of(model)->notices++;
}

struct model_notices model_notices(const struct model *model)
{
    struct model_notices notices = {.ended = model->ended ? model->ended->notices : 0};
    for (const struct watch *watch = model->ended ? model->ended->watches : NULL; watch; watch = watch->next) {
        notices.unlogged += watch->unlogged;
        if (watch->network)
            notices.network = watch->network->inode ? watch->network->inode : watch->network->cookie;
    }
    return notices;
}

void ended_free(struct model *model)
{
    struct ended *ended = model->ended;
    if (!ended)
        return;
    struct ended_queue *queues[] = {&ended->known, &ended->owners, &ended->expected, &ended->unlogged};
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
        while (queues[i]->first)
            drop(ended, queues[i]->first); /* NOLINT(clang-analyzer-unix.Malloc): that this unlinks it is not seen */
    struct table *tables[] = {&ended->known_cookies, &ended->owner_cookies, &ended->owner_tuples,
                              &ended->expected_tuples, &ended->unlogged_tuples};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        table_free(tables[i]);
    for (struct watch *watch = ended->watches, *next; watch; watch = next) {
        next = watch->next;
        free(watch);
    }
    free(ended);
    model->ended = NULL;
}
