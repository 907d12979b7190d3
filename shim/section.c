/* SPDX-License-Identifier: MIT
 *
 * Sections of the ring, see section.h. Callable from anywhere; writes only by compare-and-exchange, so that whoever was
 * stopped in here for a lap does no harm when he goes on.
 */
#include "shim/section.h"

#include "shim/clock.h"
#include "shim/sys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { SECTION_LEAST = 128, SECTION_MOST = 2048, SECTIONS = 16 };

uint32_t section_slots_for(uint64_t ring_slots)
{
    uint64_t slots = ring_slots / SECTIONS;
    slots = slots < SECTION_LEAST ? SECTION_LEAST : slots > SECTION_MOST ? SECTION_MOST : slots;
    return (uint32_t)(slots < ring_slots ? slots : ring_slots);
}

enum { COMMONS = SOCKATLAS_SLOT_SIZE / sizeof(struct sockatlas_common) }; /* in a slot */

/* What a section holds. */
struct content {
    bool complete;
    uint64_t records, connections, until_us;
};

/* What is stored last of a slot. */
union first {
    uint32_t word;
    struct {
        uint8_t kind;
        uint8_t call;
        uint16_t error : 12;
        uint16_t use : 4;
    } part;
};

/* How many slots the record covers; 0: not published in this use, or not a record's number. */
static uint32_t covered(const struct sockatlas_common *slot, uint32_t use)
{
    union first first = {.word = __atomic_load_n((const uint32_t *)(const void *)slot, __ATOMIC_ACQUIRE)};
    if (first.part.kind == 0 || first.part.use != use)
        return 0;
    return first.part.kind == SOCKATLAS_PADDING ? (uint32_t)slot->fd : slot->slots;
}

static bool begins_connection(const struct sockatlas_common *slot)
{
    return (slot->kind == SOCKATLAS_ACCEPT && slot->error == 0) ||
           (slot->kind == SOCKATLAS_CONNECT && (slot->error == 0 || slot->error == EINPROGRESS));
}

static struct content content_of(const struct section *section)
{
    struct content content = {.complete = false};
    const struct sockatlas_common *slots = (const struct sockatlas_common *)(const void *)section->first;
    uint32_t use = section_state(section->first) & 15;
    for (uint32_t at = 1, size; at < section->slots; at += size) {
        if (at >= section->reachable)
            return content;
        const struct sockatlas_common *slot = slots + (uint64_t)at * COMMONS;
        size = covered(slot, use);
        if (size == 0 || size > section->slots - at)
            return content;
        if (slot->kind == SOCKATLAS_PADDING)
            continue;
        content.records++;
        content.connections += begins_connection(slot);
        if (slot->time_ns / 1000 > content.until_us)
            content.until_us = slot->time_ns / 1000;
    }
    content.complete = true;
    return content;
}

bool section_complete(const struct section *section)
{
    return section_state(section->first) == 0 || content_of(section).complete;
}

void section_pad(struct sockatlas_common *slot, uint32_t count, uint32_t there, uint32_t use)
{
    /* What stood there before shall not come back when the slots are used again, and not written to. */
    for (uint32_t i = 1; i < there; i++)
        memset((unsigned char *)slot + (size_t)i * SOCKATLAS_SLOT_SIZE, 0, offsetof(struct sockatlas_common, time_ns));
    union first first = {.part = {.kind = SOCKATLAS_PADDING, .use = (uint16_t)(use & 15)}};
    slot->fd = (int32_t)count;
    __atomic_store_n((uint32_t *)(void *)slot, first.word, __ATOMIC_RELEASE);
}

/* How many slots a record covers that was begun in this use, and whose writer can never finish it; 0: none. */
static uint32_t abandoned(const struct sockatlas_common *slot, uint32_t use)
{
    union first first = {.word = __atomic_load_n((const uint32_t *)(const void *)slot, __ATOMIC_ACQUIRE)};
    if (first.part.kind != 0 || first.part.use != use || !slot->pid || !slot->tid)
        return 0;
    return sys(SYS_tgkill, slot->pid, slot->tid, 0) == -ESRCH ? slot->slots : 0;
}

bool section_release(const struct sockatlas_header *header, const struct section *section)
{
    struct sockatlas_common *slots = (struct sockatlas_common *)(void *)section->first;
    uint32_t use = section_state(section->first) & 15;
    if (!header->pidns_inode || __atomic_load_n(&header->other_pids, __ATOMIC_ACQUIRE))
        return false;
    for (uint32_t at = 1, size; at < section->slots; at += size) {
        if (at >= section->reachable)
            return false;
        struct sockatlas_common *slot = slots + (uint64_t)at * COMMONS;
        size = covered(slot, use);
        bool published = size != 0;
        if (!published)
            size = abandoned(slot, use);
        if (size == 0 || size > (published ? section->slots : section->reachable) - at)
            return false;
        if (!published)
            section_pad(slot, size, size, use);
    }
    return true;
}

static uint64_t tagged(uint64_t sequence, uint64_t value)
{
    return (sequence + 1) << SOCKATLAS_TAG_SHIFT | (value & SOCKATLAS_TAG_VALUE);
}

static uint64_t value_of(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE) & SOCKATLAS_TAG_VALUE;
}

/* Sets a member that does not bear the section's tag yet. Whoever comes late finds header->last changed, or what the
 * member was. */
static void advance(const struct sockatlas_header *header, uint64_t last, uint64_t *word, uint64_t value)
{
    uint64_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (now >> SOCKATLAS_TAG_SHIFT == value >> SOCKATLAS_TAG_SHIFT ||
        __atomic_load_n(&header->last, __ATOMIC_ACQUIRE) != last)
        return;
    __atomic_compare_exchange_n(word, &now, value, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void section_open(struct sockatlas_header *header, const struct section *section, uint64_t sequence)
{
    uint64_t last = __atomic_load_n(&header->last, __ATOMIC_ACQUIRE);
    if (last >> 1 > sequence)
        return; /* done */
    struct sockatlas_section *first = section->first;
    uint64_t state = section_state(first), held = state >> SOCKATLAS_USES_BITS;
    struct content content = {.records = 0};
    /* What others overwrite meanwhile is counted wrongly, but then they are done and what follows changes nothing. */
    if (state && held <= sequence)
        content = content_of(section);
    const struct sockatlas_totals *before = &header->totals[last & 1];
    struct sockatlas_totals *totals = &header->totals[~last & 1];
    uint64_t until = value_of(&before->until);
    until = until > content.until_us ? until : content.until_us;
    advance(header, last, &totals->records, tagged(sequence, value_of(&before->records) + content.records));
    advance(header, last, &totals->connections, tagged(sequence, value_of(&before->connections) + content.connections));
    advance(header, last, &totals->until, tagged(sequence, until));
    advance(header, last, &first->opened, tagged(sequence, clock_now() / 1000));
    __atomic_store_n(&first->kind, SOCKATLAS_SECTION, __ATOMIC_RELAXED);
    if (held <= sequence)
        __atomic_compare_exchange_n(&first->state, &state,
                                    (sequence + 1) << SOCKATLAS_USES_BITS | (uint16_t)(state + 1), false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    __atomic_compare_exchange_n(&header->last, &last, (sequence + 1) << 1 | (~last & 1), false, __ATOMIC_ACQ_REL,
                                __ATOMIC_RELAXED);
}
