/* SPDX-License-Identifier: MIT
 *
 * Old and new records in one form, see decode.h.
 */
#include "analyzer/trace/decode.h"

#include "analyzer/trace/fields.h"
#include "analyzer/trace/writer.h"

#include <string.h>

void decode_header(struct sockatlas_header *out, const void *bytes)
{
    memcpy(out, bytes, sizeof *out);
    if (out->version >= 2)
        return;
    const struct sockatlas_header_v1 *old = bytes;
    memset((char *)out + sizeof old->same, 0, sizeof *out - sizeof old->same);
    out->version = SOCKATLAS_VERSION;
    out->cursor = old->cursor;
    out->lost = old->lost;
    out->lost_first = old->lost_first;
    out->lost_reason = old->lost_reason;
    out->closed = old->closed;
    memcpy(out->exe, old->exe, sizeof out->exe);
    memcpy(out->cmdline, old->cmdline, sizeof out->cmdline);
    if (out->cmdline_size > sizeof out->cmdline)
        out->cmdline_size = sizeof out->cmdline;
}

static bool continues(const unsigned char *record, unsigned slot)
{
    return record[(size_t)slot * SOCKATLAS_SLOT_SIZE] == SOCKATLAS_CONTINUATION;
}

unsigned decode_slots(const unsigned char *record, size_t there, uint32_t version)
{
    unsigned slots = 1;
    if (version >= 2) {
        slots = ((const struct sockatlas_common *)(const void *)record)->slots;
        return slots <= SOCKATLAS_RECORD_SLOTS_MAX ? slots : 0;
    }
    while (slots < SOCKATLAS_RECORD_SLOTS_MAX && slots < there && continues(record, slots))
        slots++;
    /* It may go on in what was not read yet. */
    return slots == there && slots < SOCKATLAS_RECORD_SLOTS_MAX ? slots + 1 : slots;
}

/* The common fields of version 1. */
struct common_v1 {
    uint8_t kind;
    uint8_t call;
    uint16_t error;
    uint32_t pid;
    uint32_t tid;
    int32_t fd;
    uint64_t time_ns;
    uint64_t cookie;
};

/* Records of version 1 did not tell their body's size; one body has grown since. */
static uint8_t size_v1(unsigned kind, const struct layout *layout)
{
    return kind == SOCKATLAS_UNTRACED ? offsetof(struct sockatlas_body_untraced, own_cookie) : layout->body_size;
}

static bool upgrade(unsigned char *record, unsigned slots, const struct layout *layout)
{
    struct common_v1 old;
    memcpy(&old, record, sizeof old);
    if (old.error >> 12 != 0 || old.pid >> 24 != 0 || old.tid >> 24 != 0)
        return false;
    struct sockatlas_common common = {.kind = old.kind,
                                      .call = old.call,
                                      .error = old.error & 0xfff,
                                      .pid = old.pid & 0xffffff,
                                      .body_size = size_v1(old.kind, layout),
                                      .tid = old.tid & 0xffffff,
                                      .slots = (uint8_t)slots,
                                      .fd = old.fd,
                                      .time_ns = old.time_ns,
                                      .cookie = old.cookie};
    memcpy(record, &common, sizeof common);
    return true;
}

/* Copies `size` bytes from `at` of what a record's slots hold behind its common fields. */
static void copy_out(unsigned char *out, const unsigned char *record, size_t at, size_t size)
{
    for (at += sizeof(struct sockatlas_common); size > 0; size--, at++)
        *out++ = at < SOCKATLAS_SLOT_SIZE
                     ? record[at]
                     : record[SOCKATLAS_SLOT_SIZE * (1 + (at - SOCKATLAS_SLOT_SIZE) / SOCKATLAS_CONTINUATION_BYTES) +
                              1 + (at - SOCKATLAS_SLOT_SIZE) % SOCKATLAS_CONTINUATION_BYTES];
}

/* Cuts off, or fills up with zeros, a body of another size than this sockatlas knows. */
static bool resize(unsigned char **record, unsigned *slots, const struct layout *layout, struct decode_space *space)
{
    unsigned char body[UINT8_MAX + 1] = {0}, tail[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    struct sockatlas_common common;
    memcpy(&common, *record, sizeof common);
    size_t size = sizeof(struct sockatlas_common) + (size_t)(*slots - 1) * SOCKATLAS_CONTINUATION_BYTES;
    size_t body_size = common.body_size;
    if (body_size > size)
        return false;
    size -= body_size;
    copy_out(body, *record, 0, body_size);
    copy_out(tail, *record, body_size, size);
    while (size > 0 && tail[size - 1] == 0)
        size--; /* what is no part of the tail, or zero as what is missing */
    *slots = writer_record(space->slots, &common, body, layout->body_size, tail, size);
    *record = space->slots;
    return *slots != 0;
}

enum decode_fault decode_record(unsigned char **record, unsigned *slots, uint32_t version, struct decode_space *space)
{
    const struct layout *layout = fields_layout(**record);
    if (layout == NULL)
        return DECODE_KIND;
    if (version < 2 && !upgrade(*record, *slots, layout))
        return DECODE_SIZES;
    if (((const struct sockatlas_common *)(const void *)*record)->slots != *slots)
        return DECODE_SIZES; /* the file ends before it does */
    for (unsigned slot = 1; slot < *slots; slot++)
        if (!continues(*record, slot))
            return DECODE_SIZES;
    ((struct sockatlas_common *)(void *)*record)->use = 0;
    unsigned body_size = ((const struct sockatlas_common *)(const void *)*record)->body_size;
    if (body_size != layout->body_size && !resize(record, slots, layout, space))
        return DECODE_SIZES;
    return fields_fit(*record, *slots) ? DECODE_GOOD : DECODE_SIZES;
}
