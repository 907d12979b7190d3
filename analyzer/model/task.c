/* SPDX-License-Identifier: MIT
 *
 * Processes as records: found by their pid, made, described by a header or a path, which network a thread is in. What
 * becomes of one is task_exec.c's and task_life.c's. Calls store.c alone.
 */
#include "analyzer/model/task.h"

#include <string.h>

static uint64_t pid_hash(unsigned host, uint64_t pidns, uint32_t pid)
{
    return hash_numbers(pidns, (uint64_t)host << 32 | pid);
}

struct task *task_find(const struct model *model, unsigned host, uint64_t pidns, uint32_t pid)
{
    uint64_t hash = pid_hash(host, pidns, pid);
    for (struct table_link *link = table_first(&model->tasks, hash); link; link = table_next(link)) {
        struct task *task = TABLE_OF(link, struct task, by_pid);
        if (task->process.pid == pid && task->process.host == host && task->process.pidns == pidns)
            return task;
    }
    return NULL;
}

void task_file(struct model *model, struct task *task, uint32_t pid)
{
    task->process.pid = pid;
    table_insert(&model->tasks, &task->by_pid, pid_hash(task->process.host, task->process.pidns, pid));
}

static enum via via_of(const struct sockatlas_header *header)
{
    return header->writer == SOCKATLAS_WRITER_ATTACH  ? VIA_ATTACH
           : header->writer == SOCKATLAS_WRITER_PATCH ? VIA_PATCH
                                                      : VIA_PRELOAD;
}

struct task *task_new(struct model *model, const struct image *image)
{
    struct task *task = store_alloc(sizeof *task);
    const struct sockatlas_header *header = &image->trace->header;
    task->process = (struct process){.kind = PROCESS_TRACED,
                                     .host = image->trace->host,
                                     .comm = "",
                                     .exe = "",
                                     .cmdline = "",
                                     .uid = UINT32_MAX,
                                     .cgroup = ""};
    task->process.via = via_of(header);
    task->process.incomplete = header->overwritten != 0 || header->lost != 0;
    task->process.pidns = header->pidns_inode;
    task->image = image->trace->id;
    task->network = store_network(model, image->trace->host, header->netns_cookie, header->netns_inode);
    return task;
}

struct task *task_child(struct model *model, const struct image *image, const struct task *parent, uint32_t tid)
{
    struct task *child = task_new(model, image);
    child->process.ppid = parent->process.pid;
    child->process.pidns = parent->process.pidns;
    child->process.comm = parent->process.comm;
    child->process.exe = parent->process.exe;
    child->process.cmdline = parent->process.cmdline;
    child->process.uid = parent->process.uid;
    child->process.cgroup = parent->process.cgroup;
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

void task_describe(struct model *model, struct task *task, const struct sockatlas_header *header)
{
    struct process *process = &task->process;
    process->comm = store_text(model, header->comm, strnlen(header->comm, sizeof header->comm));
    process->exe = store_text(model, header->exe, strnlen(header->exe, sizeof header->exe));
    process->cmdline = header_cmdline(model, header);
    process->uid = header->uid;
    process->via = via_of(header);
    if (process->via == VIA_ATTACH) {
        process->attached_ns = header->boottime_ns;
        process->incomplete = true;
    }
    process->cgroup = store_text(model, header->cgroup, strnlen(header->cgroup, sizeof header->cgroup));
    if (!process->ppid)
        process->ppid = header->ppid;
    if (header->start_ticks) {
        process->start_ns = header->start_ticks * TICK_NS;
        task->start_exact = true;
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void task_describe_path(struct model *model, struct task *task, const char *path)
{
    const char *name = base_name(path);
    task->process.comm = store_text(model, name, strnlen(name, 15));
    task->process.exe = path[0] == '/' ? store_text(model, path, strlen(path)) : "";
    task->process.cmdline = "";
}

static struct thread_network *thread_find(const struct model *model, const struct task *task, uint32_t tid)
{
    struct table_link *link = table_first(&model->threads, hash_numbers((uintptr_t)task, tid));
    for (; link; link = table_next(link)) {
        struct thread_network *thread = TABLE_OF(link, struct thread_network, by_thread);
        if (thread->task == task && thread->tid == tid)
            return thread;
    }
    return NULL;
}

struct network *task_network(struct model *model, struct task *task, uint32_t tid, uint64_t cookie)
{
    if (cookie && (!task->network || task->network->cookie != cookie))
        return store_network(model, task->process.host, cookie, 0);
    const struct thread_network *thread = task->threads && !cookie ? thread_find(model, task, tid) : NULL;
    return thread ? thread->network : task->network;
}

void task_enter_network(struct model *model, struct task *task, uint32_t tid, struct network *network)
{
    struct thread_network *thread = task->threads ? thread_find(model, task, tid) : NULL;
    if (!thread) {
        thread = store_alloc(sizeof *thread);
        *thread = (struct thread_network){.next = task->threads, .task = task, .tid = tid};
        table_insert(&model->threads, &thread->by_thread, hash_numbers((uintptr_t)task, tid));
        task->threads = thread;
    }
    thread->network = network;
}

void task_free(struct task *task)
{
    for (struct thread_network *at = task->threads, *next; at; at = next) {
        next = at->next;
        free(at);
    }
    descriptor_free(task);
    free(task->exec_path);
    free(task->claim.path);
    free(task->names);
    free(task);
}
