/* SPDX-License-Identifier: MIT
 *
 * Who holds what: puts sockets into descriptor tables and takes them out, and counts their holders as it goes. Called
 * by task_*.c, replay*.c and model.c.
 */
#include "analyzer/model/internal.h"

#include <string.h>

/* Linux's default fs.nr_open. A number beyond it is one in a table that is as large as that, or damage. */
#define DESCRIPTOR_PLAUSIBLE (1 << 20)
#define DESCRIPTOR_MAX       (1 << 28)

static bool make_room(struct task *task, int32_t fd)
{
    if (fd < 0 || fd >= DESCRIPTOR_MAX)
        return false;
    if ((uint32_t)fd < task->descriptors_size)
        return true;
    if (fd >= DESCRIPTOR_PLAUSIBLE && (uint32_t)fd / 2 >= task->descriptors_size)
        return false;
    unsigned size = task->descriptors_size ? task->descriptors_size : 16;
    while (size <= (uint32_t)fd)
        size *= 2;
    task->descriptors = realloc(task->descriptors, size * sizeof *task->descriptors);
    if (!task->descriptors)
        abort();
    memset(task->descriptors + task->descriptors_size, 0, (size - task->descriptors_size) * sizeof *task->descriptors);
    task->descriptors_size = size;
    return true;
}

/* It goes without a word on its counts: a kill, an exec, a close that nobody saw. */
static void lose(struct task *task, int32_t fd, uint64_t time_ns)
{
    struct sock *sock = descriptor_sock(task->descriptors[fd]);
    if (!(task->descriptors[fd] & DESCRIPTOR_UNTOLD))
        return;
    descriptor_told(task, fd);
    if (!time_ns || !sock->told_ns || time_ns > sock->told_ns)
        sock->lost = true;
}

static void count_up(struct model *model, const struct task *task, struct sock *sock)
{
    if (task->silent) {
        sock->weak_refs++;
        return;
    }
    sock->refs++;
    if (sock->unheld)
        sock_held_again(model, sock);
}

static void count_down(struct model *model, const struct task *task, struct sock *sock, uint64_t time_ns)
{
    if (!time_ns || time_ns > sock->last_close_ns)
        sock->last_close_ns = time_ns; /* 0: nobody knows when */
    if (task->silent)
        sock->weak_refs--;
    else
        sock->refs--;
    if (!sock->refs)
        sock_unheld(model, sock);
}

void descriptor_put(struct model *model, struct task *task, int32_t fd, struct sock *sock, bool cloexec,
                    uint64_t time_ns)
{
    if (!make_room(task, fd))
        return;
    struct sock *former = descriptor_sock(task->descriptors[fd]);
    if (former != sock)
        lose(task, fd, time_ns);
    task->descriptors[fd] = (uintptr_t)sock | (cloexec ? DESCRIPTOR_CLOEXEC : 0) |
                            (former == sock ? task->descriptors[fd] & DESCRIPTOR_UNTOLD : 0);
    if (former == sock)
        return;
    count_up(model, task, sock);
    if (task->process.pid)
        sock_hold(sock, task);
    if (former)
        count_down(model, task, former, time_ns);
}

void descriptor_drop(struct model *model, struct task *task, int32_t fd, uint64_t time_ns)
{
    struct sock *sock = descriptor_get(task, fd);
    if (!sock)
        return;
    lose(task, fd, time_ns);
    task->descriptors[fd] = 0;
    count_down(model, task, sock, time_ns);
}

/* A new image of `task` has the socket at `fd` from the one before. */
static void tell_inherited(const struct model *model, const struct task *task, int32_t fd, uint64_t time_ns)
{
    const struct sock *sock = descriptor_sock(task->descriptors[fd]);
    if (model->callbacks.socket_inherited)
        model->callbacks.socket_inherited(model->callbacks.context, &task->process, &sock->socket, fd, time_ns);
}

void descriptor_copy(struct model *model, struct task *child, const struct task *parent, bool inheritable)
{
    for (unsigned fd = parent->descriptors_size; fd-- > 0;) {
        uintptr_t entry = parent->descriptors[fd];
        if (!entry || (inheritable && (entry & DESCRIPTOR_CLOEXEC)))
            continue;
        descriptor_put(model, child, (int32_t)fd, descriptor_sock(entry), entry & DESCRIPTOR_CLOEXEC, 0);
        if (inheritable)
            tell_inherited(model, child, (int32_t)fd, child->process.start_ns);
    }
}

void descriptor_drop_cloexec(struct model *model, struct task *task, uint64_t time_ns)
{
    for (unsigned fd = 0; fd < task->descriptors_size; fd++)
        if (task->descriptors[fd] & DESCRIPTOR_CLOEXEC)
            descriptor_drop(model, task, (int32_t)fd, time_ns);
        else if (task->descriptors[fd])
            tell_inherited(model, task, (int32_t)fd, time_ns);
}

void descriptor_drop_all(struct model *model, struct task *task, uint64_t time_ns)
{
    for (unsigned fd = 0; fd < task->descriptors_size; fd++)
        descriptor_drop(model, task, (int32_t)fd, time_ns);
    free(task->descriptors);
    task->descriptors = NULL;
    task->descriptors_size = 0;
}

void descriptor_weaken(struct model *model, struct task *task)
{
    if (task->silent)
        return;
    task->silent = true;
    for (unsigned fd = 0; fd < task->descriptors_size; fd++) {
        struct sock *sock = descriptor_sock(task->descriptors[fd]);
        if (!sock)
            continue;
        lose(task, (int32_t)fd, task->exec_ns);
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
    if (!task->silent)
        return;
    task->silent = false;
    for (unsigned fd = 0; fd < task->descriptors_size; fd++) {
        struct sock *sock = descriptor_sock(task->descriptors[fd]);
        if (!sock)
            continue;
        sock->weak_refs--;
        count_up(model, task, sock);
    }
}
