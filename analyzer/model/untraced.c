/* SPDX-License-Identifier: MIT
 *
 * Processes that are not traced but that `run` saw at the other end: who has a connection, until that is found, and who
 * serves an address. Called by replay.c, model.c, sock_half.c and edge.c.
 */
#include "analyzer/model/internal.h"

#include "analyzer/trace/budget.h"

#include <string.h>
#include <sys/socket.h>

struct untraced_process {
    struct process process;
    struct table_link by_pid;
    bool reported; /* once it is found at the other end of something */
};

/* One record of `run`. */
struct untraced {
    struct table_link link;
    struct untraced_process *holder;
    struct network *network;
    unsigned host, class;
    uint64_t time_ns;           /* when it was seen */
    uint64_t number;            /* the later, the larger */
    uint64_t cookie;            /* unix: the traced end's */
    struct address local, peer; /* peer unknown: it serves `local` */
};

/* ---- Keys ---- */

static uint64_t service_key(unsigned host, const struct address *address)
{
    return address_hash(address, host);
}

static uint64_t connection_key(unsigned host, uint64_t cookie, const struct address *local, const struct address *peer)
{
    if (cookie)
        return hash_numbers(cookie, host);
    return hash_numbers(address_hash(local, host), address_hash(peer, host));
}

/* ---- What `run` says ---- */

static struct untraced_process *process_of(struct model *model, const struct trace_image *image, uint32_t pid,
                                           const char *comm, const char *exe)
{
    uint64_t pidns = image->header.pidns_inode, hash = hash_numbers(image->host, pid);
    for (struct table_link *link = table_first(&model->untraced_processes, hash); link; link = table_next(link)) {
        struct untraced_process *known = TABLE_OF(link, struct untraced_process, by_pid);
        const struct process *process = &known->process;
        if (process->host == image->host && process->pid == pid && process->pidns == pidns &&
            strcmp(process->comm, comm) == 0)
            return known;
    }
    struct untraced_process *made = store_alloc(sizeof *made);
    *made = (struct untraced_process){.process = {.kind = PROCESS_UNTRACED,
                                                  .host = image->host,
                                                  .pid = pid,
                                                  .pidns = pidns,
                                                  .comm = comm,
                                                  .exe = exe,
                                                  .cmdline = ""}};
    table_insert(&model->untraced_processes, &made->by_pid, hash);
    return made;
}

struct untraced_process *untraced_holder(struct model *model, const struct event *event)
{
    const struct sockatlas_body_untraced *body = event_body(event);
    const struct sockatlas_addresses *sizes = &body->addresses;
    size_t offset = (sizes->first_size == SOCKATLAS_ABSENT ? 0u : sizes->first_size) +
                    (sizes->second_size == SOCKATLAS_ABSENT ? 0u : sizes->second_size);
    char comm[256] = "", *exe = store_alloc(body->exe_size + 1u);
    event_tail(event, sizeof *body, offset, comm, body->comm_size);
    event_tail(event, sizeof *body, offset + body->comm_size, exe, body->exe_size);
    struct untraced_process *holder =
        process_of(model, event->image, body->peer_pid, store_text(model, comm, strnlen(comm, sizeof comm)),
                   store_text(model, exe, strnlen(exe, body->exe_size)));
    free(exe);
    return holder;
}

void untraced_note(struct model *model, const struct event *event)
{
    const struct sockatlas_body_untraced *body = event_body(event);
    struct address local, peer;
    event_addresses(event, &local, &peer);
    unsigned host = event->image->host;
    struct sock like = {.socket = {.family = local.family, .type = body->type, .protocol = body->protocol}};
    struct untraced *untraced = store_alloc(sizeof *untraced);
    *untraced =
        (struct untraced){.host = host,
                          .class = sock_class(&like),
                          .network = body->netns_inode ? store_network(model, host, 0, body->netns_inode) : NULL,
                          .time_ns = event->time_ns,
                          .number = ++model->untraced_noted,
                          .cookie = event->cookie,
                          .local = local,
                          .peer = peer,
                          .holder = untraced_holder(model, event)};
    if (body->listening)
        table_insert(&model->untraced_services, &untraced->link, service_key(host, &local));
    else
        table_insert(&model->untraced_connections, &untraced->link,
                     connection_key(host, local.family == AF_UNIX ? event->cookie : 0, &local, &peer));
}

/* ---- Who it is ---- */

