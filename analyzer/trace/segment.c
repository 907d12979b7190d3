/* SPDX-License-Identifier: MIT
 *
 * The format of segments, see segment.h.
 */
#include "analyzer/trace/segment.h"

#include "analyzer/trace/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define SEGMENT_MAGIC   "SATLASEG"
#define SEGMENT_VERSION 1
#define SKIPPABLE       ZSTD_MAGIC_SKIPPABLE_START
#define LEVEL           6

enum {
    SLOT = SOCKATLAS_SLOT_SIZE,
    KINDS = 256,
    TIME = offsetof(struct sockatlas_common, time_ns),
    COOKIE = offsetof(struct sockatlas_common, cookie),
};

_Static_assert(SEGMENT_BYTES_MAX >= SOCKATLAS_HEADER_SIZE, "a header fits in a buffer for slots");

/* ---- Names ---- */

static bool ends_with(const char *name, size_t size, const char *end)
{
    size_t end_size = strlen(end);
    return size > end_size && memcmp(name + size - end_size, end, end_size) == 0;
}

bool segment_name_of(const char *name, char *log, uint64_t *position)
{
    size_t size = strlen(name), rest = sizeof SEGMENT_SUFFIX - 1 + SEGMENT_DIGITS + 1;
    if (size > NAME_MAX || size <= rest || !ends_with(name, size, SEGMENT_SUFFIX))
        return false;
    const char *digits = name + size - rest + 1;
    if (digits[-1] != '.' || strspn(digits, "0123456789abcdef") != SEGMENT_DIGITS)
        return false;
    *position = strtoull(digits, NULL, 16);
    snprintf(log, NAME_MAX + 1, "%.*s%s", (int)(size - rest), name, SOCKATLAS_SUFFIX);
    return true;
}

bool segment_name(char *name, size_t capacity, const char *log, uint64_t position)
{
    size_t size = strlen(log);
    if (!ends_with(log, size, SOCKATLAS_SUFFIX))
        return false;
    int stem = (int)(size - (sizeof SOCKATLAS_SUFFIX - 1));
    int length = snprintf(name, capacity, "%.*s.%0*llx%s", stem, log, SEGMENT_DIGITS, (unsigned long long)position,
                          SEGMENT_SUFFIX);
    return length > 0 && (size_t)length < capacity && length <= NAME_MAX;
}

/* ---- Slots by columns ---- */

static bool is_record(unsigned kind)
{
    return kind != 0 && kind < SOCKATLAS_SECTION;
}

/* Where the slots of each kind begin among all, ordered by kind. */
static void order_kinds(const unsigned char *kinds, size_t count, size_t *first)
{
    size_t of_kind[KINDS] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++)
        of_kind[kinds[i]]++;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        first[kind] = sum;
        sum += of_kind[kind];
    }
    first[KINDS] = sum;
}

