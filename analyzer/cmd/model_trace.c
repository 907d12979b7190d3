/* SPDX-License-Identifier: MIT
 *
 * From TRACE arguments to a model: what map, list and the like begin with.
 */
#include "analyzer/cmd/model_trace.h"

#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/proc.h"
#include "analyzer/cmd/progress.h"
#include "analyzer/trace/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool this_boot(const struct sockatlas_header *header)
{
    static char boot_id[sizeof header->boot_id];
    struct stat self;
    if (!boot_id[0]) {
        FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
        if (!file || !fgets(boot_id, sizeof boot_id, file))
            text_copy(boot_id, sizeof boot_id, "unknown");
        boot_id[strcspn(boot_id, "\n")] = '\0';
        if (file)
            fclose(file);
    }
    if (strncmp(boot_id, header->boot_id, sizeof boot_id) != 0)
        return false;
    /* A pid means something else in another pid namespace. */
    return stat("/proc/self/ns/pid", &self) == 0 && header->pidns_inode == self.st_ino;
}

/* When it started; 0 when there is no such process or it is a zombie, 1 when its stat cannot be understood. */
static uint64_t start_ticks(uint32_t pid)
{
    char path[64];
    struct proc_stat stat;
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? 0 : 1;
    bool known = proc_read_stat(file, &stat);
    bool gone = !known && ferror(file); /* ESRCH: it ended since the file was opened */
    fclose(file);
    if (!known)
        return gone ? 0 : 1;
    return stat.state == 'Z' || stat.state == 'X' ? 0 : stat.start_ticks;
}

enum model_alive model_trace_alive(void *context, const struct process *process, const struct sockatlas_header *header)
{
    (void)context;
    if (!this_boot(header))
        return MODEL_UNKNOWN;
    uint64_t ticks = start_ticks(process->pid);
    if (ticks == 0)
        return MODEL_DEAD;
    if (ticks == 1 || !process->start_ns)
        return MODEL_ALIVE;
    /* Forked children's start is the fork record's time, up to two seconds off; 10 ms are a tick. */
    uint64_t ns = ticks * 10000000, known = process->start_ns;
    return (ns > known ? ns - known : known - ns) < 2000000000 ? MODEL_ALIVE : MODEL_DEAD;
}

static void expect(struct model *model, const struct stream *stream)
{
    unsigned hosts = 0;
    for (unsigned i = 0; i < stream_image_count(stream); i++) {
        const struct trace_image *image = stream_image(stream, i);
        if (image->host >= hosts)
            hosts = image->host + 1;
        if (image->header.writer == SOCKATLAS_WRITER_KERNEL)
            model_expect_notices(model);
    }
    model_expect_hosts(model, hosts);
}

void model_trace_feed(struct model *model, struct stream *stream, FILE *out)
{
    struct event event;
    struct progress progress;
    expect(model, stream);
    progress_begin(&progress, out);
    while (stream_next(stream, &event)) {
        model_event(model, &event);
        progress_step(&progress, stream);
    }
    progress_end(&progress);
    for (unsigned i = 0; i < stream_image_count(stream); i++)
        model_image(model, stream_image(stream, i));
    model_finish(model);
}

int model_trace_read(struct model *model, char *const *traces, int count, struct stream **stream)
{
    *stream = stream_open(traces, count, NULL, NULL);
    model_trace_feed(model, *stream, NULL);
    return stream_errors(*stream) ? CMD_UNREADABLE : CMD_DONE;
}

bool model_trace_nothing(const struct stream *stream)
{
    return stream_errors(stream) && stream_image_count(stream) == 0;
}
