/* SPDX-License-Identifier: MIT
 *
 * What fork, spawn and exit do to processes, and which event is whose. Called by replay.c only (and by model.c at the
 * end).
 */
#include "analyzer/model/task.h"

#include "analyzer/trace/budget.h"

#include <string.h>

/* How far a process's kernel start time may be from the time its fork was recorded at. */
#define START_SLACK_NS 2000000000ull

/* Makes `task` the process that pid names from now on; who had it before is dead. */
static void task_name(struct model *model, struct task *task, uint32_t pid, uint64_t time_ns)
{
    struct task *former = task_find(model, task->process.host, task->process.pidns, pid);
    if (former) {
        if (!task_is_over(former))
            task_vanish(model, former, time_ns);
        task_change(model, former, TASK_IS_REPLACED);
        table_remove(&model->tasks, &former->by_pid);
    }
    task_file(model, task, pid);
    store_process(model, &task->process);
    const struct descriptor *descriptor;
    for (int64_t fd = 0; (descriptor = descriptor_next(task, &fd)); fd++)
        sock_hold(descriptor->sock, task);
}

static void end(struct model *model, struct task *task, enum task_change change, uint64_t time_ns)
{
    task_exec_commit(model, task);
    task_claim_tell(model, task);
    table_remove(&model->children, &task->by_child);
    table_remove(&model->nested, &task->by_nested);
    descriptor_drop_all(model, task, time_ns);
    if (task_change(model, task, change) && task->state == TASK_ENDED)
        task->process.end_ns = time_ns;
}

void task_end(struct model *model, struct task *task, uint64_t time_ns)
{
    end(model, task, TASK_ENDS, time_ns);
}

void task_vanish(struct model *model, struct task *task, uint64_t time_ns)
{
    end(model, task, TASK_VANISHES, time_ns);
}

static bool task_is(const struct task *task, const struct sockatlas_header *header)
{
    uint64_t start_ns = header->start_ticks * TICK_NS, known_ns = task->process.start_ns;
    if (!start_ns || !known_ns)
        return !task_is_over(task);
    if (task->start_exact)
        return start_ns == known_ns;
    if (task_is_over(task) && task->process.end_ns && start_ns > task->process.end_ns)
        return false;
    return start_ns + START_SLACK_NS > known_ns && start_ns < known_ns + START_SLACK_NS;
}

/* ---- Namespaces of process ids below that of the file ---- */

/* Stands in for the inode, which no record tells: one for each file. */
static uint64_t nested_pidns(const struct image *image)
{
    return 1ull << 63 | image->trace->id;
}