static uint64_t word_at(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* What times and cookies are differences to. */
struct latest {
    uint64_t time, cookies[KINDS];
};

static void to_differences(unsigned char *slot, struct latest *latest)
{
    uint64_t time = word_at(slot + TIME), cookie = word_at(slot + COOKIE);
    uint64_t time_step = time - latest->time, cookie_step = cookie - latest->cookies[slot[0]];
    memcpy(slot + TIME, &time_step, sizeof time_step);
    memcpy(slot + COOKIE, &cookie_step, sizeof cookie_step);
    latest->time = time;
    latest->cookies[slot[0]] = cookie;
}

static void from_differences(unsigned char *slot, struct latest *latest)
{
    latest->time += word_at(slot + TIME);
    latest->cookies[slot[0]] += word_at(slot + COOKIE);
    memcpy(slot + TIME, &latest->time, sizeof latest->time);
    memcpy(slot + COOKIE, &latest->cookies[slot[0]], sizeof latest->cookies[0]);
}

static void to_columns(unsigned char *out, const unsigned char *slots, size_t count)
{
    size_t first[KINDS + 1], at[KINDS];
    struct latest latest = {.time = 0};
    for (size_t i = 0; i < count; i++)
        out[i] = slots[i * SLOT];
    order_kinds(out, count, first);
    memcpy(at, first, sizeof at);
    for (size_t i = 0; i < count; i++) {
        unsigned char slot[SLOT];
        memcpy(slot, slots + i * SLOT, SLOT);
        unsigned kind = slot[0];
        if (is_record(kind))
            to_differences(slot, &latest);
        size_t of_kind = first[kind + 1] - first[kind], place = at[kind]++ - first[kind];
        unsigned char *columns = out + count + first[kind] * (SLOT - 1);
        for (size_t column = 1; column < SLOT; column++)
            columns[(column - 1) * of_kind + place] = slot[column];
    }
}

static void from_columns(unsigned char *slots, const unsigned char *in, size_t count)
{
    size_t first[KINDS + 1], at[KINDS];
    struct latest latest = {.time = 0};
    order_kinds(in, count, first);
    memcpy(at, first, sizeof at);
    for (size_t i = 0; i < count; i++) {
        unsigned char *slot = slots + i * SLOT;
        unsigned kind = slot[0] = in[i];
        size_t of_kind = first[kind + 1] - first[kind], place = at[kind]++ - first[kind];
        const unsigned char *columns = in + count + first[kind] * (SLOT - 1);
        for (size_t column = 1; column < SLOT; column++)
            slot[column] = columns[(column - 1) * of_kind + place];
        if (is_record(kind))
            from_differences(slot, &latest);
    }
}

/* ---- Frames ---- */

static size_t content_size(const struct segment_head *head)
{
    return head->content == SEGMENT_HEADER ? SOCKATLAS_HEADER_SIZE : (size_t)head->slots * SLOT;
}

static uint64_t check_of(const struct segment_head *head)
{
    const unsigned char *bytes = (const unsigned char *)head;
    uint64_t check = 0xcbf29ce484222325;
    for (size_t i = 0; i < offsetof(struct segment_head, check); i++)
        check = (check ^ bytes[i]) * 0x100000001b3;
    return check;
}

size_t segment_frame_most(void)
{
    return sizeof(struct segment_head) + ZSTD_compressBound(SEGMENT_BYTES_MAX);
}

size_t segment_pack(void *out, struct segment_head *head, const void *content)
{
    size_t size = content_size(head);
    unsigned char *columns = head->content == SEGMENT_SLOTS ? memory_must(malloc(size)) : NULL;
    if (columns != NULL)
        to_columns(columns, content, head->slots);
    ZSTD_CCtx *context = memory_must(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    size_t packed = ZSTD_compress2(context, (char *)out + sizeof *head, ZSTD_compressBound(size),
                                   columns != NULL ? columns : content, size);
    ZSTD_freeCCtx(context);
    free(columns);
    if (ZSTD_isError(packed))
        memory_must(NULL);
    head->skippable = SKIPPABLE;
    head->head_size = sizeof *head - offsetof(struct segment_head, magic);
    memcpy(head->magic, SEGMENT_MAGIC, sizeof head->magic);
    head->byte_order = SOCKATLAS_BYTE_ORDER;
    head->version = SEGMENT_VERSION;
    head->size = (uint32_t)packed;
    head->check = check_of(head);
    memcpy(out, head, sizeof *head);
    return sizeof *head + packed;
}

bool segment_head_good(const struct segment_head *head)
{
    bool slots = head->content == SEGMENT_SLOTS && head->slots > 0 && head->slots <= SEGMENT_SLOTS_MAX &&
                 head->position <= UINT64_MAX / SLOT - SEGMENT_SLOTS_MAX;
    return head->skippable == SKIPPABLE && head->head_size == sizeof *head - offsetof(struct segment_head, magic) &&
           memcmp(head->magic, SEGMENT_MAGIC, sizeof head->magic) == 0 && head->byte_order == SOCKATLAS_BYTE_ORDER &&
           head->version == SEGMENT_VERSION && head->check == check_of(head) &&
           (slots || (head->content == SEGMENT_HEADER && head->slots == 0)) &&
           head->size <= ZSTD_compressBound(content_size(head));
}

bool segment_unpack(void *out, const struct segment_head *head, const void *frame)
{
    size_t size = content_size(head);
    if (head->content == SEGMENT_HEADER)
        return ZSTD_decompress(out, size, frame, head->size) == size;
    unsigned char *columns = memory_must(malloc(size));
    bool good = ZSTD_decompress(columns, size, frame, head->size) == size;
    if (good)
        from_columns(out, columns, head->slots);
    free(columns);
    return good;
}

/* ---- What a section holds ---- */

bool segment_begins_connection(const struct sockatlas_common *record)
{
    return (record->kind == SOCKATLAS_ACCEPT && record->error == 0) ||
           (record->kind == SOCKATLAS_CONNECT && (record->error == 0 || record->error == EINPROGRESS));
}

bool segment_tidy(void *slots, uint32_t count, struct segment_counts *counts)
{
    unsigned char *bytes = slots;
    struct sockatlas_section section;
    bool complete = true;
    memcpy(&section, slots, sizeof section);
    *counts = (struct segment_counts){.records = 0};
    for (uint32_t at = 1, size; at < count; at += size) {
        struct sockatlas_common common;
        unsigned char *slot = bytes + (size_t)at * SLOT;
        memcpy(&common, slot, sizeof common);
        bool padding = common.kind == SOCKATLAS_PADDING;
        bool published = common.kind != 0 && common.use == (section.state & 15);
        size = !published ? 0 : padding ? (uint32_t)common.fd : common.slots;
        if (size == 0 || size > count - at) {
            complete = false;
            size = 1;
            memset(slot, 0, SLOT);
        } else if (padding) {
            memset(slot + SLOT, 0, (size_t)(size - 1) * SLOT);
        } else {
            counts->records++;
            counts->connections += segment_begins_connection(&common);
            counts->until = common.time_ns > counts->until ? common.time_ns : counts->until;
        }
    }
    return complete;
}
