/* SPDX-License-Identifier: MIT
 *
 * Reading a ring: sections in the order of their numbers, what belongs to a former use, sections that are used again
 * while they are read, what was overwritten.
 */
#include "tests/unit/trace.h"

#include <fcntl.h>

enum { SECTION = 128, RING = 512 }; /* slots */

struct log {
    char folder[64];
    char path[128];
    int fd;
    struct sockatlas_header header;
};

static void put(const struct log *log, const void *bytes, size_t size, uint64_t position)
{
    uint64_t offset = SOCKATLAS_HEADER_SIZE + position % RING * SOCKATLAS_SLOT_SIZE;
    cr_assert_eq(pwrite(log->fd, bytes, size, (off_t)offset), (ssize_t)size);
}

static void put_header(const struct log *log)
{
    cr_assert_eq(pwrite(log->fd, &log->header, sizeof log->header, 0), (ssize_t)sizeof log->header);
}

static void begin(struct log *log)
{
    char *folder = make_folder();
    *log = (struct log){.header = sample_header()};
    snprintf(log->folder, sizeof log->folder, "%s", folder);
    free(folder);
    snprintf(log->path, sizeof log->path, "%s/ring.atlas", log->folder);
    log->fd = open(log->path, O_RDWR | O_CREAT, 0600);
    cr_assert_geq(log->fd, 0);
    cr_assert_eq(ftruncate(log->fd, SOCKATLAS_HEADER_SIZE + RING * SOCKATLAS_SLOT_SIZE), 0);
    struct sockatlas_header *header = &log->header;
    memcpy(header->magic, SOCKATLAS_MAGIC, sizeof header->magic);
    header->version = SOCKATLAS_VERSION;
    header->byte_order = SOCKATLAS_BYTE_ORDER;
    header->header_size = SOCKATLAS_HEADER_SIZE;
    header->slot_size = SOCKATLAS_SLOT_SIZE;
    header->section_slots = SECTION;
    header->ring_slots = header->made = RING;
    header->lost = header->lost_first = header->lost_last = 0;
    header->lost_reason = 0;
}

static void end(struct log *log)
{
    close(log->fd);
    remove_folder(strdup(log->folder));
}

static void put_section(const struct log *log, uint64_t sequence, unsigned uses)
{
    struct sockatlas_section section = {.kind = SOCKATLAS_SECTION,
                                        .state = (sequence + 1) << SOCKATLAS_USES_BITS | uses};
    put(log, &section, sizeof section, sequence * SECTION);
}

/* A record whose descriptor tells where it stands. */
static void put_record(const struct log *log, uint64_t position, unsigned kind, unsigned uses, int fd)
{
    union {
        struct sockatlas_common common;
        unsigned char bytes[SOCKATLAS_SLOT_SIZE];
    } slot = {.common = {.kind = (uint8_t)kind,
                         .use = uses & 15,
                         .pid = 42,
                         .tid = 42,
                         .slots = 1,
                         .body_size = sizeof(struct sockatlas_body_shutdown),
                         .fd = fd,
                         .time_ns = 1000 + position}};
    put(log, &slot, sizeof slot, position);
}

/* A section full of records: its number, and how often it was used. */
static void fill(const struct log *log, uint64_t sequence, unsigned uses)
{
    put_section(log, sequence, uses);
    for (uint64_t at = 1; at < SECTION; at++)
        put_record(log, sequence * SECTION + at, SOCKATLAS_SHUTDOWN, uses, (int)sequence);
}

/* How many records of each section come, in which order; "2:127 3:127". */
static const char *read_all(struct log *log, struct heard *heard)
{
    static char text[256];
    struct event event;
    int last = -1;
    unsigned count = 0;
    text[0] = 0;
    struct stream *stream = stream_open((char *[]){log->folder}, 1, hear, heard);
    while (stream_next(stream, &event)) {
        cr_expect_eq(event.slot / SECTION, (uint64_t)event.fd, "position %llu", (unsigned long long)event.slot);
        if (event.fd != last && last >= 0)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%d:%u ", last, count);
        count = event.fd == last ? count + 1 : 1;
        last = event.fd;
    }
    snprintf(text + strlen(text), sizeof text - strlen(text), "%d:%u", last, count);
    stream_close(stream);
    return text;
}

