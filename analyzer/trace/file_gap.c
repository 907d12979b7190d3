/* SPDX-License-Identifier: MIT
 *
 * Telling of gaps as they come, see file_gap.h.
 */
#include "analyzer/trace/file_gap.h"

#include "analyzer/trace/decode.h"
#include "analyzer/trace/file_ring.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Makes a record of it, which bears the time of the newest that is missing. */
static void make(struct file *file, struct event *event, enum sockatlas_coverage what, uint64_t time_ns,
                 const char *detail)
{
    const struct sockatlas_header *header = &file->image->header;
    size_t size = strlen(detail);
    struct sockatlas_body_coverage body = {.what = (uint16_t)what, .detail_size = (uint16_t)size};
    struct sockatlas_common common = {.kind = SOCKATLAS_COVERAGE,
                                      .pid = header->pid,
                                      .tid = header->pid,
                                      .fd = -1,
                                      .time_ns = time_ns != 0 ? time_ns : header->boottime_ns};
    if (file->space == NULL)
        file->space = memory_must(aligned_alloc(SOCKATLAS_SLOT_SIZE, sizeof *file->space));
    event->image = file->image;
    event->slot = header->cursor;
    event->slots = writer_record(file->space->slots, &common, &body, sizeof body, detail, size);
    event->record = file->space->slots;
    event_common(event);
}

static void write_time(char *out, size_t space, const struct file *file, uint64_t time_ns)
{
    time_t seconds = (time_t)((time_ns + (uint64_t)file->image->offset_ns) / 1000000000);
    struct tm broken;
    if (time_ns == 0 || localtime_r(&seconds, &broken) == NULL || strftime(out, space, "%F %T", &broken) == 0)
        snprintf(out, space, "?");
}

static bool tell_overwritten(struct file *file, struct event *event)
{
    const struct sockatlas_header *header = &file->image->header;
    uint64_t records = header->overwritten - file->told.records;
    char when[32], detail[128];
    if (records == 0)
        return false;
    write_time(when, sizeof when, file, header->overwritten_until);
    snprintf(detail, sizeof detail, "before %s: %" PRIu64 " records, %" PRIu64 " of them beginnings of connections",
             when, records, header->overwritten_connections - file->told.connections);
    file->told.records = header->overwritten;
    file->told.connections = header->overwritten_connections;
    make(file, event, SOCKATLAS_COVERAGE_OVERWRITTEN, header->overwritten_until, detail);
    return true;
}

static bool tell_lost(struct file *file, struct event *event)
{
    const struct sockatlas_header *header = &file->image->header;
    uint64_t records = header->lost - file->told.lost;
    char when[32], detail[128];
    if (records == 0)
        return false;
    write_time(when, sizeof when, file, header->lost_last != 0 ? header->lost_last : header->lost_first);
    snprintf(detail, sizeof detail, "%" PRIu64 " record%s lost, the latest at %s", records, records == 1 ? "" : "s",
             when);
    file->told.lost = header->lost;
    make(file, event, SOCKATLAS_COVERAGE_LOST, header->lost_last, detail);
    return true;
}

bool file_gap(struct file *file, struct event *event)
{
    if (file->looked)
        file_ring_count(file);
    file->looked = false;
    return tell_overwritten(file, event) || tell_lost(file, event);
}
