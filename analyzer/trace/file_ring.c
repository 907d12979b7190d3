/* SPDX-License-Identifier: MIT
 *
 * Reading a ring's sections, see file_ring.h.
 */
#include "analyzer/trace/file_ring.h"

#include "analyzer/trace/decode.h"
#include "analyzer/trace/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A ring has no smaller sections, and not more of them. */
#define SECTION_SLOTS_LEAST 128
#define SECTIONS_MAX        (1u << 20)

struct file_ring {
    uint64_t section_slots, ring_slots;
    bool begun;        /* a section is being read, or was */
    uint64_t sequence; /* its number */
    uint64_t state;
    struct sockatlas_totals overwritten; /* until: in nanoseconds */
    /* Numbers of sections that come later, as far as they were found, in order. */
    uint64_t *found;
    size_t found_count, found_next;
};

bool file_ring_possible(const struct sockatlas_header *header)
{
    if (header->version < 2 || header->section_slots == 0)
        return true;
    uint64_t section = header->section_slots, ring = header->ring_slots;
    return section >= SECTION_SLOTS_LEAST && (section & (section - 1)) == 0 && ring >= section &&
           (ring & (ring - 1)) == 0 && ring / section <= SECTIONS_MAX;
}

static uint64_t offset_of(const struct file_ring *ring, uint64_t sequence)
{
    return SOCKATLAS_HEADER_SIZE + (sequence * ring->section_slots & (ring->ring_slots - 1)) * SOCKATLAS_SLOT_SIZE;
}

/* Reads the first slot of the section that has, or had, this sequence number; false where there is none yet. */
static bool read_section(const struct file *file, uint64_t sequence, struct sockatlas_section *section)
{
    uint64_t offset = offset_of(file->ring, sequence);
    return offset + sizeof *section <= file->size &&
           pread(file->fd, section, sizeof *section, (off_t)offset) == (ssize_t)sizeof *section && section->state != 0;
}

static uint64_t held(const struct sockatlas_section *section)
{
    return (section->state >> SOCKATLAS_USES_BITS) - 1;
}

/* The number of the section that the cursor is in, or has just left; the cursor is not 0. */
static uint64_t last_sequence(const struct file *file)
{
    return (file->image->header.cursor - 1) / file->ring->section_slots;
}

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

/* Finds all sections that come after the one that was read last, up to the cursor's. */
static void look(struct file *file)
{
    struct file_ring *ring = file->ring;
    uint64_t count = ring->ring_slots / ring->section_slots;
    ring->found_count = ring->found_next = 0;
    for (uint64_t i = 0; i < count && file->image->header.cursor > 0; i++) {
        struct sockatlas_section section;
        if (offset_of(ring, i) >= file->size)
            break;
        if (!read_section(file, i, &section) || held(&section) % count != i || held(&section) > last_sequence(file) ||
            (ring->begun && held(&section) <= ring->sequence))
            continue;
        if ((ring->found_count & (ring->found_count - 1)) == 0)
            ring->found = memory_must(
                realloc(ring->found, (ring->found_count == 0 ? 1 : 2 * ring->found_count) * sizeof *ring->found));
        ring->found[ring->found_count++] = held(&section);
    }
    if (ring->found_count > 1)
        qsort(ring->found, ring->found_count, sizeof *ring->found, compare);
}

static uint64_t value_of(uint64_t word, uint64_t last)
{
    bool valid = (uint16_t)(word >> SOCKATLAS_TAG_SHIFT) == (uint16_t)(last >> 1);
    return valid ? word & SOCKATLAS_TAG_VALUE : 0;
}

/* What was overwritten so far. Totals that changed while the header was read leave what was known before. */
static void take_totals(struct file *file)
{
    struct sockatlas_header *header = &file->image->header;
    const struct sockatlas_totals *totals = &header->totals[header->last & 1];
    uint64_t records = value_of(totals->records, header->last);
    uint64_t connections = value_of(totals->connections, header->last);
    uint64_t until = value_of(totals->until, header->last) * 1000;
    if (records > file->ring->overwritten.records)
        file->ring->overwritten = (struct sockatlas_totals){records, connections, until};
    header->overwritten = file->ring->overwritten.records;
    header->overwritten_connections = file->ring->overwritten.connections;
    header->overwritten_until = file->ring->overwritten.until;
    header->last = 0; /* they have served */
    memset(header->totals, 0, sizeof header->totals);
}