Test(ring, reads_sections_in_order_across_laps)
{
    struct log log;
    struct heard heard = {0};
    begin(&log);
    fill(&log, 4, 2);
    fill(&log, 5, 2);
    fill(&log, 2, 1);
    fill(&log, 3, 1);
    log.header.cursor = 5 * SECTION + 11; /* the rest of the fifth is not written yet */
    put_header(&log);
    cr_expect_str_eq(read_all(&log, &heard), "2:127 3:127 4:127 5:10");
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    end(&log);
}

/* A section that was left out of use keeps what it has from an earlier lap, and comes first. */
Test(ring, reads_a_section_that_was_skipped)
{
    struct log log;
    struct heard heard = {0};
    begin(&log);
    fill(&log, 1, 1);
    fill(&log, 4, 2);
    fill(&log, 6, 2);
    fill(&log, 7, 2);
    log.header.cursor = 8 * SECTION;
    put_header(&log);
    cr_expect_str_eq(read_all(&log, &heard), "1:127 4:127 6:127 7:127");
    end(&log);
}

Test(ring, skips_what_is_of_a_former_use_or_not_published)
{
    struct log log;
    struct heard heard = {0};
    begin(&log);
    fill(&log, 0, 1);
    put_record(&log, 5, SOCKATLAS_SHUTDOWN, 0, 99); /* another use */
    put_record(&log, 6, 0, 1, 99);                  /* taken */
    put_record(&log, 7, SOCKATLAS_PADDING, 1, 4);   /* four slots that nobody wrote to */
    put_record(&log, 8, SOCKATLAS_SHUTDOWN, 1, 99); /* ... whatever stands there */
    log.header.cursor = 20;
    put_header(&log);
    cr_expect_str_eq(read_all(&log, &heard), "0:13");
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    end(&log);
}

Test(ring, drops_a_section_that_is_used_again_under_it)
{
    struct log log;
    struct heard heard = {0};
    struct event event;
    unsigned count[8] = {0};
    begin(&log);
    for (unsigned sequence = 0; sequence < 4; sequence++)
        fill(&log, sequence, 1);
    log.header.cursor = 4 * SECTION;
    put_header(&log);
    struct stream *stream = stream_open((char *[]){log.folder}, 1, hear, &heard);
    cr_assert(stream_next(stream, &event));
    fill(&log, 5, 2); /* where the section 1 was */
    do
        count[event.fd]++;
    while (stream_next(stream, &event));
    cr_expect_eq(count[0], SECTION - 1);
    cr_expect_eq(count[1], 0);
    cr_expect_eq(count[2], SECTION - 1);
    cr_expect_eq(count[5], 0, "it came after the reading began");
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    stream_close(stream);
    end(&log);
}

Test(ring, follows_across_laps)
{
    struct log log;
    struct heard heard = {0};
    struct event event;
    unsigned count[16] = {0};
    begin(&log);
    fill(&log, 0, 1);
    log.header.cursor = 100;
    put_header(&log);
    struct stream *stream = stream_open_live((char *[]){log.folder}, 1, hear, &heard);
    for (unsigned sequence = 0; sequence < 10; sequence++) {
        fill(&log, sequence, 1 + sequence / 4);
        log.header.cursor = (sequence + 1) * SECTION;
        put_header(&log);
        stream_refresh(stream);
        while (stream_next(stream, &event))
            count[event.fd]++;
    }
    for (unsigned sequence = 0; sequence < 10; sequence++)
        cr_expect_eq(count[sequence], SECTION - 1, "section %u: %u", sequence, count[sequence]);
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    stream_close(stream);
    end(&log);
}

