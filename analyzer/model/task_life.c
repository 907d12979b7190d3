/* SPDX-License-Identifier: MIT
 *
 * What fork, spawn and exit do to processes, and which event is whose. Called by replay.c only (and by model.c at the
 * end).
 */
#include "analyzer/model/task.h"

#include <string.h>

/* How far a process's kernel start time may be from the time its fork was recorded at. */
#define START_SLACK_NS 2000000000ull

/* Makes `task` the process that pid names from now on; who had it before is dead. */
static void task_name(struct model *model, struct task *task, uint32_t pid, uint64_t time_ns)
{
    struct task *former = task_find(model, task->process.host, task->pidns, pid);
    if (former) {
        if (!former->ended) {
            former->vanished = true;
            task_end(model, former, time_ns);
        }
        former->replaced = true;
        table_remove(&model->tasks, &former->by_pid);
    }
    task_file(model, task, pid);
    store_process(model, &task->process);
    const struct descriptor *descriptor;
    for (int64_t fd = 0; (descriptor = descriptor_next(task, &fd)); fd++)
        sock_hold(descriptor->sock, task);
}

void task_end(struct model *model, struct task *task, uint64_t time_ns)
{
    task_exec_commit(model, task);
    table_remove(&model->children, &task->by_child);
    descriptor_drop_all(model, task, time_ns);
    if (task->ended)
        return;
    task->ended = true;
    task->process.end_ns = task->vanished ? 0 : time_ns;
}

static bool task_is(const struct task *task, const struct sockatlas_header *header)
{
    uint64_t start_ns = header->start_ticks * TICK_NS, known_ns = task->process.start_ns;
    if (!start_ns || !known_ns)
        return !task->ended;
    if (task->start_exact)
        return start_ns == known_ns;
    if (task->ended && task->process.end_ns && start_ns > task->process.end_ns)
        return false;
    return start_ns + START_SLACK_NS > known_ns && start_ns < known_ns + START_SLACK_NS;
}

/* A file appeared: the process in its header runs a new image, or is a new process. */
static void task_adopt(struct model *model, struct image *image)
{
    const struct sockatlas_header *header = &image->trace->header;
    if (header->writer != SOCKATLAS_WRITER_SHIM || !header->pid)
        return;
    struct task *task = task_find(model, image->trace->host, header->pidns_inode, header->pid);
    uint64_t time_ns = header->boottime_ns;
    if (task && task_is(task, header)) {
        if (!task->silent && !task->exec_pending && task->started) {
            task->exec_pending = true; /* an exec that no wrapper saw */
            task->exec_ns = time_ns;
        }
        task_exec_commit(model, task);
        descriptor_strengthen(model, task);
    } else {
        task = task_new(model, image);
        task_name(model, task, header->pid, header->start_ticks ? header->start_ticks * TICK_NS : time_ns);
    }
    task->image = image->trace->id;
    task->started = true;
    task->network = store_network(model, image->trace->host, header->netns_cookie, header->netns_inode);
    task_describe(model, task, header);
}

struct image *task_image(struct model *model, const struct trace_image *trace)
{
    if (trace->id >= model->images_count) {
        model->images = realloc(model->images, (trace->id + 1) * sizeof *model->images);
        if (!model->images)
            abort();
        memset(model->images + model->images_count, 0, (trace->id + 1 - model->images_count) * sizeof *model->images);
        model->images_count = trace->id + 1;
    }
    if (trace->host >= model->hosts_count) {
        model->hosts = realloc(model->hosts, (trace->host + 1) * sizeof *model->hosts);
        if (!model->hosts)
            abort();
        memset(model->hosts + model->hosts_count, 0, (trace->host + 1 - model->hosts_count) * sizeof *model->hosts);
        model->hosts_count = trace->host + 1;
    }
    struct image *image = &model->images[trace->id];
    if (!image->trace) {
        image->trace = trace;
        if (!model->hosts[trace->host].image)
            model->hosts[trace->host].image = trace;
        task_adopt(model, image);
    }
    return image;
}

static void pending_fork_drop(struct model *model, struct image *image, uint32_t tid, uint64_t time_ns)
{
    for (struct pending_fork **at = &image->forks, *fork; (fork = *at);) {
        if (tid && fork->tid != tid) {
            at = &fork->next;
            continue;
        }
        *at = fork->next;
        descriptor_drop_all(model, fork->child, time_ns);
        task_free(fork->child);
        free(fork);
    }
}

struct task *task_of(struct model *model, struct image *image, const struct event *event)
{
    if (image->forks && event->kind != SOCKATLAS_START)
        pending_fork_drop(model, image, event->tid, event->time_ns);
    struct task *task = image->last;
    if (!task || task->process.pid != event->pid || task->replaced) {
        task = task_find(model, image->trace->host, image->trace->header.pidns_inode, event->pid);
        if (!task) {
            struct task *parent =
                task_find(model, image->trace->host, image->trace->header.pidns_inode, image->trace->header.pid);
            task = parent ? task_child(model, image, parent, 0) : task_new(model, image);
            task_name(model, task, event->pid, event->time_ns);
        }
        image->last = task;
    }
    task->last_ns = event->time_ns;
    return task;
}

