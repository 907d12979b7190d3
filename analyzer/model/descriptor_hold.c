/* SPDX-License-Identifier: MIT
 *
 * Who holds what: puts sockets into descriptor tables and takes them out, and counts their holders as it goes. Called
 * by task_*.c, replay*.c and model.c.
 */
#include "analyzer/model/internal.h"

#include "analyzer/trace/budget.h"

/* ---- Several numbers of one process ---- */

/* How many numbers of one process mean one socket, where it was ever more than one. */
struct doubled {
    struct table_link link;
    const struct task *task;
    const struct sock *sock;
    uint32_t life;
    unsigned count;
};

static struct doubled *doubled_find(const struct model *model, const struct task *task, const struct descriptor *at)
{
    uint64_t hash = hash_words((uintptr_t)task, (uintptr_t)at->sock, at->life, 0);
    for (struct table_link *link = table_first(&model->doubled, hash); link; link = table_next(link)) {
        struct doubled *doubled = TABLE_OF(link, struct doubled, link);
        if (doubled->task == task && doubled->sock == at->sock && doubled->life == at->life)
            return doubled;
    }
    return NULL;
}

/* `at` now has what `other` of the same process has. */
static void doubled_add(struct model *model, const struct task *task, struct descriptor *at, struct descriptor *other)
{
    struct doubled *doubled = other->doubled ? doubled_find(model, task, other) : NULL;
    if (!doubled) {
        doubled = store_alloc(sizeof *doubled);
        *doubled = (struct doubled){.task = task, .sock = at->sock, .life = at->life, .count = 1};
        table_insert(&model->doubled, &doubled->link, hash_words((uintptr_t)task, (uintptr_t)at->sock, at->life, 0));
    }
    doubled->count++;
    at->doubled = other->doubled = true;
}

/* Empties a place, also one whose socket is long settled. */
static void clear(struct model *model, const struct task *task, struct descriptor *at)
{
    struct doubled *doubled = at->doubled ? doubled_find(model, task, at) : NULL;
    if (doubled && --doubled->count == 0) {
        table_remove(&model->doubled, &doubled->link);
        free(doubled);
    }
    *at = (struct descriptor){.sock = NULL};
}

bool descriptor_only(const struct model *model, const struct task *task, int32_t fd)
{
    const struct descriptor *at = descriptor_at(task, fd);
    const struct doubled *doubled = at && at->doubled ? doubled_find(model, task, at) : NULL;
    return !doubled || doubled->count == 1;
}

/* Where else `task`, which held `sock` before, has it; NULL: nowhere. */
static struct descriptor *find_other(const struct task *task, const struct sock *sock)
{
    struct descriptor *descriptor = sock->held_by == task ? descriptor_at(task, sock->held_fd) : NULL;
    if (descriptor && descriptor->sock == sock)
        return descriptor;
    if (!sock->refs && !sock->weak_refs)
        return NULL;
    for (int64_t fd = 0; (descriptor = descriptor_next(task, &fd)); fd++)
        if (descriptor->sock == sock)
            return descriptor;
    return NULL;
}

/* ---- Counting ---- */

/* It goes without a word on its counts: a kill, an exec, a close that nobody saw. */
static void lose(struct descriptor *at, uint64_t time_ns)
{
    struct sock *sock = at->sock;
    if (!at->uncounted)
        return;
    at->uncounted = false;
    sock->uncounted--;
    if (!time_ns || !sock->told_ns || time_ns > sock->told_ns)
        sock->lost = LOST_SENT | LOST_RECEIVED;
}

static void count_up(struct model *model, const struct task *task, struct sock *sock)
{
    if (task_is_weak(task)) {
        sock->weak_refs++;
        return;
    }
    sock->refs++;
    if (sock->stage == STAGE_NO_HOLDER)
        sock_held_again(model, sock);
}

static void count_down(struct model *model, const struct task *task, struct sock *sock, uint64_t time_ns)
{
    if (!time_ns || time_ns > sock->last_close_ns)
        sock->last_close_ns = time_ns; /* 0: nobody knows when */
    if (task_is_weak(task))
        sock->weak_refs--;
    else
        sock->refs--;
    if (!sock->refs)
        sock_unheld(model, sock);
}

/* ---- Putting and dropping ---- */

/* Into a place where `sock` is not; `other`: where the process has it, too, or NULL. */
static void put(struct model *model, struct task *task, struct descriptor *at, struct sock *sock, bool cloexec,
                struct descriptor *other)
{
    clear(model, task, at);
    *at = (struct descriptor){.sock = sock, .life = sock->life, .cloexec = cloexec};
    if (other)
        doubled_add(model, task, at, other);
    count_up(model, task, sock);
}

