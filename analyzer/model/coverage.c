/* SPDX-License-Identifier: MIT
 *
 * What the trace does not show and why: blind spots that the shim recorded, losses, programs without a log. Called by
 * the replay as they come and by model.c at the end.
 */
#include "analyzer/model/internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *coverage_word(unsigned what)
{
    switch (what) {
#define X(value, name, word)                                                                                           \
    case value:                                                                                                        \
        return #word;
        SOCKATLAS_COVERAGES(X)
#undef X
    default:
        return "unknown";
    }
}

/* Enough for any report; a trace that repeats itself must not fill memory. */
#define COVERAGE_MAX 10000

struct coverage_entry {
    struct table_link link;
    unsigned index;
};

void coverage_add(struct model *model, struct process *process, unsigned what, const char *detail)
{
    const char *word = coverage_word(what);
    uint64_t hash = hash_words((uintptr_t)process, what, hash_bytes(detail, strlen(detail)), 0);
    for (struct table_link *link = table_first(&model->coverages, hash); link; link = table_next(link)) {
        const struct coverage *known = &model->coverage[TABLE_OF(link, struct coverage_entry, link)->index];
        if (known->process == process && known->what == word && strcmp(known->detail, detail) == 0)
            return;
    }
    if (model->coverage_count >= COVERAGE_MAX)
        return;
    struct coverage_entry *entry = store_alloc(sizeof *entry);
    entry->index = model->coverage_count;
    table_insert(&model->coverages, &entry->link, hash);
    model->coverage =
        store_grow(model->coverage, model->coverage_count, &model->coverage_capacity, sizeof *model->coverage);
    model->coverage[model->coverage_count++] =
        (struct coverage){.process = process, .what = word, .detail = strdup(detail)};
}

void coverage_free(struct model *model)
{
    store_free_entries(&model->coverages, offsetof(struct coverage_entry, link));
}

static const char *const untraced_why[] = {
    [SOCKATLAS_UNTRACED_STATIC] = "statically linked",
    [SOCKATLAS_UNTRACED_SETUID] = "setuid, setgid or with file capabilities",
    [SOCKATLAS_UNTRACED_LIBC] = "its C library's loader does not preload",
    [SOCKATLAS_UNTRACED_CLASS] = "another word size or machine",
    [SOCKATLAS_UNTRACED_REFUSED] = "tracing switched off for it",
    [SOCKATLAS_UNTRACED_ENVIRONMENT] = "started by libc without the variables that trace it",
    [SOCKATLAS_UNTRACED_FOLDER] = "it may not write in the trace folder",
    [SOCKATLAS_UNTRACED_USER] = "it runs as another user (`run --across-users` follows it)",
    [SOCKATLAS_UNTRACED_SANDBOX] = "it begins in a seccomp sandbox",
    [SOCKATLAS_UNTRACED_SHIM] = "libsockatlas.so is not there, or on a file system mounted noexec",
    [SOCKATLAS_UNTRACED_GO] = "a Go program, which makes system calls without the C library",
    [SOCKATLAS_UNTRACED_SITES] = "statically linked, its system calls not where they were expected",
    [SOCKATLAS_UNTRACED_PTRACE] = "statically linked, and may not be traced by ptrace(2), or is already",
};

const char *model_untraced_why(enum sockatlas_untraced why)
{
    size_t known = sizeof untraced_why / sizeof *untraced_why;
    return why < known && untraced_why[why] ? untraced_why[why] : "cannot be traced";
}

void coverage_untraced(struct model *model, struct process *process, const char *path, unsigned why)
{
    char detail[1200];
    snprintf(detail, sizeof detail, "%s: %s", *path ? path : "a program", model_untraced_why(why));
    coverage_add(model, process, SOCKATLAS_COVERAGE_UNTRACED_CHILD, detail);
}

static const char *const loss_why[] = {
    [SOCKATLAS_LOSS_NONE] = "reason unknown",
    [SOCKATLAS_LOSS_LIMIT] = "the size limit was reached",
    [SOCKATLAS_LOSS_SPACE] = "no space left on the device",
    [SOCKATLAS_LOSS_OPEN] = "before the log could be opened",
    [SOCKATLAS_LOSS_TABLE] = "a descriptor beyond the table",
    [SOCKATLAS_LOSS_SANDBOX] = "in a seccomp sandbox",
    [SOCKATLAS_LOSS_HELD] = "every section has a record that was not finished",
    [SOCKATLAS_LOSS_MOVED] = "while a new log took the place of one that was removed or renamed",
    [SOCKATLAS_LOSS_THREAD] = "by threads, or inside signal handlers, that cannot be followed",
};

/* "before 14:03:22 overwritten: 1234 records". */
static void overwritten(struct model *model, const struct trace_image *trace)
{
    const struct sockatlas_header *header = &trace->header;
    struct task *task = task_find(model, trace->host, header->pidns_inode, header->pid);
    char when[32] = "?", detail[128];
    time_t seconds = (time_t)(store_wall(model, trace->host, header->overwritten_until) / 1000000000);
    struct tm broken;
    if (header->overwritten_until && localtime_r(&seconds, &broken))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &broken);
    snprintf(detail, sizeof detail, "before %s: %llu records, %llu of them beginnings of connections", when,
             (unsigned long long)header->overwritten, (unsigned long long)header->overwritten_connections);
    coverage_add(model, task ? &task->process : NULL, SOCKATLAS_COVERAGE_OVERWRITTEN, detail);
}