Test(ring, tells_what_was_overwritten)
{
    struct log log;
    struct heard heard = {0};
    begin(&log);
    fill(&log, 4, 2);
    log.header.cursor = 5 * SECTION;
    log.header.last = 5 << 1 | 1;
    log.header.totals[0] = (struct sockatlas_totals){4ull << 48 | 1, 4ull << 48 | 1, 4ull << 48 | 1};
    log.header.totals[1] = (struct sockatlas_totals){5ull << 48 | 127, 5ull << 48 | 7, 5ull << 48 | 1234};
    put_header(&log);
    struct stream *stream = stream_open((char *[]){log.folder}, 1, hear, &heard);
    const struct sockatlas_header *header = &stream_image(stream, 0)->header;
    cr_expect_eq(header->overwritten, 127);
    cr_expect_eq(header->overwritten_connections, 7);
    cr_expect_eq(header->overwritten_until, 1234000);
    stream_close(stream);
    end(&log);
}

/* The next gap that the stream tells: what, its time, how many. */
static const char *next_gap(struct stream *stream)
{
    static char text[256];
    struct event event;
    char detail[200] = "";
    while (stream_next(stream, &event))
        if (event.kind == SOCKATLAS_COVERAGE) {
            const struct sockatlas_body_coverage *body = event_body(&event);
            cr_assert_lt(body->detail_size, sizeof detail);
            cr_assert(event_tail(&event, sizeof *body, 0, detail, body->detail_size));
            const char *count = body->what == SOCKATLAS_COVERAGE_OVERWRITTEN ? strrchr(detail, ':') + 2 : detail;
            snprintf(text, sizeof text, "%u at %llu: %.*s", body->what, (unsigned long long)event.time_ns,
                     (int)strcspn(count, ","), count);
            return text;
        }
    return "none";
}

/* Laps from the section `sequence` on: each section overwrites one of 127 records. */
static void lap(struct log *log, uint64_t sequence, uint64_t until)
{
    for (; sequence < until; sequence++) {
        fill(log, sequence, 1 + (unsigned)sequence / 4);
        uint64_t tag = (sequence + 1) << 48, again = sequence < 4 ? 0 : sequence - 3;
        log->header.last = (sequence + 1) << 1 | (sequence & 1);
        log->header.totals[sequence & 1] = (struct sockatlas_totals){tag | again * 127, tag, tag | sequence};
        log->header.cursor = (sequence + 1) * SECTION;
    }
    put_header(log);
}

/* What a follower has read is not missing, however often it is overwritten later. */
Test(ring, tells_a_follower_of_gaps_once_each)
{
    struct log log;
    struct heard heard = {0};
    begin(&log);
    lap(&log, 0, 6);
    struct stream *stream = stream_open_live((char *[]){log.folder}, 1, hear, &heard);
    cr_expect_str_eq(next_gap(stream), "13 at 5000: 254 records");
    cr_expect_str_eq(next_gap(stream), "none");
    lap(&log, 6, 9);
    stream_refresh(stream);
    cr_expect_str_eq(next_gap(stream), "none", "it has read up to 6");
    lap(&log, 9, 15);
    stream_refresh(stream);
    cr_expect_str_eq(next_gap(stream), "13 at 14000: 254 records", "9 and 10");
    log.header.lost = 3;
    log.header.lost_last = 77;
    put_header(&log);
    stream_refresh(stream);
    cr_expect_str_eq(next_gap(stream), "9 at 77: 3 records lost");
    cr_expect_str_eq(next_gap(stream), "none");
    stream_refresh(stream);
    cr_expect_str_eq(next_gap(stream), "none");
    stream_close(stream);
    end(&log);
}

Test(ring, refuses_numbers_that_no_ring_has)
{
    static const struct {
        uint32_t section;
        uint64_t ring;
    } cases[] = {{100, 512}, {64, 512}, {128, 500}, {128, 64}, {128, 1ull << 40}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log log;
        struct heard heard = {0};
        begin(&log);
        log.header.section_slots = cases[i].section;
        log.header.ring_slots = cases[i].ring;
        put_header(&log);
        cr_expect_str_eq(read_all(&log, &heard), "-1:0");
        cr_expect_not_null(strstr(heard.last, "damaged header"), "%zu: %s", i, heard.last);
        end(&log);
    }
}
