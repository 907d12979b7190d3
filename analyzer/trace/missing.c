/* SPDX-License-Identifier: MIT
 *
 * What a reader of a ring does not have of it, see missing.h.
 */
#include "analyzer/trace/missing.h"

#include "analyzer/trace/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A place in the ring. Sequence numbers are one higher, 0: none. */
struct place {
    uint64_t held;                /* the section that stood there at the latest look */
    uint64_t opened;              /* when, in nanoseconds */
    uint64_t have;                /* the newest one that the reader has, */
    struct segment_counts counts; /* and how much of it */
};

struct missing {
    uint64_t sections, section_slots;
    struct place *places;
    uint64_t count;               /* places that were needed so far */
    struct segment_counts before; /* what the reader has of sections that are in no place any more */
    struct segment_counts used;   /* in all that was used again by the latest look */
    uint64_t last;                /* header.last then */
    uint64_t newest;              /* section that the reader has, one higher */
    uint64_t gap;
};

struct missing *missing_new(uint64_t sections, uint64_t section_slots)
{
    struct missing *missing = memory_must(calloc(1, sizeof *missing));
    missing->sections = sections;
    missing->section_slots = section_slots;
    return missing;
}

void missing_free(struct missing *missing)
{
    if (missing != NULL)
        free(missing->places);
    free(missing);
}

/* Has at least so many places. */
static void reach(struct missing *missing, uint64_t count)
{
    if (count <= missing->count)
        return;
    count = count < 2 * missing->count ? 2 * missing->count : count;
    count = count < missing->sections ? count : missing->sections;
    missing->places = memory_must(realloc(missing->places, count * sizeof *missing->places));
    memset(missing->places + missing->count, 0, (count - missing->count) * sizeof *missing->places);
    missing->count = count;
}

static void add(struct segment_counts *to, const struct segment_counts *counts)
{
    to->records += counts->records;
    to->connections += counts->connections;
}

void missing_have(struct missing *missing, uint64_t sequence, const struct segment_counts *counts)
{
    uint64_t index = sequence % missing->sections;
    reach(missing, index + 1);
    struct place *place = &missing->places[index];
    if (place->have > sequence + 1 || (place->have == sequence + 1 && place->counts.records > counts->records))
        return;
    if (place->have < sequence + 1)
        add(&missing->before, &place->counts);
    place->have = sequence + 1;
    place->counts = *counts;
    if (missing->newest < sequence + 1)
        missing->newest = sequence + 1;
}

void missing_gap(struct missing *missing, uint64_t opened)
{
    if (opened > missing->gap)
        missing->gap = opened;
}

bool missing_has(const struct missing *missing, uint64_t sequence)
{
    uint64_t index = sequence % missing->sections;
    return index < missing->count && missing->places[index].have == sequence + 1;
}

struct segment_counts missing_of(const struct missing *missing, uint64_t sequence)
{
    return missing_has(missing, sequence) ? missing->places[sequence % missing->sections].counts
                                          : (struct segment_counts){.records = 0};
}

struct segment_counts missing_had(const struct missing *missing)
{
    struct segment_counts had = missing->before;
    for (uint64_t i = 0; i < missing->count; i++)
        add(&had, &missing->places[i].counts);
    return had;
}

/* ---- Looking ---- */

/* A member of the totals, where it is valid. */
static uint64_t value_of(uint64_t word, uint64_t last)
{
    bool valid = (uint16_t)(word >> SOCKATLAS_TAG_SHIFT) == (uint16_t)(last >> 1);
    return valid ? word & SOCKATLAS_TAG_VALUE : 0;
}

/* What was seen of a place. */
struct seen {
    uint64_t held, opened;
};

enum look { LOOK_STILL, LOOK_OPENING, LOOK_MOVED };

/* Looks at all places; the header is then the present one. OPENING: a section later than header.last is being opened;
 * what stood there before was not counted yet, as if it stood there still. */
