/* SPDX-License-Identifier: MIT
 *
 * What exec does to a process: an EXEC record says that it is about to, and only a failure that is told, a new log or
 * time shows whether it did. Called by replay.c, task_life.c and model.c.
 */
#include "analyzer/model/task.h"

#include <string.h>

/* An exec that has not failed by then (trace time) has happened. */
#define EXEC_FAILS_WITHIN_NS 1000000000ull

char *task_event_path(const struct event *event, size_t body_size, size_t size)
{
    char *path = store_alloc(size + 1);
    if (!event_tail(event, body_size, 0, path, size))
        path[0] = '\0';
    return path;
}

/* ---- What is said not to be traceable ---- */

void task_claim_tell(struct model *model, struct task *task)
{
    if (task->claim.why)
        coverage_untraced(model, &task->process, task->claim.path ? task->claim.path : "", task->claim.why);
    free(task->claim.path);
    task->claim.path = NULL;
    task->claim.why = SOCKATLAS_TRACEABLE;
}

void task_claim(struct model *model, struct task *task, char *path, uint8_t why)
{
    task_claim_tell(model, task);
    task->claim.path = path;
    task->claim.why = why;
}

void task_claim_refute(struct task *task, const char *comm)
{
    const char *path = task->claim.path ? task->claim.path : "", *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    /* An image that this one executed without a word has another name. */
    bool linked = task->claim.why == SOCKATLAS_UNTRACED_STATIC || task->claim.why == SOCKATLAS_UNTRACED_SITES ||
                  task->claim.why == SOCKATLAS_UNTRACED_PTRACE;
    if (linked && *name && strncmp(comm, name, 15) == 0)
        task->claim.why = SOCKATLAS_TRACEABLE;
}

/* ---- Exec ---- */

void task_exec(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_exec *body = event_body(event);
    if (!task_change(model, task, TASK_BEGINS_EXEC))
        return;
    task->exec_ns = event->time_ns;
    task->exec_untraced = body->untraced;
    task->exec_path = task_event_path(event, sizeof *body, body->path_size);
    task->exec_next = NULL;
    task->exec_previous = model->exec_last;
    if (model->exec_last)
        model->exec_last->exec_next = task;
    else
        model->exec_first = task;
    model->exec_last = task;
}

static void exec_unlist(struct model *model, struct task *task)
{
    if (!task->exec_previous && model->exec_first != task)
        return; /* one that no record told of */
    *(task->exec_previous ? &task->exec_previous->exec_next : &model->exec_first) = task->exec_next;
    *(task->exec_next ? &task->exec_next->exec_previous : &model->exec_last) = task->exec_previous;
    task->exec_next = task->exec_previous = NULL;
}

void task_exec_failed(struct model *model, struct task *task)
{
    if (!task_change(model, task, TASK_FAILS_EXEC))
        return;
    exec_unlist(model, task);
    free(task->exec_path);
    task->exec_path = NULL;
}

void task_exec_commit(struct model *model, struct task *task)
{
    if (task->state != TASK_EXECUTES)
        return;
    exec_unlist(model, task);
    descriptor_drop_cloexec(model, task, task->exec_ns);
    task_change(model, task, TASK_HAS_EXECUTED);
    if (task->exec_path && task->exec_path[0])
        task_describe_path(model, task, task->exec_path);
    if (task->exec_untraced) /* what it executes, unless a log of that says otherwise */
        task->process.via = VIA_NONE;
    task_claim(model, task, task->exec_path, task->exec_untraced);
    task->exec_path = NULL;
}

void task_exec_expire(struct model *model)
{
    while (model->exec_first) {
        struct task *task = model->exec_first;
        if (!model->finishing &&
            store_wall(model, task->process.host, task->exec_ns) + EXEC_FAILS_WITHIN_NS > model->now_ns)
            return;
        task_exec_commit(model, task);
    }
}
