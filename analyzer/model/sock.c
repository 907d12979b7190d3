/* SPDX-License-Identifier: MIT
 *
 * Kernel sockets as records: made, found by their cookie, held, owned, their options and datagram peers, freed. What
 * becomes of one while it lives is sock_life.c's. Calls store.c alone.
 */
#include "analyzer/model/internal.h"

#include "analyzer/model/setting.h"
#include "analyzer/trace/budget.h"

#include <string.h>
#include <sys/socket.h>

/* ---- Identity ---- */

static uint64_t cookie_hash(unsigned host, uint64_t cookie)
{
    return hash_numbers(cookie, host);
}

struct sock *sock_find(const struct model *model, unsigned host, uint64_t cookie)
{
    if (!cookie)
        return NULL;
    uint64_t hash = cookie_hash(host, cookie);
    for (struct table_link *link = table_first(&model->cookies, hash); link; link = table_next(link)) {
        struct sock *sock = TABLE_OF(link, struct sock, by_cookie);
        if (sock->socket.cookie == cookie && sock->socket.host == host)
            return sock;
    }
    return NULL;
}

void sock_learn_cookie(struct model *model, struct sock *sock, uint64_t cookie)
{
    if (!cookie || sock->socket.cookie)
        return;
    sock->socket.cookie = cookie;
    table_insert(&model->cookies, &sock->by_cookie, cookie_hash(sock->socket.host, cookie));
}

struct sock *sock_new(struct model *model, unsigned host, uint64_t cookie, struct network *network, uint64_t time_ns)
{
    struct sock *sock = model->free_socks;
    if (sock) {
        uint32_t life = sock->life;
        model->free_socks = sock->next;
        memset(sock, 0, sizeof *sock);
        sock->life = life;
    } else {
        sock = store_alloc(sizeof *sock);
    }
    sock->network = network;
    sock->socket.id = ++model->sockets_made;
    sock->socket.host = host;
    sock->socket.netns = network ? network->inode ? network->inode : network->cookie : 0;
    sock->socket.opened_ns = time_ns;
    sock->socket.connect_ns = UINT64_MAX;
    sock->socket.complete = true;
    sock->socket.holders = sock->holders_inline;
    sock->holders_capacity = sizeof sock->holders_inline / sizeof *sock->holders_inline;
    sock_learn_cookie(model, sock, cookie);
    sock->previous = model->last;
    if (model->last)
        model->last->next = sock;
    else
        model->first = sock;
    model->last = sock;
    return sock;
}

/* ---- Holders and owner ---- */

/* Processes are numbered as they come, so that a new one need not be looked for among the holders. */
static bool holds(const struct sock *sock, uint32_t id)
{
    const struct socket *socket = &sock->socket;
    if (!socket->holders_count || id > sock->holders_highest)
        return false;
    for (unsigned i = socket->holders_count; i-- > 0;) {
        budget_work(1);
        if (socket->holders[i] == id)
            return true;
    }
    return false;
}

bool sock_hold(struct sock *sock, const struct task *task)
{
    struct socket *socket = &sock->socket;
    uint32_t id = task->process.id;
    if (holds(sock, id))
        return true;
    if (socket->holders_count == sock->holders_capacity) {
        unsigned capacity = socket->holders_count * 2 + 1;
        uint32_t *larger =
            realloc(socket->holders == sock->holders_inline ? NULL : socket->holders, capacity * sizeof *larger);
        if (!larger)
            abort();
        if (socket->holders == sock->holders_inline)
            memcpy(larger, sock->holders_inline, sizeof sock->holders_inline);
        socket->holders = larger;
        sock->holders_capacity = capacity;
    }
    socket->holders[socket->holders_count++] = id;
    if (id > sock->holders_highest)
        sock->holders_highest = id;
    return false;
}

void sock_own(struct sock *sock, struct task *task, int32_t fd, enum rank rank)
{
    if (rank <= sock->rank)
        return;
    if (!sock->creator)
        sock->creator = &task->process;
    sock->rank = rank;
    sock->socket.owner = &task->process;
    sock->socket.fd = fd;
}

/* ---- Options ---- */

/* One in its socket's list; what was set again takes the place of what was set before. */
struct option_entry {
    struct table_link link;
    const struct sock *sock;
    struct option_entry *previous;
    struct socket_option option; /* ends in its bytes */
};

