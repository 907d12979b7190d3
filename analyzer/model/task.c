/* SPDX-License-Identifier: MIT
 *
 * Processes while they live: which pid is which process, and what fork, spawn, exec and exit do to it. Called by
 * replay.c only (and by model.c at the end).
 */
#include "analyzer/model/internal.h"

#include <stdio.h>
#include <string.h>

#define TICK_NS 10000000ull
/* How far a process's kernel start time may be from the time its fork was recorded at. */
#define START_SLACK_NS 2000000000ull
/* An exec that has not failed by then (trace time) has happened. */
#define EXEC_FAILS_WITHIN_NS 1000000000ull
#define PENDING_FORKS_MAX    16

static uint64_t pid_hash(unsigned host, uint64_t pidns, uint32_t pid)
{
    return table_mix(pidns * 31 + host + ((uint64_t)pid << 24));
}

struct task *task_find(const struct model *model, unsigned host, uint64_t pidns, uint32_t pid)
{
    uint64_t hash = pid_hash(host, pidns, pid);
    for (struct table_link *link = table_first(&model->tasks, hash); link; link = table_next(link)) {
        struct task *task = TABLE_OF(link, struct task, by_pid);
        if (task->process.pid == pid && task->process.host == host && task->pidns == pidns)
            return task;
    }
    return NULL;
}

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
    task->process.pid = pid;
    table_insert(&model->tasks, &task->by_pid, pid_hash(task->process.host, task->pidns, pid));
    store_process(model, &task->process);
    for (unsigned fd = 0; fd < task->descriptors_size; fd++) {
        struct sock *sock = descriptor_get(task, (int32_t)fd);
        if (sock)
            sock_hold(sock, task);
    }
}

static struct task *task_new(struct model *model, const struct image *image)
{
    struct task *task = store_alloc(sizeof *task);
    const struct sockatlas_header *header = &image->trace->header;
    task->process =
        (struct process){.kind = PROCESS_TRACED, .host = image->trace->host, .comm = "", .exe = "", .cmdline = ""};
    task->pidns = header->pidns_inode;
    task->image = image->trace->id;
    task->network = store_network(model, image->trace->host, header->netns_cookie, header->netns_inode);
    return task;
}

static struct task *task_child(struct model *model, const struct image *image, const struct task *parent, uint32_t tid)
{
    struct task *child = task_new(model, image);
    child->process.ppid = parent->process.pid;
    child->process.comm = parent->process.comm;
    child->process.exe = parent->process.exe;
    child->process.cmdline = parent->process.cmdline;
    child->network = task_network(model, (struct task *)parent, tid, 0);
    return child;
}

static const char *header_cmdline(struct model *model, const struct sockatlas_header *header)
{
    char text[sizeof header->cmdline];
    size_t size = header->cmdline_size < sizeof text ? header->cmdline_size : sizeof text;
    memcpy(text, header->cmdline, size);
    while (size && !text[size - 1])
        size--;
    for (size_t i = 0; i < size; i++)
        if (!text[i])
            text[i] = ' ';
    return store_text(model, text, size);
}