/* It was looked at before anything of it was recorded, and is traced; NULL: it is not. */
static struct task *task_at(const struct model *model, const struct untraced_process *holder, uint64_t time_ns)
{
    const struct process *process = &holder->process;
    struct task *task = task_find(model, process->host, process->pidns, process->pid);
    bool traced = task && task->heard_ns && !task->exec_untraced && task->process.start_ns <= time_ns &&
                  (!task_is_over(task) || time_ns <= task->process.end_ns);
    return traced ? task : NULL;
}

bool untraced_is_traced(const struct model *model, const struct untraced_process *holder, uint64_t time_ns)
{
    return task_at(model, holder, time_ns) != NULL;
}

static bool near(const struct model *model, const struct untraced *untraced, const struct half *half)
{
    return untraced->host == half->host && !untraced_is_traced(model, untraced->holder, untraced->time_ns) &&
           (!untraced->network || !half->network || untraced->network == half->network) &&
           (untraced->class == half->class || untraced->class == 0);
}

/* The record names its own end first. */
static struct untraced *find_end(const struct model *model, const struct half *half)
{
    struct untraced *found = NULL;
    bool is_unix = half->peer.family == AF_UNIX;
    uint64_t cookie = is_unix ? half->cookie : 0;
    if (is_unix && !cookie)
        return NULL;
    uint64_t hash = connection_key(half->host, cookie, &half->peer, &half->local);
    for (struct table_link *link = table_first(&model->untraced_connections, hash); link; link = table_next(link)) {
        struct untraced *at = TABLE_OF(link, struct untraced, link);
        bool same = is_unix ? at->cookie == cookie
                            : address_equal(&at->local, &half->peer) && address_equal(&at->peer, &half->local);
        if (same && near(model, at, half) && (!found || at->number < found->number))
            found = at;
    }
    return found;
}

struct process *untraced_report(struct model *model, struct untraced_process *holder)
{
    if (!holder->reported)
        store_process(model, &holder->process);
    holder->reported = true;
    return &holder->process;
}

struct process *untraced_process(struct model *model, struct untraced_process *holder, uint64_t time_ns)
{
    struct task *task = task_at(model, holder, time_ns);
    return task ? &task->process : untraced_report(model, holder);
}

struct process *untraced_end_so_far(const struct model *model, const struct half *half)
{
    const struct untraced *found = find_end(model, half);
    return found ? &found->holder->process : NULL;
}

struct process *untraced_end(struct model *model, const struct half *half)
{
    struct untraced *found = find_end(model, half);
    if (!found)
        return NULL;
    struct untraced_process *holder = found->holder;
    table_remove(&model->untraced_connections, &found->link);
    free(found);
    return untraced_report(model, holder);
}

/* The latest at exactly this address, or `than` where that is later. */
static const struct untraced *latest_at(const struct model *model, const struct half *half,
                                        const struct address *address, const struct untraced *than)
{
    struct table_link *first = table_first(&model->untraced_services, service_key(half->host, address));
    for (struct table_link *link = first ? first->before : NULL; link; link = link == first ? NULL : link->before) {
        const struct untraced *at = TABLE_OF(link, struct untraced, link);
        budget_work(1);
        if (than && than->number > at->number)
            return than;
        if (near(model, at, half) && address_equal(&at->local, address))
            return at;
    }
    return than;
}

static struct untraced_process *find_server(const struct model *model, const struct half *half)
{
    const struct address *address = &half->peer;
    const struct untraced *latest = latest_at(model, half, address, NULL);
    bool inet = address->family == AF_INET || address->family == AF_INET6;
    if (inet && sock_own_address(&half->local, address)) { /* wildcards serve it, too */
        latest = latest_at(model, half, &(struct address){.family = AF_INET, .port = address->port, .size = 4}, latest);
        latest =
            latest_at(model, half, &(struct address){.family = AF_INET6, .port = address->port, .size = 16}, latest);
    }
    return latest ? latest->holder : NULL;
}

struct process *untraced_server_so_far(const struct model *model, const struct half *half)
{
    struct untraced_process *holder = find_server(model, half);
    return holder ? &holder->process : NULL;
}

struct process *untraced_server(struct model *model, const struct half *half)
{
    struct untraced_process *holder = find_server(model, half);
    return holder ? untraced_report(model, holder) : NULL;
}

void untraced_free(struct model *model)
{
    struct table *tables[] = {&model->untraced_connections, &model->untraced_services};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        store_free_entries(tables[i], offsetof(struct untraced, link));
    store_free_entries(&model->untraced_processes, offsetof(struct untraced_process, by_pid));
}
