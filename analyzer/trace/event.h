/* SPDX-License-Identifier: MIT
 *
 * One event: a record of a trace file, readable in place. An event borrows the bytes of whoever produced it and is valid until
 * that producer's next call.
 */
#ifndef ANALYZER_TRACE_EVENT_H
#define ANALYZER_TRACE_EVENT_H

#include "analyzer/trace/address.h"
#include "shim/trace_format.h"

/* What is known of the file an event came from; lives as long as the stream. `id` counts files from 0 in one stream. `host` is
 * an index common to all files with one boot id. offset_ns is CLOCK_REALTIME - CLOCK_BOOTTIME, one value per host (that of
 * its earliest file), so that a stepped clock does not tear what happened. */
struct trace_image {
    unsigned id;
    unsigned host;
    int64_t offset_ns;
    const char *path; /* as given or found; for messages */
    struct sockatlas_header header;
};

struct event {
    const struct trace_image *image;
    uint64_t slot;               /* index of the head slot in its file (line number for .jsonl) */
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

/* Copies tail bytes [offset, offset+size) to out, crossing slots as needed; `body_size` is the fixed body's size. False (out zeroed)
 * when the record does not have so many. */
bool event_tail(const struct event *event, size_t body_size, size_t offset, void *out, size_t size);
/* How many tail bytes the record's slots could hold. */
size_t event_tail_room(const struct event *event, size_t body_size);

/* The two addresses of a record whose body carries struct sockatlas_addresses (NULL for either is fine); absent or damaged ones come
 * back unknown. */
void event_addresses(const struct event *event, struct address *first, struct address *second);
/* CLOSE: the TCP summary. False when there is none. */
bool event_tcp(const struct event *event, struct sockatlas_tcp *out);
/* Microseconds since the Unix epoch. */
int64_t event_time_us(const struct event *event);

/* ---- Fields: the one description of every body, used to print, export and read back ------------------------------------- */

enum field_type {
    FIELD_U8, FIELD_U16, FIELD_U32, FIELD_U64, FIELD_I32, FIELD_I64,
    FIELD_HEX64,   /* cookie: hex string */
    FIELD_SYMBOL,  /* integer with a name table: `names` */
    FIELD_FLAGS,   /* SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK */
    FIELD_TEXT,    /* char array, NUL-padded */
    FIELD_ADDRESS_FIRST, FIELD_ADDRESS_SECOND, /* decoded from struct sockatlas_addresses + tail */
    FIELD_TAIL_TEXT, FIELD_TAIL_BYTES,         /* bytes of the tail whose size stands in another field */
    FIELD_TCP,     /* struct sockatlas_tcp in the tail */
    FIELD_ADDRESS_LIST, /* NAME's results */
};

#endif
