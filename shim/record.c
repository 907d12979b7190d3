/* SPDX-License-Identifier: MIT
 *
 * Lays out records in slots. Callable from anywhere. A record is complete before its kind is stored, so a reader never
 * sees half of one, whenever the writer dies.
 */
#include "shim/record.h"

#include "shim/image.h"
#include "shim/log.h"
#include "shim/sys.h"

#include <string.h>

enum { HEAD_ROOM = SOCKATLAS_SLOT_SIZE - sizeof(struct sockatlas_common) };

static void publish(struct sockatlas_common *slot, const struct record *record, struct identity who, uint64_t time_ns)
{
    slot->call = (uint8_t)record->call;
    slot->error = (uint16_t)record->error;
    slot->pid = who.pid;
    slot->tid = who.tid;
    slot->fd = record->fd;
    slot->time_ns = time_ns;
    slot->cookie = record->cookie;
    __atomic_store_n(&slot->kind, (uint8_t)record->kind, __ATOMIC_RELEASE);
}

/* At most 32 bytes, by a few moves that may overlap: libc's memcpy() costs a call through two tables. */
static void copy_little(unsigned char *to, const unsigned char *from, size_t size)
{
    if (size >= 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else {
        for (size_t i = 0; i < size; i++)
            to[i] = from[i];
    }
}

static void fill(unsigned char *slot, unsigned slots, const void *body, size_t body_size, const unsigned char *tail,
                 size_t tail_size)
{
    unsigned char *at = slot + sizeof(struct sockatlas_common);
    copy_little(at, body, body_size);
    size_t head = HEAD_ROOM - body_size, now = tail_size < head ? tail_size : head;
    copy_little(at + body_size, tail, now);
    for (unsigned i = 1; i < slots; i++) {
        tail += now;
        tail_size -= now;
        now = tail_size < SOCKATLAS_CONTINUATION_BYTES ? tail_size : SOCKATLAS_CONTINUATION_BYTES;
        slot += SOCKATLAS_SLOT_SIZE;
        memcpy(slot + 1, tail, now);
        __atomic_store_n(slot, (unsigned char)SOCKATLAS_CONTINUATION, __ATOMIC_RELEASE);
    }
}

static void write_as(struct identity who, const struct record *record, const void *body, size_t body_size,
                     const void *tail, size_t tail_size)
{
    size_t head = HEAD_ROOM - body_size;
    unsigned slots = 1;
    if (tail_size > head)
        slots += (unsigned)((tail_size - head + SOCKATLAS_CONTINUATION_BYTES - 1) / SOCKATLAS_CONTINUATION_BYTES);
    uint64_t time_ns = record->time_ns ? record->time_ns : process_now(), index;
    unsigned char *slot = log_take(slots, &index);
    if (!slot)
        return;
    fill(slot, slots, body, body_size, tail, tail_size);
    publish((struct sockatlas_common *)slot, record, who, time_ns);
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
    write_as(child, &record, &body, sizeof(body), NULL, 0);
}

static struct identity writer(void)
{
    struct identity who = process_identity();
    if (__builtin_expect(process_newborn.pid != 0, 0))
        tell_birth(who);
    return who;
}

void record_birth(void)
{
    if (!log_is_open())
        return;
    process_forked();
    writer();
}

void record_write(const struct record *record, const void *body, size_t body_size, const void *tail, size_t tail_size)
{
    write_as(writer(), record, body, body_size, tail, tail_size);
}

struct reserved record_reserve(void)
{
    writer();
    struct reserved reserved = {.time_ns = process_now()};
    reserved.slot = log_take(1, &reserved.index);
    return reserved;
}

void record_publish(const struct reserved *reserved, const struct record *record, const void *body, size_t body_size)
{
    if (!reserved->slot)
        return;
    fill(reserved->slot, 1, body, body_size, NULL, 0);
    publish(reserved->slot, record, process_identity(), reserved->time_ns);
}

size_t record_addresses(struct sockatlas_addresses *out, unsigned char tail[RECORD_ADDRESSES_MAX],
                        const struct endpoint *first_end, const struct endpoint *second_end, uint32_t flags)
{
    size_t size = 0;
    *out = (struct sockatlas_addresses){
        .first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT, .flags = (uint8_t)flags};
    if (first_end && endpoint_known(first_end)) {
        out->family = first_end->family;
        out->first_size = first_end->size;
        memcpy(tail, first_end->bytes, first_end->size);
        size = first_end->size;
    }
    if (second_end && endpoint_known(second_end)) {
        out->family = second_end->family;
        out->second_size = second_end->size;
        memcpy(tail + size, second_end->bytes, second_end->size);
        size += second_end->size;
    }
    return size;
}