static void nested_file(struct model *model, struct image *image, struct task *task, uint32_t pid)
{
    table_remove(&model->tasks, &task->by_pid);
    task->process.pidns = nested_pidns(image);
    image->nests = true;
    task_file(model, task, pid);
    table_insert(&model->nested, &task->by_nested, hash_numbers(task->process.host, pid));
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Which of those this file is of: it has the number, began at that time and executed that program. */
static struct task *nested_find(const struct model *model, const struct image *image)
{
    const struct sockatlas_header *header = &image->trace->header;
    const char *exe = file_name(header->exe);
    struct task *found = NULL;
    bool found_named = false;
    uint64_t start_ns = header->start_ticks * TICK_NS, found_off = START_SLACK_NS;
    uint64_t hash = hash_numbers(image->trace->host, header->pid);
    for (struct table_link *link = table_first(&model->nested, hash); link && start_ns; link = table_next(link)) {
        struct task *task = TABLE_OF(link, struct task, by_nested);
        uint64_t known_ns = task->process.start_ns;
        uint64_t off = start_ns > known_ns ? start_ns - known_ns : known_ns - start_ns;
        const char *path = task->state == TASK_EXECUTES && task->exec_path ? task->exec_path : task->process.exe;
        bool named = strncmp(file_name(path), exe, strlen(exe)) == 0;
        budget_work(1);
        if (task->process.host != image->trace->host || task->process.pid != header->pid || off >= START_SLACK_NS ||
            (task->state != TASK_EXECUTES && !task_is_weak(task)) || (found_named && !named))
            continue;
        if ((named && !found_named) || off < found_off) {
            found = task;
            found_off = off;
            found_named = named;
        }
    }
    return found;
}

static struct task *nested_take(struct model *model, const struct image *image)
{
    struct task *task = nested_find(model, image);
    if (!task)
        return NULL;
    table_remove(&model->nested, &task->by_nested);
    table_remove(&model->tasks, &task->by_pid);
    task->process.pidns = image->trace->header.pidns_inode;
    task_file(model, task, image->trace->header.pid);
    return task;
}

/* ---- */

/* A file appeared: the process in its header runs a new image, or is a new process. */
static void task_adopt(struct model *model, struct image *image)
{
    const struct sockatlas_header *header = &image->trace->header;
    if (!event_of_program(header) || !header->pid)
        return;
    struct task *task = task_find(model, image->trace->host, header->pidns_inode, header->pid);
    uint64_t time_ns = header->boottime_ns;
    if (!task)
        task = nested_take(model, image);
    if (task && task_is(task, header)) {
        /* The image is the one that it has. */
        bool goes_on = header->writer == SOCKATLAS_WRITER_ATTACH || header->follows != 0;
        const struct trace_image *former = model->images[task->image].trace;
        image->continues = former && header->follows != 0 && header->follows == former->header.boottime_ns;
        if (task->state == TASK_RUNS && !goes_on) { /* an exec that no wrapper saw */
            task_change(model, task, TASK_BEGINS_EXEC);
            task->exec_ns = time_ns;
        }
        task_exec_commit(model, task);
        char comm[sizeof header->comm + 1] = {0};
        memcpy(comm, header->comm, sizeof header->comm);
        task_claim_refute(task, comm);
        task_claim_tell(model, task);
    } else {
        task = task_new(model, image);
        task_name(model, task, header->pid, header->start_ticks ? header->start_ticks * TICK_NS : time_ns);
    }
    task->image = image->trace->id;
    task->exec_untraced = SOCKATLAS_TRACEABLE;
    task->process.incomplete = task->process.incomplete || header->overwritten != 0 || header->lost != 0;
    task->heard_ns = time_ns;
    task_change(model, task, TASK_OPENS_LOG);
    task->network = store_network(model, image->trace->host, header->netns_cookie, header->netns_inode);
    task_describe(model, task, header);
}

struct image *task_note_image(struct model *model, const struct trace_image *trace)
{
    while (trace->id >= model->images_count) {
        model->images = store_grow(model->images, model->images_count, &model->images_capacity, sizeof *model->images);
        model->images[model->images_count++] = (struct image){.trace = NULL};
    }
    while (trace->host >= model->hosts_count) {
        model->hosts = store_grow(model->hosts, model->hosts_count, &model->hosts_capacity, sizeof *model->hosts);
        model->hosts[model->hosts_count++] = (struct host){.image = NULL};
    }
    struct image *image = &model->images[trace->id];
    if (!image->trace) {
        image->trace = trace;
        model->overwritten |= trace->header.overwritten != 0;
        if (!model->hosts[trace->host].image)
            model->hosts[trace->host].image = trace;
    }
    return image;
}

struct image *task_image(struct model *model, const struct trace_image *trace)
{
    bool known = trace->id < model->images_count && model->images[trace->id].trace;
    struct image *image = task_note_image(model, trace);
    if (!known)
        task_adopt(model, image);
    return image;
}

/* ---- Forks whose child is not known yet ---- */

static void pending_fork_add(struct model *model, struct image *image, const struct event *event, struct task *child)
{
    unsigned id = image->trace->id;
    struct pending_fork *fork = store_alloc(sizeof *fork);
    *fork = (struct pending_fork){
        .next = image->forks, .image = id, .slot = event->slot, .tid = event->tid, .child = child};
    if (image->forks)
        image->forks->previous = fork;
    image->forks = fork;
    table_insert(&model->forks_by_thread, &fork->by_thread, hash_numbers(fork->tid, id));
    table_insert(&model->forks_by_slot, &fork->by_slot, hash_numbers(fork->slot, id));
}

static struct task *pending_fork_remove(struct model *model, struct image *image, struct pending_fork *fork)
{
    struct task *child = fork->child;
    *(fork->previous ? &fork->previous->next : &image->forks) = fork->next;
    if (fork->next)
        fork->next->previous = fork->previous;
    table_remove(&model->forks_by_thread, &fork->by_thread);
    table_remove(&model->forks_by_slot, &fork->by_slot);
    free(fork);
    return child;
}

static struct pending_fork *pending_fork_of_thread(const struct model *model, const struct image *image, uint32_t tid)
{
    unsigned id = image->trace->id;
    struct table_link *link = table_first(&model->forks_by_thread, hash_numbers(tid, id));
    for (; link; link = table_next(link)) {
        struct pending_fork *fork = TABLE_OF(link, struct pending_fork, by_thread);
        if (fork->tid == tid && fork->image == id)
            return fork;
    }
    return NULL;
}

static struct task *pending_fork_take(struct model *model, struct image *image, uint64_t slot)
{
    unsigned id = image->trace->id;
    struct table_link *link = table_first(&model->forks_by_slot, hash_numbers(slot, id));
    for (; link; link = table_next(link)) {
        struct pending_fork *fork = TABLE_OF(link, struct pending_fork, by_slot);
        if (fork->slot == slot && fork->image == id)
            return pending_fork_remove(model, image, fork);
    }
    return NULL;
}

/* The thread goes on: its children have come to their own, or to nothing. Without a thread, all have. */
static void pending_fork_drop(struct model *model, struct image *image, uint32_t tid, uint64_t time_ns)
{
    struct pending_fork *fork;
    while ((fork = tid ? pending_fork_of_thread(model, image, tid) : image->forks)) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): that this unlinks the fork is not seen */
        struct task *child = pending_fork_remove(model, image, fork);
        descriptor_drop_all(model, child, time_ns);
        task_free(child);
    }
}

