/* SPDX-License-Identifier: MIT
 *
 * What stands in a record behind its common fields: tails that go on over more slots, addresses. Callable from
 * anywhere.
 */
#include "shim/record_place.h"

void *record_place(struct record *record, struct identity who, size_t body_size, size_t tail_size)
{
    return record_put(record, who, body_size, tail_size, log_take_uncounted);
}

void record_tail_beyond(void *body, size_t body_size, const void *tail, size_t size)
{
    unsigned char *slot = (unsigned char *)((struct sockatlas_common *)body - 1);
    const unsigned char *from = tail;
    size_t now = RECORD_HEAD_BYTES - body_size;
    record_copy((unsigned char *)body + body_size, from, now);
    for (from += now, size -= now; size; from += now, size -= now) {
        now = size < SOCKATLAS_CONTINUATION_BYTES ? size : SOCKATLAS_CONTINUATION_BYTES;
        slot += SOCKATLAS_SLOT_SIZE;
        record_copy(slot + 1, from, now);
        __atomic_store_n(slot, (unsigned char)SOCKATLAS_CONTINUATION, __ATOMIC_RELEASE);
    }
}

static inline void fill_tail(void *body, size_t body_size, struct sockatlas_addresses *out,
                             const struct endpoint *first_end, const struct endpoint *second_end, uint32_t flags,
                             uint64_t cookie)
{
    unsigned char all[2 * ENDPOINT_BYTES_MAX + sizeof(cookie)], *at = (unsigned char *)body + body_size;
    size_t size = record_addresses_size(first_end, second_end) + (cookie ? sizeof(cookie) : 0);
    bool fits = size <= RECORD_HEAD_BYTES - body_size;
    *out = (struct sockatlas_addresses){
        .first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT, .flags = (uint8_t)flags};
    if (!fits)
        at = all;
    if (first_end && endpoint_known(first_end)) {
        out->family = first_end->family;
        out->first_size = first_end->size;
        at = endpoint_put(at, first_end);
    }
    if (second_end && endpoint_known(second_end)) {
        out->family = second_end->family;
        out->second_size = second_end->size;
        at = endpoint_put(at, second_end);
    }
    if (cookie)
        memcpy(at, &cookie, sizeof(cookie));
    if (!fits)
        record_tail_beyond(body, body_size, all, size);
}

void record_addresses(void *body, size_t body_size, struct sockatlas_addresses *out, const struct endpoint *first_end,
                      const struct endpoint *second_end, uint32_t flags)
{
    fill_tail(body, body_size, out, first_end, second_end, flags, 0);
}

void record_addresses_and(void *body, size_t body_size, struct sockatlas_addresses *out,
                          const struct endpoint *first_end, const struct endpoint *second_end, uint64_t cookie)
{
    fill_tail(body, body_size, out, first_end, second_end, 0, cookie);
}