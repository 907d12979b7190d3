/* SPDX-License-Identifier: MIT
 *
 * Segments: what was packed comes back; what is damaged anywhere is not taken for good; names.
 */
#include "analyzer/trace/segment.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 300 };

/* A section of short records with a time and a cookie each, and continuations. */
static void fill(unsigned char *slots)
{
    struct sockatlas_section section = {.kind = SOCKATLAS_SECTION, .state = 8ull << SOCKATLAS_USES_BITS | 3};
    memcpy(slots, &section, sizeof section);
    for (unsigned i = 1; i < SLOTS; i++) {
        unsigned char *slot = slots + (size_t)i * SOCKATLAS_SLOT_SIZE;
        struct sockatlas_common common = {.kind = i % 3 == 0 ? SOCKATLAS_CLOSE : SOCKATLAS_ACCEPT,
                                          .use = 3,
                                          .slots = i % 3 == 0 ? 2 : 1,
                                          .fd = (int)i,
                                          .time_ns = 1000000 - i * 17,
                                          .cookie = i * 977};
        if (i % 3 == 1 && i > 1)
            memset(slot, SOCKATLAS_CONTINUATION, SOCKATLAS_SLOT_SIZE);
        else
            memcpy(slot, &common, sizeof common);
    }
}

static size_t pack(unsigned char **frame, unsigned char *slots)
{
    struct segment_head head = {.content = SEGMENT_SLOTS, .slots = SLOTS, .position = 7 * SLOTS};
    *frame = malloc(segment_frame_most());
    return segment_pack(*frame, &head, slots);
}

static bool unpack(unsigned char *out, const unsigned char *frame, size_t size)
{
    struct segment_head head;
    memcpy(&head, frame, sizeof head);
    return segment_head_good(&head) && head.size == size - sizeof head &&
           segment_unpack(out, &head, frame + sizeof head);
}

Test(segment, gives_back_what_was_packed)
{
    static unsigned char slots[SLOTS * SOCKATLAS_SLOT_SIZE], out[SEGMENT_BYTES_MAX];
    unsigned char *frame;
    fill(slots);
    size_t size = pack(&frame, slots);
    cr_expect(unpack(out, frame, size));
    cr_expect_eq(memcmp(out, slots, sizeof slots), 0);
    free(frame);
}

Test(segment, takes_no_damaged_frame_for_a_good_one)
{
    static unsigned char slots[SLOTS * SOCKATLAS_SLOT_SIZE], out[SEGMENT_BYTES_MAX];
    unsigned char *frame;
    fill(slots);
    size_t size = pack(&frame, slots);
    for (size_t i = 0; i < size; i++)
        for (unsigned bit = 0; bit < 8; bit += 7) {
            frame[i] ^= (unsigned char)(1 << bit);
            /* A bit of zstd's own that says nothing may be another, and what comes back must be the same then. */
            if (unpack(out, frame, size))
                cr_expect_eq(memcmp(out, slots, sizeof slots), 0, "byte %zu", i);
            frame[i] ^= (unsigned char)(1 << bit);
        }
    free(frame);
}

Test(segment, clears_what_was_not_published_and_counts_the_rest)
{
    static unsigned char slots[4 * SOCKATLAS_SLOT_SIZE];
    struct segment_counts counts;
    struct sockatlas_section section = {.kind = SOCKATLAS_SECTION, .state = 1 << SOCKATLAS_USES_BITS | 2};
    struct sockatlas_common good = {.kind = SOCKATLAS_ACCEPT, .use = 2, .slots = 1, .time_ns = 5},
                            stale = {.kind = SOCKATLAS_ACCEPT, .use = 1, .slots = 1},
                            beyond = {.kind = SOCKATLAS_CLOSE, .use = 2, .slots = 9};
    memcpy(slots, &section, sizeof section);
    memcpy(slots + SOCKATLAS_SLOT_SIZE, &good, sizeof good);
    memcpy(slots + 2 * SOCKATLAS_SLOT_SIZE, &stale, sizeof stale);
    memcpy(slots + 3 * SOCKATLAS_SLOT_SIZE, &beyond, sizeof beyond);
    cr_expect_not(segment_tidy(slots, 4, &counts));
    cr_expect_eq(counts.records, 1);
    cr_expect_eq(counts.connections, 1);
    cr_expect_eq(counts.until, 5);
    cr_expect_eq(slots[2 * SOCKATLAS_SLOT_SIZE], 0);
    cr_expect_eq(slots[3 * SOCKATLAS_SLOT_SIZE], 0);
    cr_expect(segment_tidy(slots, 2, &counts));
}

Test(segment, has_a_name_that_tells_its_log_and_position)
{
    char name[NAME_MAX + 1], log[NAME_MAX + 1];
    uint64_t position = 0;
    cr_assert(segment_name(name, sizeof name, "web.12.ab.atlas", 0x1f));
    cr_expect_str_eq(name, "web.12.ab.000000000000001f.atlas.zst");
    cr_assert(segment_name_of(name, log, &position));
    cr_expect_str_eq(log, "web.12.ab.atlas");
    cr_expect_eq(position, 0x1f);
    static const char *const others[] = {"web.atlas", "web.atlas.zst", "000000000000001f.atlas.zst",
                                         "web.00000000000000zz.atlas.zst", "web.1f.atlas.zst"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect_not(segment_name_of(others[i], log, &position), "%s", others[i]);
    cr_expect_not(segment_name(name, sizeof name, "web", 1));
}