static enum look look_at_all(struct missing *missing, struct seen *seen, int fd, struct sockatlas_header *header)
{
    uint64_t last = header->last;
    bool opening = false;
    for (uint64_t i = 0; i < missing->count; i++) {
        uint64_t offset = SOCKATLAS_HEADER_SIZE + i * missing->section_slots * SOCKATLAS_SLOT_SIZE;
        struct sockatlas_section section = {.state = 0};
        if (header->made != 0 && pread(fd, &section, sizeof section, (off_t)offset) != (ssize_t)sizeof section)
            section.state = 0;
        bool early = section.state >> SOCKATLAS_USES_BITS > last >> 1;
        seen[i].held = early ? missing->places[i].have : section.state >> SOCKATLAS_USES_BITS;
        seen[i].opened = (section.opened & SOCKATLAS_TAG_VALUE) * 1000;
        opening = opening || early;
    }
    bool moved = pread(fd, header, sizeof *header, 0) != (ssize_t)sizeof *header || header->last != last;
    return moved ? LOOK_MOVED : opening ? LOOK_OPENING : LOOK_STILL;
}

/* Has a place for each section that exists. A file may be nearly all hole: no section that was used takes less than a
 * block of it, and writers begin with the first. */
static void reach_all(struct missing *missing, int fd, const struct sockatlas_header *header)
{
    enum { BLOCKS_MORE = 16 };
    struct stat status = {.st_size = 0};
    uint64_t size = fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0;
    uint64_t blocks = (uint64_t)status.st_blocks + BLOCKS_MORE;
    uint64_t slots = size > SOCKATLAS_HEADER_SIZE ? (size - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE : 0;
    uint64_t there = (slots + missing->section_slots - 1) / missing->section_slots;
    uint64_t reached = header->cursor / missing->section_slots + 1;
    there = there < blocks ? there : blocks;
    reached = reached < there ? reached : there;
    reach(missing, reached < missing->sections ? reached : missing->sections);
}

bool missing_look(struct missing *missing, int fd, const struct sockatlas_header *header)
{
    enum { TRIES = 8 };
    if (header->last == missing->last && header->made != 0)
        return true;
    struct sockatlas_header now = *header;
    struct sockatlas_totals totals = {.records = 0};
    uint64_t last = 0;
    enum look look = LOOK_MOVED;
    reach_all(missing, fd, header);
    struct seen *seen = memory_must(calloc(missing->count + 1, sizeof *seen));
    for (int i = 0; i < TRIES && look != LOOK_STILL; i++) {
        last = now.last;
        totals = now.totals[last & 1];
        look = look_at_all(missing, seen, fd, &now);
    }
    for (uint64_t i = 0; i < missing->count && look != LOOK_MOVED; i++) {
        missing->places[i].held = seen[i].held;
        missing->places[i].opened = seen[i].opened;
    }
    free(seen);
    if (look == LOOK_MOVED)
        return false;
    missing->last = last;
    missing->used = (struct segment_counts){value_of(totals.records, last), value_of(totals.connections, last),
                                            value_of(totals.until, last) * 1000};
    return true;
}

/* ---- Counting ---- */

/* When the ring's oldest section that the reader does not have yet was opened, if others came before it; else 0. */
static uint64_t gap_before_ring(const struct missing *missing)
{
    const struct place *first = NULL;
    for (uint64_t i = 0; i < missing->count; i++) {
        const struct place *place = &missing->places[i];
        if (place->held > missing->newest && (first == NULL || place->held < first->held))
            first = place;
    }
    return first != NULL && first->held != missing->newest + 1 ? first->opened : 0;
}

struct segment_counts missing_count(const struct missing *missing)
{
    struct segment_counts had = missing->before, count = {.until = missing->used.until};
    for (uint64_t i = 0; i < missing->count; i++)
        if (missing->places[i].have != missing->places[i].held)
            add(&had, &missing->places[i].counts);
    if (missing->used.records > had.records)
        count.records = missing->used.records - had.records;
    if (missing->used.connections > had.connections)
        count.connections = missing->used.connections - had.connections;
    uint64_t gap = gap_before_ring(missing);
    gap = gap > missing->gap ? gap : missing->gap;
    if (gap != 0 && gap < count.until)
        count.until = gap;
    if (count.records == 0)
        count.until = 0;
    return count;
}
