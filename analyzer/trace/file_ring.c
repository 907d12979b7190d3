/* SPDX-License-Identifier: MIT
 *
 * Reading a ring's sections, see file_ring.h.
 */
#include "analyzer/trace/file_ring.h"

#include "analyzer/trace/decode.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/missing.h"

#include <errno.h>
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
    bool jumped;                /* it did not come right behind the one before */
    struct segment_counts here; /* read of it */
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

uint64_t file_ring_data(int fd, const struct sockatlas_header *header, uint64_t slot)
{
    uint64_t size = header->section_slots;
    off_t offset = (off_t)(SOCKATLAS_HEADER_SIZE + slot * SOCKATLAS_SLOT_SIZE), data = lseek(fd, offset, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO ? header->ring_slots : slot; /* no data behind it; else it cannot be told */
    uint64_t found = slot + (uint64_t)(data - offset) / SOCKATLAS_SLOT_SIZE / size * size;
    return found < header->ring_slots ? found : header->ring_slots;
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
        if (!read_section(file, i, &section)) {
            uint64_t data = file_ring_data(file->fd, &file->image->header, i * ring->section_slots);
            i = data / ring->section_slots > i ? data / ring->section_slots - 1 : i;
            continue;
        }
        if (held(&section) % count != i || held(&section) > last_sequence(file) ||
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

/* What the totals tell is in file->missing. */
static void clear_totals(struct sockatlas_header *header)
{
    header->last = 0;
    memset(header->totals, 0, sizeof header->totals);
}

void file_ring_open(struct file *file, const struct sockatlas_header *header)
{
    struct file_ring *ring = memory_must(calloc(1, sizeof *ring));
    ring->section_slots = header->section_slots;
    ring->ring_slots = header->ring_slots;
    file->ring = ring;
    file->missing = missing_new(ring->ring_slots / ring->section_slots, ring->section_slots);
    file->offset = SOCKATLAS_HEADER_SIZE;
    clear_totals(&file->image->header);
}

void file_ring_close(struct file *file)
{
    if (file->ring != NULL)
        free(file->ring->found);
    missing_free(file->missing);
    free(file->ring);
    file->missing = NULL;
    file->ring = NULL;
}

/* Tells what was read of the section from the ring. */
static void settle(const struct file *file)
{
    const struct file_ring *ring = file->ring;
    if (ring->here.records > 0)
        missing_have(file->missing, ring->sequence, &ring->here);
}

/* Whether it is the one behind that which was read last: at the ring's beginning, where writers keep to a part of it.
 */
static bool comes_next(const struct file *file, uint64_t sequence)
{
    const struct file_ring *ring = file->ring;
    uint64_t next = ring->begun ? ring->sequence + 1 : 0, sections = ring->ring_slots / ring->section_slots;
    uint64_t reach = file->image->header.confined;
    bool left_out = reach >= 2 * ring->section_slots && (next % sections + 1) * ring->section_slots > reach;
    return sequence == next || (left_out && sequence == (next / sections + 1) * sections);
}

/* Goes on to the section, which was opened then. */
static void go_on(struct file *file, uint64_t sequence, uint64_t opened)
{
    struct file_ring *ring = file->ring;
    if (ring->begun && ring->sequence == sequence)
        return;
    if (!comes_next(file, sequence)) {
        ring->jumped = true;
        missing_gap(file->missing, (opened & SOCKATLAS_TAG_VALUE) * 1000);
    }
    settle(file);
    ring->here = (struct segment_counts){.records = 0};
}

/* Begins to read it, if it still has that number. */
static bool enter(struct file *file, uint64_t sequence)
{
    struct sockatlas_section section;
    if (!read_section(file, sequence, &section) || held(&section) != sequence)
        return false;
    go_on(file, sequence, section.opened);
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

void file_ring_enter_past(struct file *file, uint64_t position, const struct sockatlas_section *section)
{
    struct file_ring *ring = file->ring;
    go_on(file, position / ring->section_slots, section->opened);
    ring->begun = true;
    ring->sequence = position / ring->section_slots;
    ring->state = section->state;
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
    struct sockatlas_header *known = &file->image->header;
    struct sockatlas_header before = *known;
    decode_header(known, header);
    known->section_slots = before.section_slots; /* what a damaged file says now does not count */
    known->ring_slots = before.ring_slots;
    known->overwritten = before.overwritten;
    known->overwritten_connections = before.overwritten_connections;
    known->overwritten_until = before.overwritten_until;
    clear_totals(known);
}

void file_ring_have(struct file *file, const void *record)
{
    struct segment_counts *here = &file->ring->here;
    here->records++;
    here->connections += segment_begins_connection(record);
}

void file_ring_count(struct file *file)
{
    struct sockatlas_header *header = &file->image->header;
    settle(file);
    struct segment_counts count = missing_count(file->missing);
    if (count.records < header->overwritten)
        return; /* what came late was told already */
    header->overwritten = count.records;
    header->overwritten_connections = count.connections;
    header->overwritten_until = count.until;
}

bool file_ring_jumped(const struct file *file)
{
    return file->ring->jumped;
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