static void notices_lost(struct model *model, const struct sockatlas_header *header)
{
    char detail[160];
    snprintf(detail, sizeof detail, "%llu of the kernel's notices of ended sockets %s lost: more came than were read",
             (unsigned long long)header->lost, header->lost == 1 ? "was" : "were");
    if (header->lost_reason == SOCKATLAS_LOSS_LATE)
        snprintf(
            detail, sizeof detail,
            "%llu or more of the kernel's notices of ended sockets were lost: it had not sent all when the reading "
            "ended",
            (unsigned long long)header->lost);
    coverage_add(model, NULL, SOCKATLAS_COVERAGE_ENDED_LOST, detail);
}

void coverage_losses(struct model *model)
{
    for (unsigned i = 0; i < model->processes_count; i++) {
        struct task *task = (struct task *)model->processes[i];
        if (model->processes[i]->kind != PROCESS_TRACED || !model->images[task->image].trace)
            continue;
        const struct sockatlas_header *header = &model->images[task->image].trace->header;
        task->process.incomplete = task->process.incomplete || header->overwritten != 0 || header->lost != 0;
    }
    for (unsigned i = 0; i < model->images_count; i++)
        if (model->images[i].trace && model->images[i].trace->header.overwritten)
            overwritten(model, model->images[i].trace);
    for (unsigned i = 0; i < model->images_count; i++) {
        const struct trace_image *trace = model->images[i].trace;
        if (!trace)
            continue;
        const struct sockatlas_header *header = &trace->header;
        bool late = header->writer == SOCKATLAS_WRITER_KERNEL && header->lost_reason == SOCKATLAS_LOSS_LATE;
        if (!header->lost && !late)
            continue;
        struct task *task = task_find(model, trace->host, header->pidns_inode, header->pid);
        char detail[128];
        size_t known = sizeof loss_why / sizeof *loss_why;
        if (header->writer == SOCKATLAS_WRITER_KERNEL) {
            notices_lost(model, header);
            continue;
        }
        bool outside = header->writer == SOCKATLAS_WRITER_RUN;
        const char *why = header->lost_reason < known ? loss_why[header->lost_reason] : loss_why[0];
        snprintf(detail, sizeof detail, "%llu record%s lost%s%s", (unsigned long long)header->lost,
                 header->lost == 1 ? "" : "s", outside ? " by programs that could make no log" : ": ",
                 outside ? "" : why);
        coverage_add(model, task ? &task->process : NULL, outside ? SOCKATLAS_COVERAGE_NO_LOG : SOCKATLAS_COVERAGE_LOST,
                     detail);
    }
}

void coverage_doubts(struct model *model)
{
    char detail[NAME_MAX + 128];
    for (unsigned i = 0; i < model->images_count; i++) {
        const struct trace_image *trace = model->images[i].trace;
        if (!trace || (!trace->forged && !trace->foreign))
            continue;
        const struct task *task = task_find(model, trace->host, trace->header.pidns_inode, trace->header.pid);
        struct process *process = task ? (struct process *)&task->process : NULL;
        if (trace->forged) {
            snprintf(detail, sizeof detail, "%llu forged record%s in %s left out", (unsigned long long)trace->forged,
                     trace->forged == 1 ? "" : "s", process ? "its log" : trace->name);
            coverage_add(model, process, SOCKATLAS_COVERAGE_FORGED, detail);
        }
        if (trace->foreign) {
            snprintf(detail, sizeof detail, "known by the word of user %u, who made its log", (unsigned)trace->owner);
            coverage_add(model, process, SOCKATLAS_COVERAGE_FOREIGN_LOG, detail);
        }
    }
}

void coverage_repeated(struct model *model)
{
    const struct trace_image *first = NULL;
    char detail[1200];
    unsigned count = 0;
    for (unsigned i = 0; i < model->images_count; i++) {
        const struct trace_image *trace = model->images[i].trace;
        if (!trace || !trace->repeats)
            continue;
        first = first ? first : trace;
        count++;
    }
    if (count == 1)
        snprintf(detail, sizeof detail, "log %s: in %s and in %s; each record is counted once", first->name,
                 first->path, first->repeat_path);
    else if (count)
        snprintf(detail, sizeof detail, "%u logs, as %s: in %s and in %s; each record is counted once", count,
                 first->name, first->path, first->repeat_path);
    if (count)
        coverage_add(model, NULL, SOCKATLAS_COVERAGE_REPEATED_LOG, detail);
}

void coverage_given_up(struct model *model)
{
    char detail[160];
    uint64_t given_up = pair_given_up(model->pair);
    if (!given_up)
        return;
    snprintf(detail, sizeof detail,
             "%llu connections could not be kept until the end, and were taken for connections whose other half is not "
             "in the trace",
             (unsigned long long)given_up);
    coverage_add(model, NULL, SOCKATLAS_COVERAGE_HALF_MATCHED, detail);
}

void coverage_inherited(struct model *model)
{
    char detail[160];
    if (!model->heirs_cut)
        return;
    snprintf(detail, sizeof detail,
             "%llu processes inherited more sockets than are kept in proportion to the trace; what they did not use is "
             "not known to be theirs",
             (unsigned long long)model->heirs_cut);
    coverage_add(model, NULL, SOCKATLAS_COVERAGE_INHERITED, detail);
}