void task_drop_forks(struct model *model, struct image *image)
{
    pending_fork_drop(model, image, 0, image->trace->header.boottime_ns);
}

/* ---- Whose event it is ---- */

struct task *task_of(struct model *model, struct image *image, const struct event *event)
{
    if (image->forks && event->kind != SOCKATLAS_START)
        pending_fork_drop(model, image, event->tid, event->time_ns);
    struct task *task = image->last;
    if (!task || task->process.pid != event->pid || task->state == TASK_REPLACED) {
        task = image->nests ? task_find(model, image->trace->host, nested_pidns(image), event->pid) : NULL;
        if (!task)
            task = task_find(model, image->trace->host, image->trace->header.pidns_inode, event->pid);
        if (!task) {
            struct task *parent =
                task_find(model, image->trace->host, image->trace->header.pidns_inode, image->trace->header.pid);
            task = parent ? task_child(model, image, parent, 0) : task_new(model, image);
            task_name(model, task, event->pid, event->time_ns);
        }
        image->last = task;
    }
    task->heard_ns = event->time_ns;
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
        if (parent->by_nested.listed)
            table_insert(&model->nested, &child->by_nested, hash_numbers(child->process.host, body->child_pid));
        table_insert(&model->children, &child->by_child, hash_numbers(event->slot, image->trace->id));
        descriptor_copy(model, child, parent, false);
        return;
    }
    pending_fork_add(model, image, event, child);
    descriptor_copy(model, child, parent, false);
}

/* Has logged nothing yet. */
static bool told_only(const struct task *task)
{
    return task->state == TASK_TOLD || task->state == TASK_SPAWNED;
}

/* The child that FORK slot `slot` made, if its pid in FORK is not the one it has itself (another pid namespace). */
static struct task *fork_child(struct model *model, const struct image *image, uint64_t slot)
{
    uint64_t hash = hash_numbers(slot, image->trace->id);
    for (struct table_link *link = table_first(&model->children, hash); link; link = table_next(link)) {
        struct task *task = TABLE_OF(link, struct task, by_child);
        if (told_only(task) && task->image == image->trace->id)
            return task;
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
    struct task *child = pending_fork_take(model, image, body->fork_slot);
    if (child) {
        task_name(model, child, event->pid, event->time_ns);
        return child;
    }
    child = fork_child(model, image, body->fork_slot);
    if (child) {
        if (child->process.pid != event->pid)
            nested_file(model, image, child, event->pid);
        return child;
    }
    child = task_find(model, host, pidns, event->pid);
    if (child && told_only(child))
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
    task_change(model, child, TASK_LOGS);
    if (!child->process.ppid) /* its parent's fork is not in the trace; by now another may have adopted it */
        child->process.ppid = body->ppid;
    if (body->comm[0])
        child->process.comm = store_text(model, body->comm, strnlen(body->comm, sizeof body->comm));
    child->heard_ns = event->time_ns;
    image->last = child;
}

void task_process(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_process *body = event_body(event);
    struct process *process = &task->process;
    char cgroup[1024];
    if (body->comm[0])
        process->comm = store_text(model, body->comm, strnlen(body->comm, sizeof body->comm));
    if (!process->ppid)
        process->ppid = body->ppid;
    process->uid = body->uid;
    task_change(model, task, TASK_LOGS);
    if (body->cgroup_size && body->cgroup_size <= sizeof cgroup &&
        event_tail(event, sizeof *body, 0, cgroup, body->cgroup_size))
        process->cgroup = store_text(model, cgroup, body->cgroup_size);
}

void task_spawn(struct model *model, struct task *parent, const struct event *event)
{
    const struct sockatlas_body_spawn *body = event_body(event);
    if (event->error)
        return;
    char *path = task_event_path(event, sizeof *body, body->path_size);
    if (body->child_pid) {
        struct task *child = task_find(model, parent->process.host, parent->process.pidns, body->child_pid);
        /* Its own file may have come first: this record is made after the call. */
        bool own = child && !task_is_over(child) && child->process.start_ns + START_SLACK_NS >= event->time_ns;
        if (!own) {
            child = task_child(model, &model->images[parent->image], parent, event->tid);
            child->process.start_ns = event->time_ns;
            child->process.via = VIA_NONE; /* its log will tell */
            task_name(model, child, body->child_pid, event->time_ns);
            descriptor_copy(model, child, parent, true);
            task_change(model, child, TASK_IS_SPAWNED);
            if (event->call != SOCKATLAS_CALL_popen && event->call != SOCKATLAS_CALL_system)
                task_describe_path(model, child, path);
            else
                child->process.comm = "sh";
        }
        if (body->untraced) {
            task_claim(model, child, path, body->untraced);
            path = NULL;
            if (own)
                task_claim_refute(child, child->process.comm);
        }
    } else if (body->untraced) {
        coverage_untraced(model, &parent->process, path, body->untraced);
    }
    free(path);
}
