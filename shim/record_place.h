/* SPDX-License-Identifier: MIT
 *
 * How a record's slots are taken and their common fields filled in. For record.c and record_body.c alone.
 */
#ifndef SHIM_RECORD_PLACE_H
#define SHIM_RECORD_PLACE_H

#include "shim/record.h"

#include <string.h>

enum { RECORD_HEAD_BYTES = SOCKATLAS_SLOT_SIZE - sizeof(struct sockatlas_common) };

static inline void record_head(struct sockatlas_common *slot, const struct record *record, struct identity who,
                               uint64_t time_ns, size_t body_size, unsigned slots, uint32_t use)
{
    struct sockatlas_common fresh = {.call = (uint8_t)record->call,
                                     .error = (uint16_t)record->error & 0xfff,
                                     .use = (uint16_t)(use & 15),
                                     .pid = who.pid & 0xffffff,
                                     .body_size = (uint8_t)body_size,
                                     .tid = who.tid & 0xffffff,
                                     .slots = (uint8_t)slots,
                                     .fd = record->fd,
                                     .time_ns = time_ns,
                                     .cookie = record->cookie};
    /* `kind` and `use` in one store: a slot that bears this use and a former kind would be taken for a record. And
     * last: a slot that bears this use tells who writes to it (section_release()). */
    uint32_t first;
    memcpy(&first, &fresh, sizeof(first));
    memcpy((char *)slot + sizeof(first), (const char *)&fresh + sizeof(first), sizeof(fresh) - sizeof(first));
    __atomic_store_n((uint32_t *)(void *)slot, first, __ATOMIC_RELEASE);
}

/* Slots hold what they held in their section's former use: clears all behind the common fields. */
static inline void record_clear(unsigned char *body, unsigned slots)
{
    memset(body, 0, RECORD_HEAD_BYTES);
    for (body += RECORD_HEAD_BYTES; --slots; body += SOCKATLAS_SLOT_SIZE)
        memset(body, 0, SOCKATLAS_SLOT_SIZE);
}

/* record_begin() without a look at what the section tells; the slots come from `take`. */
static inline void *record_put(struct record *record, struct identity who, size_t body_size, size_t tail_size,
                               struct log_slots (*take)(unsigned count))
{
    size_t size = body_size + tail_size;
    unsigned count = 1;
    if (size > RECORD_HEAD_BYTES)
        count +=
            (unsigned)((size - RECORD_HEAD_BYTES + SOCKATLAS_CONTINUATION_BYTES - 1) / SOCKATLAS_CONTINUATION_BYTES);
    struct log_slots slots = take(count);
    if (__builtin_expect(!slots.at, 0))
        return NULL;
    record->section = slots.section + 1;
    record_head(slots.at, record, who, record->time_ns, body_size, count, slots.use);
    record_clear((unsigned char *)(slots.at + 1), count);
    return slots.at + 1;
}

#endif
