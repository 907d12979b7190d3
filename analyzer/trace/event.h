/* SPDX-License-Identifier: MIT
 *
 * One event: a record of a trace file, readable in place. An event borrows the bytes of whoever produced it and is
 * valid until that producer's next call.
 */
#ifndef ANALYZER_TRACE_EVENT_H
#define ANALYZER_TRACE_EVENT_H

#include "analyzer/trace/address.h"
#include "shim/trace_format.h"

/* What is known of the log an event came from; lives as long as the stream; of its header, what changes (cursor,
 * losses, closed) is as of the latest stream_refresh() or of the end of the log. `id` counts files from 0 in one
 * stream. `host` is an index common to all files with one boot id. offset_ns is CLOCK_REALTIME - CLOCK_BOOTTIME, one
 * value per host (that of its earliest file), so that a stepped clock does not tear what happened. */
struct trace_image {
    unsigned id;
    unsigned host;
    int64_t offset_ns;
    const char *path; /* as given or found; for messages */
    const char *name; /* of the log file, without its folder; survives an export */
    bool foreign;     /* the file is `owner`'s: neither its folder's owner, nor the reader, nor root */
    uint32_t owner;
    uint64_t forged;         /* records that were left out, see belief.h */
    unsigned repeats;        /* other files or lines that tell of the same log */
    const char *repeat_path; /* one of them */
    uint32_t version; /* of the file, or of the export that it came out of; its header is given in the newest form */
    struct sockatlas_header header;
};

struct event {
    const struct trace_image *image;
    uint64_t slot;               /* index of the head slot in its log, also when it came out of a .jsonl */
    const unsigned char *record; /* the head slot; the continuation slots follow directly */
    unsigned slots;
    /* The common fields, out of the record. */
    uint8_t kind;
    uint8_t call;
    uint16_t error;
    uint32_t pid;
    uint32_t tid;
    int32_t fd;
    uint64_t time_ns;
    uint64_t cookie;
};

/* The fixed body, e.g. `const struct sockatlas_body_bind *bind = event_body(event);`. Aligned to 8. */
static inline const void *event_body(const struct event *event)
{
    return event->record + sizeof(struct sockatlas_common);
}

/* Copies tail bytes [offset, offset+size) to out, crossing slots as needed; `body_size` is the fixed body's size. False
 * (out zeroed) when the record does not have so many. */
bool event_tail(const struct event *event, size_t body_size, size_t offset, void *out, size_t size);
/* Takes a tail piece by piece: copies the next `size` bytes behind the `*used` ones, fewer where there are fewer;
 * returns how many. */
size_t event_take(const struct event *event, size_t body_size, size_t *used, void *out, size_t size);
/* How many tail bytes the record's slots could hold. */
size_t event_tail_capacity(const struct event *event, size_t body_size);

/* The two addresses of a record whose body carries struct sockatlas_addresses (NULL for either is fine); absent or
 * damaged ones come back unknown. */
void event_addresses(const struct event *event, struct address *first, struct address *second);
/* CLOSE, STATE, ENDED: the TCP summary. False when there is none. */
bool event_tcp(const struct event *event, struct sockatlas_tcp *out);
/* Whether a traced program wrote the log, however its tracing began. */
static inline bool event_of_program(const struct sockatlas_header *header)
{
    return header->writer == SOCKATLAS_WRITER_SHIM || header->writer == SOCKATLAS_WRITER_PATCH ||
           header->writer == SOCKATLAS_WRITER_ATTACH;
}

/* Takes the common fields out of event->record. */
static inline void event_common(struct event *event)
{
    const struct sockatlas_common *common = (const void *)event->record;
    event->kind = common->kind;
    event->call = common->call;
    event->error = common->error;
    event->pid = common->pid;
    event->tid = common->tid;
    event->fd = common->fd;
    event->time_ns = common->time_ns;
    event->cookie = common->cookie;
}

/* Whether what the event tells of did not succeed; a connect() that goes on in the background has not failed. */
bool event_failed(const struct event *event);
/* Microseconds since the Unix epoch. */
int64_t event_time_us(const struct event *event);

#endif
