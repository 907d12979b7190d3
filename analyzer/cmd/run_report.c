/* SPDX-License-Identifier: MIT
 *
 * What a run left behind: reads the trace once, records which of its processes are no more, and tells the user in three
 * lines what there is and where.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/proc.h"

#include "analyzer/model/model.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void count_socket(void *context, const struct socket *socket)
{
    (void)socket;
    ++*(uint64_t *)context;
}

/* When the process with this id started, CLOCK_BOOTTIME; 0 when there is none, or only its zombie. */
static uint64_t started_ns(uint32_t pid)
{
    char path[32];
    struct proc_stat stat;
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", pid);
    FILE *file = fopen(path, "re");
    bool known = file && proc_read_stat(file, &stat);
    if (file)
        fclose(file);
    if (!known || stat.state == 'Z' || stat.state == 'X')
        return 0;
    return (stat.start_ticks + 1) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK)) - (uint64_t)run_clock_offset();
}

/* Whether the traced process still runs. One that has its number but started after it was seen is another one. */
static bool runs(const struct process *process)
{
    const uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t started = started_ns(process->pid);
    return started != 0 && (process->start_ns == 0 || started <= process->start_ns + 2 * tick);
}

/* What became of those that said nothing, where their ids are of our own namespace: others say nothing here. */
static void report_process(struct run_report *report, struct run_log *log, const struct process *process,
                           uint64_t pidns, const struct run_ended *ended)
{
    if (process->kind != PROCESS_TRACED)
        return;
    report->processes++;
    report->silent += process->end_ns == 0;
    if (process->end_ns != 0 || process->pidns != pidns || runs(process))
        return;
    run_log_gone(log, (pid_t)process->pid, process->pid == (uint32_t)ended->command ? ended->wait_status : -1);
}

/* By another's word, or the kernel's. */
static bool is_seen(const char *coverage)
{
    return strcmp(coverage, "foreign_log") == 0 || strcmp(coverage, "unlogged") == 0 ||
           strcmp(coverage, "unwatched") == 0;
}

void run_report(struct run_report *report, struct run_log *log, const struct run_preload *preload,
                const struct run_ended *ended)
{
    struct stat own;
    uint64_t pidns = stat("/proc/self/ns/pid", &own) < 0 ? 0 : own.st_ino;
    const struct run_folder *folder = preload->folder;
    *report = (struct run_report){.notices_asked = report->notices_asked,
                                  .notices_lost = report->notices_lost,
                                  .notices_late = report->notices_late};
    char *traces[] = {(char *)folder->dir};
    struct stream *stream = stream_open(traces, 1, run_content_complain, (void *)folder);
    struct model *model =
        model_new(&(struct model_callbacks){.context = &report->sockets, .socket_done = count_socket});
    if (report->notices_asked)
        model_expect_notices(model);
    for (struct event event; stream_next(stream, &event);)
        model_event(model, &event);
    for (unsigned i = 0; i < stream_image_count(stream); i++)
        model_image(model, stream_image(stream, i));
    model_finish(model);
    report->unread = stream_errors(stream);
    for (unsigned i = 0; i < model_process_count(model); i++)
        report_process(report, log, model_process(model, i), pidns, ended);
    report->running = report->silent ? run_traced_count(preload) : 0;
    for (unsigned i = 0; i < model_edge_count(model); i++) {
        const struct edge *edge = model_edge(model, i);
        if (edge->from == edge->to && edge->match == MATCH_PAIR)
            continue; /* a socket pair that never left its process is not drawn either */
        report->connections += edge->connections;
        report->failed += edge->failed;
    }
    for (unsigned i = 0; i < model_coverage_count(model); i++)
        report->coverage += !is_seen(model_coverage(model, i)->what);
    struct model_notices notices = model_notices(model);
    report->notices = notices.ended;
    report->unlogged = notices.unlogged;
    report->network = notices.network;
    model_free(model);
    stream_close(stream);
}

static uint64_t folder_bytes(const char *dir)
{
    uint64_t bytes = 0;
    DIR *entries = opendir(dir);
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        struct stat status;
        if (fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode))
            bytes += (uint64_t)status.st_blocks * 512;
    }
    if (entries)
        closedir(entries);
    return bytes;
}

static void print_count(uint64_t count, const char *singular, const char *plural, const char *end)
{
    fprintf(stderr, "%" PRIu64 " ", count);
    fputs(count == 1 ? singular : plural, stderr);
    fputs(end, stderr);
}

/* A command to go on with. */
static void print_next(const char *command, const char *trace)
{
    fputs(command, stderr);
    fputs(trace ? " " : "", stderr);
    escape_put(ESCAPE_MESSAGE, trace ? trace : "", stderr);
}

static void print_notices(const struct run_report *report)
{
    fputs("sockatlas: the kernel told of ", stderr);
    print_count(report->notices, "ended socket", "ended sockets", " in network ");
    fprintf(stderr, "%" PRIu64 "; ", report->network);
    print_count(report->unlogged, "TCP socket belongs", "TCP sockets belong", " to no log");
    if (report->notices_late) {
        fprintf(stderr, "; %" PRIu64 " or more notices were lost: it had not sent all when the reading ended",
                report->notices_lost);
    } else if (report->notices_lost) {
        fputs("; ", stderr);
        print_count(report->notices_lost, "notice was", "notices were", " lost: more came than were read");
    }
    fputc('\n', stderr);
}

void run_report_print(const struct run_report *report, const struct run_folder *folder, const char *dir_argument)
{
    char path[FOLDER_PATH_MAX + 8];
    const char *now = run_content_stands(folder, path), *dir = now ? now : folder->path;
    if (now && strcmp(now, folder->path) != 0)
        dir_argument = now; /* a later run moved it */
    fputs("sockatlas: ", stderr);
    print_count(report->processes, "process", "processes", ", ");
    print_count(report->sockets, "socket", "sockets", ", ");
    print_count(report->connections, "connection", "connections", ", ");
    fprintf(stderr, "%" PRIu64 " failed, ", report->failed);
    if (report->coverage)
        print_count(report->coverage, "blind spot", "blind spots", "\n");
    else
        fputs(report->unread ? "not all of the trace could be read\n" : "no blind spots\n", stderr);
    if (report->notices_asked)
        print_notices(report);
    fputs("sockatlas: the trace is in ", stderr);
    escape_put(ESCAPE_MESSAGE, dir, stderr);
    fprintf(stderr, " (%" PRIu64 " KiB)", (folder_bytes(folder->dir) + 1023) / 1024);
    if (report->running) {
        fputs("; ", stderr);
        print_count(report->running, "process goes on recording", "processes go on recording", "");
    }
    if (report->in_memory) {
        fputs("; records of ", stderr);
        print_count(report->in_memory, "log", "logs", " are still in " SOCKATLAS_MEMORY_DIR);
    }
    print_next("\nsockatlas: next: sockatlas map", dir_argument);
    if (report->failed)
        print_next("; what failed: sockatlas list --failed", dir_argument);
    fputc('\n', stderr);
}