void descriptor_put(struct model *model, struct task *task, int32_t fd, struct sock *sock, bool cloexec,
                    uint64_t time_ns)
{
    if (fd < 0)
        return;
    struct descriptor *at = descriptor_place(task, fd);
    struct sock *former = descriptor_sock(at);
    if (former == sock) {
        at->cloexec = cloexec;
        return;
    }
    if (former)
        lose(at, time_ns);
    bool before = !task->process.pid || sock_hold(sock, task);
    put(model, task, at, sock, cloexec, before ? find_other(task, sock) : NULL);
    sock->held_by = task;
    sock->held_fd = fd;
    if (former)
        count_down(model, task, former, time_ns);
}

static void drop(struct model *model, struct task *task, struct descriptor *at, uint64_t time_ns)
{
    struct sock *sock = at->sock;
    lose(at, time_ns);
    clear(model, task, at);
    count_down(model, task, sock, time_ns);
}

void descriptor_drop(struct model *model, struct task *task, int32_t fd, uint64_t time_ns)
{
    struct descriptor *at = descriptor_at(task, fd);
    if (at)
        drop(model, task, at, time_ns);
}

/* ---- Inheriting ---- */

/* A process that holds many sockets may fork, or execute, again and again: what that hands on is as much as the product
 * of both, which is beyond any proportion to the records that tell of it. So many entries may be handed on, and so many
 * for each record of the trace. */
enum { INHERITED_MOST = 1 << 16, INHERITED_RECORD = 16 };

/* One entry more. False: it, and what comes behind it, is not handed on, and the map says so. */
static bool hand_on(struct model *model, struct task *heir)
{
    if (model->inherited < INHERITED_MOST + INHERITED_RECORD * model->records) {
        model->inherited++;
        return true;
    }
    if (!heir->process.incomplete)
        model->heirs_cut++;
    heir->process.incomplete = true;
    return false;
}

/* A new image of `task` has the socket at `fd` from the one before. */
static void tell_inherited(const struct model *model, const struct task *task, int64_t fd, uint64_t time_ns)
{
    const struct sock *sock = descriptor_get(task, (int32_t)fd);
    if (model->callbacks.socket_inherited)
        model->callbacks.socket_inherited(model->callbacks.context, &task->process, &sock->socket, (int32_t)fd,
                                          time_ns);
}

void descriptor_copy(struct model *model, struct task *child, const struct task *parent, bool inheritable)
{
    const struct descriptor *from;
    for (int64_t fd = 0; (from = descriptor_next(parent, &fd)); fd++) {
        struct sock *sock = from->sock;
        if (inheritable && from->cloexec)
            continue;
        if (!hand_on(model, child))
            return;
        /* Its table was empty: what it has already is the latest that was copied. */
        struct descriptor *other = sock->held_by == child ? descriptor_at(child, sock->held_fd) : NULL;
        put(model, child, descriptor_place(child, (int32_t)fd), sock, from->cloexec,
            other && other->sock == sock ? other : NULL);
        sock->held_by = child;
        sock->held_fd = (int32_t)fd;
        if (child->process.pid)
            sock_hold(sock, child);
        if (inheritable)
            tell_inherited(model, child, fd, child->process.start_ns);
    }
}

void descriptor_drop_cloexec(struct model *model, struct task *task, uint64_t time_ns)
{
    struct descriptor *at;
    bool all = true;
    for (int64_t fd = 0; all && (at = descriptor_next(task, &fd)); fd++)
        if (at->cloexec)
            drop(model, task, at, time_ns);
        else if ((all = hand_on(model, task)))
            tell_inherited(model, task, fd, time_ns);
    if (!all)
        descriptor_drop_all(model, task, time_ns);
}

void descriptor_drop_all(struct model *model, struct task *task, uint64_t time_ns)
{
    struct descriptor *at;
    for (int64_t fd = 0; (at = descriptor_next(task, &fd)); fd++)
        drop(model, task, at, time_ns);
    descriptor_free(task);
}

/* ---- Weak and strong ---- */

void descriptor_weaken(struct model *model, struct task *task)
{
    struct descriptor *at;
    for (int64_t fd = 0; (at = descriptor_next(task, &fd)); fd++) {
        struct sock *sock = at->sock;
        lose(at, task->exec_ns);
        sock->weak_refs++;
        if (--sock->refs == 0) {
            if (!sock->last_close_ns)
                sock->last_close_ns = task->exec_ns;
            sock_unheld(model, sock);
        }
    }
}

void descriptor_strengthen(struct model *model, struct task *task)
{
    struct descriptor *at;
    for (int64_t fd = 0; (at = descriptor_next(task, &fd)); fd++) {
        at->sock->weak_refs--;
        count_up(model, task, at->sock);
    }
}

void descriptor_free_doubled(struct model *model)
{
    store_free_entries(&model->doubled, offsetof(struct doubled, link));
}
