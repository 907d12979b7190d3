/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables: arrays, one per process, from number to socket, and what is noted at a number. Says what stands
 * there; descriptor_hold.c puts it there. Calls no other file.
 */
#include "analyzer/model/internal.h"

bool descriptor_holds(const struct task *task, const struct sock *sock)
{
    for (unsigned fd = 0; fd < task->descriptors_size; fd++)
        if (descriptor_sock(task->descriptors[fd]) == sock)
            return true;
    return false;
}

void descriptor_untold(struct task *task, int32_t fd)
{
    struct sock *sock = descriptor_get(task, fd);
    if (!sock || (task->descriptors[fd] & DESCRIPTOR_UNTOLD))
        return;
    task->descriptors[fd] |= DESCRIPTOR_UNTOLD;
    sock->untold++;
}

bool descriptor_told(struct task *task, int32_t fd)
{
    struct sock *sock = descriptor_get(task, fd);
    if (!sock || !(task->descriptors[fd] & DESCRIPTOR_UNTOLD))
        return false;
    task->descriptors[fd] &= ~(uintptr_t)DESCRIPTOR_UNTOLD;
    sock->untold--;
    return true;
}

void descriptor_flags(struct task *task, int32_t fd, bool cloexec)
{
    if (descriptor_get(task, fd))
        task->descriptors[fd] =
            (task->descriptors[fd] & ~(uintptr_t)DESCRIPTOR_CLOEXEC) | (cloexec ? DESCRIPTOR_CLOEXEC : 0);
}

void descriptor_forget(struct model *model, struct sock *sock)
{
    for (unsigned i = 0; i < sock->socket.holders_count && sock->weak_refs; i++) {
        struct process *process = model->processes[sock->socket.holders[i]];
        if (process->kind != PROCESS_TRACED)
            continue;
        struct task *task = (struct task *)process;
        for (unsigned fd = 0; task->silent && fd < task->descriptors_size; fd++)
            if (descriptor_sock(task->descriptors[fd]) == sock) {
                task->descriptors[fd] = 0;
                sock->weak_refs--;
            }
    }
}
