/* SPDX-License-Identifier: MIT
 *
 * `run`'s own log file in the trace: when the command started and ended, and which traced processes are no more. A
 * trace without it is a trace all the same, so that a failure here is said once and changes nothing else.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/proc.h"

#include "analyzer/model/model.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/writer.h"
#include "shim/memory_log.h"
#include "shim/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define COMMAND_TEXT_MAX 2048

struct run_log {
    struct writer *writer;
    const struct run_folder *folder;
    bool folder_lost; /* and said */
    char command[COMMAND_TEXT_MAX];
    uint16_t command_size;
};

/* Without the arguments where command lines are not to be recorded. */
static void join(struct run_log *log, char *const *argv, bool whole)
{
    size_t size = 0;
    for (; *argv && (whole || size == 0) && size + 1 < sizeof log->command; argv++) {
        int printed = snprintf(log->command + size, sizeof log->command - size, "%s%s", size ? " " : "", *argv);
        size += printed > 0 ? (size_t)printed : 0;
    }
    log->command_size = (uint16_t)(size < sizeof log->command ? size : sizeof log->command - 1);
}

static void append_about(struct run_log *log, uint8_t kind, pid_t pid, uint64_t cookie, const void *body,
                         size_t body_size, const void *tail, size_t tail_size)
{
    struct sockatlas_common common = {.kind = kind,
                                      .pid = (uint32_t)pid,
                                      .tid = (uint32_t)pid,
                                      .fd = -1,
                                      .cookie = cookie,
                                      .time_ns = run_clock_now()};
    writer_append(log->writer, &common, body, body_size, tail, tail_size);
}

static void append(struct run_log *log, uint8_t kind, pid_t pid, const void *body, size_t body_size, const void *tail,
                   size_t tail_size)
{
    append_about(log, kind, pid, 0, body, body_size, tail, tail_size);
}

static void blind_spot(struct run_log *log, enum sockatlas_coverage what, const char *detail)
{
    struct sockatlas_body_coverage body = {.what = (uint16_t)what, .detail_size = (uint16_t)strlen(detail)};
    append(log, SOCKATLAS_COVERAGE, getpid(), &body, sizeof body, detail, body.detail_size);
    writer_flush(log->writer);
}

/* A writer of a file in memory, which the log `fd` names. */
static struct writer *begin_in_memory(int fd, struct sockatlas_header *header)
{
    char name[64], page[SOCKATLAS_HEADER_SIZE];
    snprintf(name, sizeof name, "%s.%" PRIu32 ".%" PRIx64 SOCKATLAS_SUFFIX, SOCKATLAS_RUN_NAME, header->pid,
             header->boottime_ns);
    uint64_t allowed;
    long memory = memory_log_make(name, header->memory_file, &allowed);
    if (memory < 0) {
        errno = (int)-memory;
        return NULL;
    }
    int again = fcntl((int)memory, F_DUPFD_CLOEXEC, 0);
    struct writer *writer = writer_begin((int)memory, header);
    bool good = writer && again >= 0 && pread(again, page, sizeof page, 0) == (ssize_t)sizeof page &&
                pwrite(fd, page, sizeof page, 0) == (ssize_t)sizeof page;
    if (again >= 0)
        close(again);
    if (writer && !good)
        writer_close(writer);
    if (!good)
        memory_log_unlink(header->memory_file, geteuid());
    return good ? writer : NULL;
}

/* Traced programs map the log too, to count what they lose, and so it is where theirs are. */
static struct writer *begin(int fd, struct sockatlas_header *header, bool *no_memory)
{
    if (storage_of(fd).keeps)
        return writer_begin(fd, header);
    struct writer *writer = begin_in_memory(fd, header);
    if (writer) {
        close(fd);
        return writer;
    }
    *no_memory = true;
    memset(header->memory_file, 0, sizeof header->memory_file);
    return writer_begin(fd, header);
}

struct run_log *run_log_open(const struct run_preload *preload, char *const *argv)
{
    const struct run_folder *folder = preload->folder;
    struct sockatlas_header header;
    bool no_memory = false;
    run_self_describe(&header, SOCKATLAS_WRITER_RUN, preload->no_cmdline);
    header.across_users = folder->across_users;
    memcpy(header.run_id, preload->id, sizeof header.run_id);
    struct run_log *log = calloc(1, sizeof *log);
    int fd = log ? writer_file(folder->dir, SOCKATLAS_RUN_NAME) : -1;
    if (fd >= 0)
        log->writer = begin(fd, &header, &no_memory);
    if (!log || !log->writer) {
        free(log);
        return NULL;
    }
    log->folder = folder;
    join(log, argv, !preload->no_cmdline);
    if (no_memory) {
        static const char detail[] =
            "the trace folder's file system does not keep space for logs, and " SOCKATLAS_MEMORY_DIR
            " cannot be used instead; programs have no log";
        blind_spot(log, SOCKATLAS_COVERAGE_NO_LOG, detail);
        complain_line("sockatlas run: %s: %s", folder->path, detail);
    }
    return log;
}