void file_ring_open(struct file *file)
{
    const struct sockatlas_header *header = &file->image->header;
    file->ring = memory_must(calloc(1, sizeof *file->ring));
    file->ring->section_slots = header->section_slots;
    file->ring->ring_slots = header->ring_slots;
    file->offset = SOCKATLAS_HEADER_SIZE;
    take_totals(file);
}

void file_ring_close(struct file *file)
{
    if (file->ring != NULL)
        free(file->ring->found);
    free(file->ring);
    file->ring = NULL;
}

/* Begins to read it, if it still has that number. */
static bool enter(struct file *file, uint64_t sequence)
{
    struct sockatlas_section section;
    if (!read_section(file, sequence, &section) || held(&section) != sequence)
        return false;
    file->ring->begun = true;
    file->ring->sequence = sequence;
    file->ring->state = section.state;
    file->offset = offset_of(file->ring, sequence);
    file->used = file->filled = 0;
    return true;
}

bool file_ring_next(struct file *file)
{
    struct file_ring *ring = file->ring;
    if (file->image->header.cursor == 0 || (ring->begun && ring->sequence >= last_sequence(file)))
        return false;
    if (ring->begun && ring->found_next == ring->found_count && enter(file, ring->sequence + 1))
        return true;
    if (ring->found_next == ring->found_count)
        look(file);
    while (ring->found_next < ring->found_count)
        if (enter(file, ring->found[ring->found_next++]))
            return true;
    return false;
}

uint64_t file_ring_wanted(const struct file *file)
{
    return file->ring->begun ? file_ring_position(file, file->offset + file->used) : 0;
}

void file_ring_enter_past(struct file *file, uint64_t position, uint64_t state)
{
    struct file_ring *ring = file->ring;
    ring->begun = true;
    ring->sequence = position / ring->section_slots;
    ring->state = state;
    ring->found_count = ring->found_next = 0;
    file->offset = offset_of(ring, ring->sequence);
}

bool file_ring_follows(const struct file *file)
{
    const struct file_ring *ring = file->ring;
    struct sockatlas_section section;
    uint64_t next = ring->begun ? ring->sequence + 1 : 0, cursor = file->image->header.cursor;
    uint64_t end = next * ring->section_slots < cursor ? next * ring->section_slots : cursor;
    if (ring->begun && file_ring_wanted(file) < end)
        return false; /* the present one was cut off, or used again */
    return cursor == 0 || next > last_sequence(file) || (read_section(file, next, &section) && held(&section) == next);
}

bool file_ring_goes_on(const struct file *file, uint64_t position)
{
    struct sockatlas_section section;
    if (file->image->header.cursor <= position)
        return true;
    for (uint64_t next = position / file->ring->section_slots; next <= last_sequence(file); next++)
        if (!read_section(file, next, &section) || held(&section) != next)
            return false;
    return true;
}

void file_ring_refresh(struct file *file, const struct sockatlas_header *header)
{
    uint32_t section_slots = file->image->header.section_slots;
    uint64_t ring_slots = file->image->header.ring_slots;
    decode_header(&file->image->header, header);
    file->image->header.section_slots = section_slots; /* what a damaged file says now does not count */
    file->image->header.ring_slots = ring_slots;
    take_totals(file);
}

uint64_t file_ring_end(const struct file *file)
{
    const struct file_ring *ring = file->ring;
    uint64_t cursor = file->image->header.cursor, slots = ring->section_slots;
    if (!ring->begun)
        return SOCKATLAS_HEADER_SIZE;
    if (cursor / slots == ring->sequence)
        slots = cursor % slots;
    return offset_of(ring, ring->sequence) + slots * SOCKATLAS_SLOT_SIZE;
}

bool file_ring_holds(const struct file *file)
{
    struct sockatlas_section section;
    return read_section(file, file->ring->sequence, &section) && section.state == file->ring->state;
}

bool file_ring_uses(const struct file *file, unsigned use)
{
    return (file->ring->state & 15) == use;
}

uint64_t file_ring_position(const struct file *file, uint64_t offset)
{
    const struct file_ring *ring = file->ring;
    return ring->sequence * ring->section_slots + (offset - offset_of(ring, ring->sequence)) / SOCKATLAS_SLOT_SIZE;
}