static struct option_entry *option_entry(struct socket_option *option)
{
    return option ? TABLE_OF(option, struct option_entry, option) : NULL;
}

/* Into the place of `former`, or behind the last one. */
static void option_link(struct sock *sock, struct option_entry *entry, const struct option_entry *former)
{
    struct option_entry *next = former ? option_entry(former->option.next) : NULL;
    entry->previous = former ? former->previous : option_entry(sock->last_option);
    entry->option.next = next ? &next->option : NULL;
    *(entry->previous ? &entry->previous->option.next : &sock->socket.options) = &entry->option;
    if (next)
        next->previous = entry;
    else
        sock->last_option = &entry->option;
}

static uint64_t option_hash(const struct sock *sock, const struct socket_option *option)
{
    return hash_words(sock->socket.id, (uint32_t)option->level, (uint32_t)option->name, option->error);
}

static struct option_entry *option_find(const struct model *model, const struct sock *sock,
                                        const struct socket_option *like)
{
    struct table_link *link = table_first(&model->options, option_hash(sock, like));
    for (; link; link = table_next(link)) {
        struct option_entry *entry = TABLE_OF(link, struct option_entry, link);
        if (entry->sock == sock && entry->option.level == like->level && entry->option.name == like->name &&
            entry->option.error == like->error)
            return entry;
    }
    return NULL;
}

static bool same_effective(const struct socket_option *one, const struct socket_option *other)
{
    const unsigned char *a, *b;
    size_t size = setting_effective(one, &a);
    return size == setting_effective(other, &b) && memcmp(a, b, size) == 0;
}

void sock_option(struct model *model, struct sock *sock, const struct event *event)
{
    const struct sockatlas_body_option *body = event_body(event);
    size_t size = (size_t)body->kept_size + body->effective_size;
    if (size > 2 * SOCKATLAS_OPTION_BYTES_MAX)
        return;
    struct option_entry *entry = store_alloc(sizeof *entry + size);
    struct socket_option *option = &entry->option;
    entry->sock = sock;
    option->level = body->level;
    option->name = body->name;
    option->error = event->error;
    option->requested_size = body->requested_size;
    option->kept_size = body->kept_size;
    option->effective_size = body->effective_size;
    option->found = event->call == SOCKATLAS_CALL_attach;
    option->time_ns = event->time_ns;
    event_tail(event, sizeof *body, 0, option->bytes, size);
    struct option_entry *former = option_find(model, sock, option);
    if (former && option->found && same_effective(&former->option, option)) {
        free(entry); /* and what was asked for is known */
        return;
    }
    option_link(sock, entry, former);
    if (former) {
        table_remove(&model->options, &former->link);
        free(former);
    }
    table_insert(&model->options, &entry->link, option_hash(sock, option));
}

void sock_option_told(struct model *model, struct sock *sock, const struct event *event)
{
    const struct sockatlas_body_option *body = event_body(event);
    struct socket_option like = {.level = body->level, .name = body->name};
    struct option_entry *entry = option_find(model, sock, &like);
    if (entry)
        return;
    sock_option(model, sock, event);
    if ((entry = option_find(model, sock, &like)))
        entry->option.time_ns = 0;
}

static void free_options(struct model *model, struct sock *sock)
{
    for (struct socket_option *option = sock->socket.options, *next; option; option = next) {
        struct option_entry *entry = TABLE_OF(option, struct option_entry, option);
        next = option->next;
        table_remove(&model->options, &entry->link);
        free(entry);
    }
}

/* ---- Freed ---- */

void sock_leave_tables(struct sock *sock)
{
    sock->life = (sock->life + 1) % SOCK_LIVES;
}

void sock_free(struct model *model, struct sock *sock)
{
    free_options(model, sock);
    if (sock->socket.holders != sock->holders_inline)
        free(sock->socket.holders);
    *(sock->previous ? &sock->previous->next : &model->first) = sock->next;
    *(sock->next ? &sock->next->previous : &model->last) = sock->previous;
    sock_leave_tables(sock);
    sock->next = model->free_socks;
    model->free_socks = sock;
}

void sock_free_all(struct model *model)
{
    for (struct sock *sock = model->first, *next; sock; sock = next) {
        next = sock->next;
        sock_free(model, sock);
    }
    while (model->free_socks) {
        struct sock *next = model->free_socks->next;
        free(model->free_socks);
        model->free_socks = next;
    }
}
