/* SPDX-License-Identifier: MIT
 *
 * Lays out records in slots. Callable from anywhere. A record is complete before its kind is stored, so a reader never
 * sees half of one, whenever the writer dies.
 */
#include "shim/record.h"

#include "shim/clock.h"
#include "shim/image.h"
#include "shim/log.h"
#include "shim/sys.h"

#include <string.h>

enum { HEAD_ROOM = SOCKATLAS_SLOT_SIZE - sizeof(struct sockatlas_common) };

static void head(struct sockatlas_common *slot, const struct record *record, struct identity who, uint64_t time_ns,
                 size_t body_size, unsigned slots, uint32_t use)
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
    /* `kind` and `use` in one store: a slot that bears this use and a former kind would be taken for a record. */
    uint32_t first;
    memcpy(&first, &fresh, sizeof(first));
    __atomic_store_n((uint32_t *)(void *)slot, first, __ATOMIC_RELAXED);
    memcpy((char *)slot + sizeof(first), (const char *)&fresh + sizeof(first), sizeof(fresh) - sizeof(first));
}

/* Slots hold what they held in their section's former use: clears all behind the common fields. */
static inline void clear(unsigned char *body, unsigned slots)
{
    memset(body, 0, HEAD_ROOM);
    for (body += HEAD_ROOM; --slots; body += SOCKATLAS_SLOT_SIZE)
        memset(body, 0, SOCKATLAS_SLOT_SIZE);
}

/* A child's first record. */
static void tell_birth(struct identity child)
{
    struct process_newborn born = process_newborn;
    process_newborn.pid = 0;
    if (born.pid != child.pid || !log_is_open())
        return;
    struct sockatlas_body_start body = {
        .fork_slot = born.fork_slot, .ppid = (uint32_t)sys(SYS_getppid), .vforked = child.vforked};
    image_comm(body.comm);
    struct record record = {.kind = SOCKATLAS_START, .fd = -1};
    uint64_t time_ns = clock_now();
    struct log_slots slots = log_take(1);
    if (!slots.at)
        return;
    head(slots.at, &record, child, time_ns, sizeof(body), 1, slots.use);
    record_copy((unsigned char *)(slots.at + 1), (const unsigned char *)&body, sizeof(body));
    record_commit(slots.at + 1, record.kind);
}

/* The caller, of whom all is told that comes before a record of his. */
static __attribute__((noinline, cold)) struct identity writer(void)
{
    struct identity who = process_identity();
    if (process_newborn.pid)
        tell_birth(who);
    if (clock_warm())
        process_settle();
    return who;
}

void record_self(void)
{
    if (log_is_open())
        writer();
}

void record_birth(void)
{
    if (!log_is_open())
        return;
    process_forked();
    writer();
}

void *record_begin(const struct record *record, size_t body_size, size_t tail_size)
{
    size_t size = body_size + tail_size;
    struct identity who;
    uint64_t time_ns = record->time_ns;
    if (__builtin_expect(process_settled(), 1)) {
        who = process_settled_identity();
        if (!time_ns)
            time_ns = clock_settled();
    } else {
        who = writer();
        if (!who.pid) {
            log_lose(SOCKATLAS_LOSS_SANDBOX);
            return NULL;
        }
        if (!time_ns)
            time_ns = clock_now();
    }
    unsigned count = 1;
    if (size > HEAD_ROOM)
        count += (unsigned)((size - HEAD_ROOM + SOCKATLAS_CONTINUATION_BYTES - 1) / SOCKATLAS_CONTINUATION_BYTES);
    struct log_slots slots = log_take(count);
    if (__builtin_expect(!slots.at, 0))
        return NULL;
    head(slots.at, record, who, time_ns, body_size, count, slots.use);
    clear((unsigned char *)(slots.at + 1), count);
    return slots.at + 1;
}

void record_tail_beyond(void *body, size_t body_size, const void *tail, size_t size)
{
    unsigned char *slot = (unsigned char *)((struct sockatlas_common *)body - 1);
    const unsigned char *from = tail;
    size_t now = HEAD_ROOM - body_size;
    record_copy((unsigned char *)body + body_size, from, now);
    for (from += now, size -= now; size; from += now, size -= now) {
        now = size < SOCKATLAS_CONTINUATION_BYTES ? size : SOCKATLAS_CONTINUATION_BYTES;
        slot += SOCKATLAS_SLOT_SIZE;
        record_copy(slot + 1, from, now);
        __atomic_store_n(slot, (unsigned char)SOCKATLAS_CONTINUATION, __ATOMIC_RELEASE);
    }
}

void record_write(const struct record *record, const void *body, size_t body_size, const void *tail, size_t tail_size)
{
    unsigned char *at = record_begin(record, body_size, tail_size);
    if (!at)
        return;
    record_copy(at, body, body_size);
    record_tail(at, body_size, tail, tail_size);
    record_commit(at, record->kind);
}

struct reserved record_reserve(void)
{
    struct reserved reserved = {.index = UINT64_MAX};
    if (!process_settled() && !writer().pid) {
        log_lose(SOCKATLAS_LOSS_SANDBOX);
        return reserved;
    }
    reserved.time_ns = clock_now();
    reserved.slots = log_take(1);
    reserved.index = reserved.slots.at ? log_position(reserved.slots) : UINT64_MAX;
    return reserved;
}

void record_complete(const struct reserved *reserved, const struct record *record, const void *body, size_t body_size)
{
    struct sockatlas_common *slot = reserved->slots.at;
    if (!slot)
        return;
    head(slot, record, process_identity(), reserved->time_ns, body_size, 1, reserved->slots.use);
    clear((unsigned char *)(slot + 1), 1);
    record_copy((unsigned char *)(slot + 1), body, body_size);
    record_commit(slot + 1, record->kind);
}

void record_addresses(void *body, size_t body_size, struct sockatlas_addresses *out, const struct endpoint *first_end,
                      const struct endpoint *second_end, uint32_t flags)
{
    unsigned char both[2 * ENDPOINT_BYTES_MAX], *at = (unsigned char *)body + body_size;
    size_t size = record_addresses_size(first_end, second_end);
    bool fits = size <= HEAD_ROOM - body_size;
    *out = (struct sockatlas_addresses){
        .first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT, .flags = (uint8_t)flags};
    if (!fits)
        at = both;
    if (first_end && endpoint_known(first_end)) {
        out->family = first_end->family;
        out->first_size = first_end->size;
        at = endpoint_put(at, first_end);
    }
    if (second_end && endpoint_known(second_end)) {
        out->family = second_end->family;
        out->second_size = second_end->size;
        endpoint_put(at, second_end);
    }
    if (!fits)
        record_tail_beyond(body, body_size, both, size);
}
