/* SPDX-License-Identifier: MIT
 *
 * Mutations of logs, see slots.h.
 */
#include "tests/fuzz/slots.h"

#include "shim/trace_format.h"

#include <stdbool.h>
#include <string.h>

size_t slots_log_size(const uint8_t *bytes, size_t size)
{
    size_t at = SOCKATLAS_HEADER_SIZE;
    while (at + 8 <= size && memcmp(bytes + at, SOCKATLAS_MAGIC, 8) != 0)
        at += SOCKATLAS_SLOT_SIZE;
    return at + 8 <= size ? at : size;
}

/* Makes one common field of a slot one that other records have too: most of what a log means is which numbers are the
 * same. */
static void relate(uint8_t *slot, unsigned seed)
{
    static const uint8_t kinds[] = {
#define X(value, name, word, body) value,
        SOCKATLAS_KINDS(X)
#undef X
            SOCKATLAS_CONTINUATION};
    struct sockatlas_common *common = (void *)slot;
    unsigned value = seed >> 8;
    switch (seed % 5) {
    case 0:
        common->kind = kinds[value % sizeof kinds];
        break;
    case 1:
        common->pid = common->tid = 100 + value % 4;
        break;
    case 2:
        common->fd = (int32_t)(value % 8) - 1;
        break;
    case 3:
        common->cookie = value % 8;
        break;
    default:
        common->time_ns += ((uint64_t)(value % 1024) << 24) - (1ull << 33);
        break;
    }
}

size_t slots_mutate(uint8_t *bytes, size_t size, size_t capacity, unsigned seed)
{
    if (size < SOCKATLAS_HEADER_SIZE + SOCKATLAS_SLOT_SIZE || seed % 8 == 0)
        return LLVMFuzzerMutate(bytes, size, capacity);
    size_t start = 0, length = slots_log_size(bytes, size);
    while (start + length < size && seed % 16 >= 8) {
        start += length;
        length = slots_log_size(bytes + start, size - start);
        seed = seed * 2654435761u + 1;
    }
    if (length < SOCKATLAS_HEADER_SIZE + SOCKATLAS_SLOT_SIZE)
        return LLVMFuzzerMutate(bytes, size, capacity);
    uint8_t *slots = bytes + start + SOCKATLAS_HEADER_SIZE;
    size_t slots_size = length - SOCKATLAS_HEADER_SIZE, count = slots_size / SOCKATLAS_SLOT_SIZE;
    uint8_t *slot = slots + (seed >> 4) % count * SOCKATLAS_SLOT_SIZE;
    bool last = start + length == size;
    switch (seed % 4) {
    case 0: /* one slot's bytes */
        LLVMFuzzerMutate(slot, SOCKATLAS_SLOT_SIZE, SOCKATLAS_SLOT_SIZE);
        break;
    case 1: /* a slot again, later or earlier */
        memmove(slots + (seed >> 16) % count * SOCKATLAS_SLOT_SIZE, slot, SOCKATLAS_SLOT_SIZE);
        break;
    case 2:
        relate(slot, seed >> 8);
        break;
    default: /* a slot more, at the end */
        if (last && size % SOCKATLAS_SLOT_SIZE == 0 && size + SOCKATLAS_SLOT_SIZE <= capacity) {
            memcpy(bytes + size, slot, SOCKATLAS_SLOT_SIZE);
            relate(bytes + size, seed >> 8);
            size += SOCKATLAS_SLOT_SIZE;
            count++;
        }
        break;
    }
    uint64_t cursor = count;
    memcpy(bytes + start + offsetof(struct sockatlas_header, cursor), &cursor, sizeof cursor);
    return size;
}