void run_log_name(struct run_log *log, const char *name, const struct address *address)
{
    unsigned char tail[512];
    size_t size = strnlen(name, sizeof tail), bytes = address->family == AF_INET ? 4 : 16;
    struct sockatlas_body_name body = {.name_size = (uint16_t)size, .addresses_count = 1};
    if (!log || size > sizeof tail - 32)
        return;
    memcpy(tail, name, size);
    tail[size] = (unsigned char)address->family;
    memcpy(tail + size + 1, address->bytes, bytes);
    append(log, SOCKATLAS_NAME, getpid(), &body, sizeof body, tail, size + 1 + bytes);
}

void run_log_command(struct run_log *log, pid_t command, int status)
{
    if (!log)
        return;
    struct sockatlas_body_run body = {
        .status = status, .command_pid = (uint32_t)command, .command_size = log->command_size};
    append(log, SOCKATLAS_RUN, getpid(), &body, sizeof body, log->command, log->command_size);
    writer_flush(log->writer);
}

void run_log_gone(struct run_log *log, pid_t pid, int wait_status)
{
    if (!log)
        return;
    struct sockatlas_body_gone body = {.status = wait_status};
    append(log, SOCKATLAS_GONE, pid, &body, sizeof body, NULL, 0);
}

void run_log_untraced(struct run_log *log, const struct run_peer *peer)
{
    run_peer_append(log->writer, peer, run_clock_now());
    writer_flush(log->writer);
}

void run_log_folder(struct run_log *log)
{
    char detail[160], path[FOLDER_PATH_MAX + 8];
    if (!log || log->folder_lost)
        return;
    /* By its path, as programs find it: what is mounted over it is in their way too. */
    const char *now = run_content_stands(log->folder, path);
    if (now && access(now, W_OK | X_OK) == 0)
        return;
    snprintf(detail, sizeof detail,
             "the trace folder could not be written to any more: %s; programs started then have no log",
             strerror(errno));
    log->folder_lost = true;
    blind_spot(log, SOCKATLAS_COVERAGE_NO_LOG, detail);
}

void run_log_unreachable(struct run_log *log, const char *comm)
{
    char detail[160];
    run_log_folder(log);
    if (!log || log->folder_lost) /* for nobody: that was said */
        return;
    snprintf(detail, sizeof detail,
             "%s: where it runs, the trace folder cannot be written to (mounted read-only, or not there)",
             comm ? comm : "other programs");
    blind_spot(log, SOCKATLAS_COVERAGE_NO_LOG, detail);
}

void run_log_removed(struct run_log *log, const char *name, uint32_t pid)
{
    char detail[NAME_MAX + 160];
    if (!log)
        return;
    snprintf(detail, sizeof detail,
             "%s, the log of process %" PRIu32 ", was removed: what is in it is not in the trace", name, pid);
    blind_spot(log, SOCKATLAS_COVERAGE_NO_LOG, detail);
}

void run_log_half(struct run_log *log, const char *name)
{
    char detail[160];
    const char *time = strrchr(name, '.'), *pid = time;
    while (pid > name + 1 && pid[-1] != '.')
        pid--;
    if (!log || pid == time)
        return;
    snprintf(detail, sizeof detail, "%.*s (%.*s) was killed while it made its log", (int)(pid - name - 2), name + 1,
             (int)(time - pid), pid);
    blind_spot(log, SOCKATLAS_COVERAGE_NO_LOG, detail);
}

void run_log_sandbox(struct run_log *log, const char *call)
{
    char detail[160];
    if (!log)
        return;
    snprintf(detail, sizeof detail, "the command runs under a seccomp filter that kills for %s(): nothing was traced",
             call);
    blind_spot(log, SOCKATLAS_COVERAGE_SECCOMP, detail);
}

void run_log_unfollowed(struct run_log *log, const char *path, enum sockatlas_untraced why)
{
    char detail[PATH_MAX + 160];
    if (!log || why == SOCKATLAS_TRACEABLE)
        return;
    snprintf(detail, sizeof detail, "%s: %s", path, model_untraced_why(why));
    blind_spot(log, SOCKATLAS_COVERAGE_UNTRACED_CHILD, detail);
}

void run_log_close(struct run_log *log)
{
    if (!log)
        return;
    writer_close(log->writer);
    free(log);
}
