/* SPDX-License-Identifier: MIT
 *
 * Segments: the collected past of a log, in compressed files beside it. NAME.POSITION.atlas.zst belongs to NAME.atlas;
 * POSITION, in 16 hexadecimal digits, is that of its first slot. Knows the format alone: opens no file.
 *
 * A segment is a sequence of frames, each complete in itself: a skippable frame of Zstandard with a struct
 * segment_head, then a Zstandard frame with a checksum. So `zstd -d` takes it for a valid file. The content is a copy
 * of the log's header, or the slots of a section from its beginning (a whole one, unless nothing was written behind
 * it). Frames are only added at the end; what is not complete there was being written.
 *
 * Slots are stored by columns, for those of a kind lie alike: first the kind of each slot; then, of all slots of the
 * lowest kind, the second byte of each, the third of each, and so on; then those of the next kind. Times and cookies of
 * records are differences: to the record before, and to the one of the same kind before. Slots of which nothing was
 * published are zero.
 */
#ifndef ANALYZER_TRACE_SEGMENT_H
#define ANALYZER_TRACE_SEGMENT_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>

#define SEGMENT_SUFFIX    ".atlas.zst"
#define SEGMENT_DIGITS    16
#define SEGMENT_SLOTS_MAX 2048 /* no section is larger */
#define SEGMENT_BYTES_MAX (SEGMENT_SLOTS_MAX * SOCKATLAS_SLOT_SIZE)

enum segment_content { SEGMENT_HEADER = 1, SEGMENT_SLOTS = 2 };

/* How many records, how many of them told of a connection's beginning, and the time of the newest in nanoseconds. */
struct segment_counts {
    uint64_t records, connections, until;
};

/* All in the byte order of the log. */
struct segment_head {
    uint32_t skippable; /* Zstandard's magic number of a skippable frame */
    uint32_t head_size; /* of what follows in it */
    char magic[8];
    uint32_t byte_order;
    uint16_t version;
    uint16_t content; /* enum segment_content */
    uint32_t size;    /* bytes of the Zstandard frame that follows */
    uint32_t slots;
    uint64_t position;                  /* of the first of them; of a header: where its log was collected to */
    struct segment_counts before, here; /* collected in frames before, in this one */
    uint64_t check;                     /* FNV-1a of the bytes before it */
};

/* Bytes that a frame takes at the most, with its head. */
size_t segment_frame_most(void);
/* Makes a frame of head->slots slots, or of a header, at `out`, which has space for segment_frame_most(); fills in the
 * head's other members. Returns its size. */
size_t segment_pack(void *out, struct segment_head *head, const void *content);
/* Whether the head can be true. */
bool segment_head_good(const struct segment_head *head);
/* Unpacks the Zstandard frame behind a good head; `out` has space for head->slots slots, or for a header. False: it is
 * damaged. */
bool segment_unpack(void *out, const struct segment_head *head, const void *frame);

/* Whether a published record tells of a connection's beginning. */
bool segment_begins_connection(const struct sockatlas_common *record);
/* Clears slots of a section of which nothing was published in the use that the first slot names, and counts the others.
 * True: all are published. */
bool segment_tidy(void *slots, uint32_t count, struct segment_counts *counts);

/* Whether the file name is a segment's; then `log` has the name of its log and `position` its first slot. `log` has
 * space for NAME_MAX + 1. */
bool segment_name_of(const char *name, char *log, uint64_t *position);
/* The name of the segment of `log` that begins at `position`. False: it would be too long. */
bool segment_name(char *name, size_t capacity, const char *log, uint64_t position);

#endif