void task_fork(struct model *model, struct image *image, struct task *parent, const struct event *event)
{
    const struct sockatlas_body_fork *body = event_body(event);
    if (event->error)
        return;
    struct task *child = task_child(model, image, parent, event->tid);
    child->process.start_ns = event->time_ns;
    if (body->child_pid) {
        task_name(model, child, body->child_pid, event->time_ns);
        table_insert(&model->children, &child->by_child, hash_numbers(event->slot, image->trace->id));
        descriptor_copy(model, child, parent, false);
        return;
    }
    struct pending_fork *fork = store_alloc(sizeof *fork);
    *fork = (struct pending_fork){.next = image->forks, .slot = event->slot, .tid = event->tid, .child = child};
    image->forks = fork;
    descriptor_copy(model, child, parent, false);
}

/* The child that FORK slot `slot` made, if its pid in FORK is not the one it has itself (another pid namespace). */
static struct task *fork_child(struct model *model, const struct image *image, uint64_t slot)
{
    uint64_t hash = hash_numbers(slot, image->trace->id);
    for (struct table_link *link = table_first(&model->children, hash); link; link = table_next(link)) {
        struct task *task = TABLE_OF(link, struct task, by_child);
        if (!task->started && task->image == image->trace->id)
            return task;
    }
    return NULL;
}

static struct task *pending_fork_take(struct image *image, uint64_t slot)
{
    for (struct pending_fork **at = &image->forks, *fork; (fork = *at); at = &fork->next) {
        if (fork->slot != slot)
            continue;
        struct task *child = fork->child;
        *at = fork->next;
        free(fork);
        return child;
    }
    return NULL;
}

/* Who a START record is of, made if not known; NULL: nobody. */
static struct task *started(struct model *model, struct image *image, const struct event *event)
{
    const struct sockatlas_body_start *body = event_body(event);
    unsigned host = image->trace->host;
    uint64_t pidns = image->trace->header.pidns_inode;
    /* Forked before its parent had a log, that is, a socket. The file is its own, and made it known. */
    if (event->pid == image->trace->header.pid)
        return task_find(model, host, pidns, event->pid);
    struct task *child = pending_fork_take(image, body->fork_slot);
    if (child) {
        task_name(model, child, event->pid, event->time_ns);
        return child;
    }
    child = fork_child(model, image, body->fork_slot);
    if (child) {
        if (child->process.pid != event->pid) {
            table_remove(&model->tasks, &child->by_pid);
            task_file(model, child, event->pid);
        }
        return child;
    }
    child = task_find(model, host, pidns, event->pid);
    if (child && !child->started && !child->ended)
        return child;
    struct task *parent = task_find(model, host, pidns, body->ppid);
    child = parent ? task_child(model, image, parent, 0) : task_new(model, image);
    child->process.start_ns = event->time_ns;
    task_name(model, child, event->pid, event->time_ns);
    if (parent)
        descriptor_copy(model, child, parent, false);
    return child;
}

void task_start(struct model *model, struct image *image, const struct event *event)
{
    const struct sockatlas_body_start *body = event_body(event);
    struct task *child = started(model, image, event);
    if (!child)
        return;
    table_remove(&model->children, &child->by_child);
    child->started = true;
    if (!child->process.ppid) /* its parent's fork is not in the trace; by now another may have adopted it */
        child->process.ppid = body->ppid;
    if (body->comm[0])
        child->process.comm = store_text(model, body->comm, strnlen(body->comm, sizeof body->comm));
    child->last_ns = event->time_ns;
    image->last = child;
}

void task_spawn(struct model *model, struct task *parent, const struct event *event)
{
    const struct sockatlas_body_spawn *body = event_body(event);
    if (event->error)
        return;
    char *path = task_event_path(event, sizeof *body, body->path_size);
    if (body->child_pid) {
        struct task *child = task_find(model, parent->process.host, parent->pidns, body->child_pid);
        /* Its own file may have come first: this record is made after the call. */
        if (!child || child->ended || child->process.start_ns + START_SLACK_NS < event->time_ns) {
            child = task_child(model, &model->images[parent->image], parent, event->tid);
            child->process.start_ns = event->time_ns;
            task_name(model, child, body->child_pid, event->time_ns);
            descriptor_copy(model, child, parent, true);
            descriptor_weaken(model, child);
            if (event->call != SOCKATLAS_CALL_popen && event->call != SOCKATLAS_CALL_system)
                task_describe_path(model, child, path);
            else
                child->process.comm = "sh";
        }
        if (body->untraced)
            coverage_untraced(model, &child->process, path, body->untraced);
    } else if (body->untraced) {
        coverage_untraced(model, &parent->process, path, body->untraced);
    }
    free(path);
}