static void task_describe(struct model *model, struct task *task, const struct sockatlas_header *header)
{
    struct process *process = &task->process;
    process->comm = store_text(model, header->comm, strnlen(header->comm, sizeof header->comm));
    process->exe = store_text(model, header->exe, strnlen(header->exe, sizeof header->exe));
    process->cmdline = header_cmdline(model, header);
    if (!process->ppid)
        process->ppid = header->ppid;
    if (header->start_ticks) {
        process->start_ns = header->start_ticks * TICK_NS;
        task->start_exact = true;
    }
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
        table_insert(&model->children, &child->by_child, table_mix(event->slot + ((uint64_t)image->trace->id << 40)));
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
    uint64_t hash = table_mix(slot + ((uint64_t)image->trace->id << 40));
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

void task_start(struct model *model, struct image *image, const struct event *event)
{
    const struct sockatlas_body_start *body = event_body(event);
    struct task *child = pending_fork_take(image, body->fork_slot);
    if (event->pid == image->trace->header.pid) {
        /* Forked before its parent had a log, that is, a socket. The file is its own, and made it known. */
        child = task_find(model, image->trace->host, image->trace->header.pidns_inode, event->pid);
        if (!child)
            return;
    } else if (child) {
        task_name(model, child, event->pid, event->time_ns);
    } else if ((child = fork_child(model, image, body->fork_slot))) {
        if (child->process.pid != event->pid) {
            table_remove(&model->tasks, &child->by_pid);
            child->process.pid = event->pid;
            table_insert(&model->tasks, &child->by_pid, pid_hash(child->process.host, child->pidns, event->pid));
        }
    } else {
        uint64_t pidns = image->trace->header.pidns_inode;
        child = task_find(model, image->trace->host, pidns, event->pid);
        if (!child || child->started || child->ended) {
            struct task *parent = task_find(model, image->trace->host, pidns, body->ppid);
            child = parent ? task_child(model, image, parent, 0) : task_new(model, image);
            child->process.start_ns = event->time_ns;
            task_name(model, child, event->pid, event->time_ns);
            if (parent)
                descriptor_copy(model, child, parent, false);
        }
    }
    table_remove(&model->children, &child->by_child);
    child->started = true;
    if (!child->process.ppid) /* its parent's fork is not in the trace; by now another may have adopted it */
        child->process.ppid = body->ppid;
    if (body->comm[0])
        child->process.comm = store_text(model, body->comm, strnlen(body->comm, sizeof body->comm));
    child->last_ns = event->time_ns;
    image->last = child;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The image is now `path`, of which nothing else is known. */
static void task_describe_path(struct model *model, struct task *task, const char *path)
{
    const char *name = base_name(path);
    task->process.comm = store_text(model, name, strnlen(name, 15));
    task->process.exe = path[0] == '/' ? store_text(model, path, strlen(path)) : "";
    task->process.cmdline = "";
}

static char *event_path(const struct event *event, size_t body_size, size_t size)
{
    char *path = store_alloc(size + 1);
    if (!event_tail(event, body_size, 0, path, size))
        path[0] = '\0';
    return path;
}

static const char *const untraced_why[] = {
    [SOCKATLAS_UNTRACED_STATIC] = "statically linked",
    [SOCKATLAS_UNTRACED_SETUID] = "setuid, setgid or with file capabilities",
    [SOCKATLAS_UNTRACED_LIBC] = "its C library's loader does not preload",
    [SOCKATLAS_UNTRACED_CLASS] = "another word size or machine",
    [SOCKATLAS_UNTRACED_REFUSED] = "tracing switched off for it",
    [SOCKATLAS_UNTRACED_ENVIRONMENT] = "started by libc without the variables that trace it",
    [SOCKATLAS_UNTRACED_FOLDER] = "it may not write in the trace folder",
};

static void note_untraced_image(struct model *model, struct process *process, const char *path, unsigned why)
{
    char detail[1200];
    size_t known = sizeof untraced_why / sizeof *untraced_why;
    snprintf(detail, sizeof detail, "%s: %s", path,
             why < known && untraced_why[why] ? untraced_why[why] : "cannot be traced");
    coverage_add(model, process, SOCKATLAS_COVERAGE_UNTRACED_CHILD, detail);
}

void task_spawn(struct model *model, struct task *parent, const struct event *event)
{
    const struct sockatlas_body_spawn *body = event_body(event);
    if (event->error)
        return;
    char *path = event_path(event, sizeof *body, body->path_size);
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
            note_untraced_image(model, &child->process, path, body->untraced);
    } else if (body->untraced) {
        note_untraced_image(model, &parent->process, path, body->untraced);
    }
    free(path);
}

void task_exec(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_exec *body = event_body(event);
    if (task->exec_pending)
        return;
    task->exec_pending = true;
    task->exec_tid = event->tid;
    task->exec_ns = event->time_ns;
    task->exec_untraced = body->untraced;
    task->exec_path = event_path(event, sizeof *body, body->path_size);
    task->exec_next = NULL;
    if (model->exec_last)
        model->exec_last->exec_next = task;
    else
        model->exec_first = task;
    model->exec_last = task;
}

static void exec_unlist(struct model *model, struct task *task)
{
    struct task *before = NULL;
    for (struct task *at = model->exec_first; at; before = at, at = at->exec_next) {
        if (at != task)
            continue;
        if (before)
            before->exec_next = at->exec_next;
        else
            model->exec_first = at->exec_next;
        if (model->exec_last == at)
            model->exec_last = before;
        return;
    }
}

void task_exec_failed(struct model *model, struct task *task)
{
    if (!task->exec_pending)
        return;
    exec_unlist(model, task);
    task->exec_pending = false;
    free(task->exec_path);
    task->exec_path = NULL;
}

void task_exec_commit(struct model *model, struct task *task)
{
    if (!task->exec_pending)
        return;
    exec_unlist(model, task);
    task->exec_pending = false;
    descriptor_drop_cloexec(model, task, task->exec_ns);
    descriptor_weaken(model, task);
    task->started = true;
    if (task->exec_path && task->exec_path[0]) {
        task_describe_path(model, task, task->exec_path);
        if (task->exec_untraced)
            note_untraced_image(model, &task->process, task->exec_path, task->exec_untraced);
    }
    free(task->exec_path);
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

struct network *task_network(struct model *model, struct task *task, uint32_t tid, uint64_t cookie)
{
    if (cookie && (!task->network || task->network->cookie != cookie))
        return store_network(model, task->process.host, cookie, 0);
    for (const struct thread_network *at = task->threads; at && !cookie; at = at->next)
        if (at->tid == tid)
            return at->network;
    return task->network;
}

void task_enter_network(struct model *model, struct task *task, uint32_t tid, struct network *network)
{
    (void)model;
    struct thread_network *at = task->threads;
    while (at && at->tid != tid)
        at = at->next;
    if (!at) {
        at = store_alloc(sizeof *at);
        *at = (struct thread_network){.next = task->threads, .tid = tid};
        task->threads = at;
    }
    at->network = network;
}

void task_free(struct task *task)
{
    for (struct thread_network *at = task->threads, *next; at; at = next) {
        next = at->next;
        free(at);
    }
    free(task->descriptors);
    free(task->exec_path);
    free(task->names);
    free(task);
}
