/* SPDX-License-Identifier: MIT
 *
 * Streams: what is no trace, torn and truncated files, order between files, live traces.
 */
#include "tests/unit/trace.h"

#include <fcntl.h>
#include <sys/stat.h>

static unsigned count_events(const char *trace, struct heard *heard)
{
    struct event event;
    unsigned count = 0;
    struct stream *stream = stream_open((char *[]){(char *)trace}, 1, hear, heard);
    while (stream_next(stream, &event))
        count++;
    cr_expect_eq(stream_errors(stream), heard->count);
    stream_close(stream);
    return count;
}

static void write_bytes(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

/* The bytes of a log with every sample in it. */
static unsigned char *sample_log(const char *folder, size_t *size)
{
    char path[128];
    unsigned char *bytes = malloc(1 << 16);
    write_samples(folder, "all");
    snprintf(path, sizeof path, "%s/all.atlas", folder);
    int fd = open(path, O_RDONLY);
    *size = (size_t)read(fd, bytes, 1 << 16);
    close(fd);
    unlink(path);
    return bytes;
}

Test(stream, says_in_one_line_what_is_no_trace)
{
    char *folder = make_folder();
    char text[128], expected[256];
    snprintf(text, sizeof text, "%s/notes", folder);
    write_bytes(text, "hello\n", 6);
    const struct {
        const char *trace;
        const char *what;
    } cases[] = {{"nosuch", "No such file or directory"},
                 {folder, "no trace in it"},
                 {"/dev/null", "neither a folder nor a file: not a trace"},
                 {text, "not a trace"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct heard heard = {0};
        cr_expect_eq(count_events(cases[i].trace, &heard), 0);
        cr_expect_eq(heard.count, 1);
        snprintf(expected, sizeof expected, "%s: %s", cases[i].trace, cases[i].what);
        cr_expect_str_eq(heard.last, expected);
    }
    remove_folder(folder);
}

Test(stream, reads_up_to_any_cut)
{
    char *folder = make_folder();
    char path[128], expected[256];
    size_t size = 0;
    unsigned char *bytes = sample_log(folder, &size);
    snprintf(path, sizeof path, "%s/cut.atlas", folder);
    unsigned last = 0;
    for (size_t cut = 0; cut <= size; cut += cut % 64 == 0 ? 1 : cut % 64 == 1 ? 38 : 25) {
        struct heard heard = {0};
        write_bytes(path, bytes, cut);
        unsigned count = count_events(path, &heard);
        cr_expect_geq(count, last, "cut at %zu", cut);
        last = count;
        cr_expect_eq(heard.count, cut < size, "cut at %zu: %u lines, %s", cut, heard.count, heard.last);
        if (cut >= SOCKATLAS_HEADER_SIZE && cut < size) {
            snprintf(expected, sizeof expected, "%s: cut short, at %zu", path, cut);
            cr_expect_str_eq(heard.last, expected);
        }
    }
    struct sample samples[SAMPLES_MAX];
    cr_expect_eq(last, make_samples(samples));
    free(bytes);
    remove_folder(folder);
}

Test(stream, refuses_headers_it_cannot_read)
{
    char *folder = make_folder();
    char path[128];
    size_t size = 0;
    unsigned char *bytes = sample_log(folder, &size);
    struct sockatlas_header *header = (void *)bytes;
    snprintf(path, sizeof path, "%s/x.atlas", folder);
    struct heard heard = {0};
    header->version = 7;
    write_bytes(path, bytes, size);
    cr_expect_eq(count_events(path, &heard), 0);
    cr_expect_not_null(strstr(heard.last, "trace version 7 is newer than version 2"), "%s", heard.last);
    heard.count = 0;
    header->version = SOCKATLAS_VERSION;
    header->byte_order = 0x04030201;
    write_bytes(path, bytes, size);
    cr_expect_eq(count_events(path, &heard), 0);
    cr_expect_not_null(strstr(heard.last, "byte order"), "%s", heard.last);
    free(bytes);
    remove_folder(folder);
}

Test(stream, loses_only_the_damaged_record)
{
    char *folder = make_folder();
    char path[128], expected[256];
    size_t size = 0;
    unsigned char *bytes = sample_log(folder, &size);
    struct sample samples[SAMPLES_MAX];
    unsigned count = make_samples(samples);
    snprintf(path, sizeof path, "%s/x.atlas", folder);

    size_t bind = SOCKATLAS_HEADER_SIZE;
    while (bytes[bind] != SOCKATLAS_BIND)
        bind += SOCKATLAS_SLOT_SIZE;
    struct heard heard = {0};
    struct sockatlas_body_bind *body = (void *)(bytes + bind + sizeof(struct sockatlas_common));
    body->addresses.first_size = 200;
    write_bytes(path, bytes, size);
    cr_expect_eq(count_events(path, &heard), count - 1);
    cr_expect_eq(heard.count, 1);
    snprintf(expected, sizeof expected, "%s: bind record with sizes that do not fit it, at %zu", path, bind);
    cr_expect_str_eq(heard.last, expected);

    /* Never published: skipped without a word. */
    heard.count = 0;
    bytes[bind] = 0;
    write_bytes(path, bytes, size);
    cr_expect_eq(count_events(path, &heard), count - 1);
    cr_expect_eq(heard.count, 0);

    /* Of a kind this reader does not know: said once. */
    bytes[bind] = 200;
    bytes[SOCKATLAS_HEADER_SIZE] = 201;
    write_bytes(path, bytes, size);
    cr_expect_eq(count_events(path, &heard), count - 2);
    cr_expect_eq(heard.count, 1);
    free(bytes);
    remove_folder(folder);
}

static void write_times(const char *folder, const char *name, const char *boot, uint64_t realtime, uint64_t boottime,
                        const uint64_t *times, unsigned count)
{
    static uint64_t logs;
    struct sockatlas_header header = sample_header();
    header.lost = 0;
    header.start_ticks = ++logs; /* each is another one */
    snprintf(header.boot_id, sizeof header.boot_id, "%s", boot);
    header.realtime_ns = realtime;
    header.boottime_ns = boottime;
    struct writer *writer = writer_create(folder, name, &header);
    cr_assert_not_null(writer);
    for (unsigned i = 0; i < count; i++) {
        struct sockatlas_common common = {.kind = SOCKATLAS_ERROR, .time_ns = times[i], .fd = (int)times[i]};
        cr_assert(writer_append(writer, &common, "", 1, NULL, 0));
    }
    cr_assert(writer_close(writer));
}

Test(stream, merges_files_by_time_and_hosts_by_wall_clock)
{
    char *folder = make_folder();
    /* One host whose clock was stepped by an hour between two files: its earliest file's offset (1000) counts. */
    write_times(folder, "a", "host-1", 1100, 100, (uint64_t[]){110, 150, 140, 190}, 4);
    write_times(folder, "b", "host-1", 3600000000000, 120, (uint64_t[]){120, 145, 180}, 3);
    /* Another host, booted later: offset 1120. */
    write_times(folder, "c", "host-2", 1125, 5, (uint64_t[]){35, 65}, 2);
    static const int expected[] = {110, 120, 145, 150, 140, 35, 180, 65, 190};
    struct stream *stream = stream_open(&folder, 1, NULL, NULL);
    struct event event;
    unsigned count = 0;
    for (; stream_next(stream, &event); count++)
        cr_expect_eq(event.fd, expected[count], "event %u is %d", count, event.fd);
    cr_expect_eq(count, 9);
    cr_expect_eq(stream_image(stream, 1)->offset_ns, 1000);
    cr_expect_eq(stream_image(stream, 0)->host, stream_image(stream, 1)->host);
    cr_expect_neq(stream_image(stream, 0)->host, stream_image(stream, 2)->host);
    cr_expect_eq(stream_errors(stream), 0);
    stream_close(stream);
    remove_folder(folder);
}

/* A copy that lacks some, an earlier copy that has what the log has no more. */
Test(stream, hands_out_what_is_in_several_files_of_a_log_once)
{
    char *folder = make_folder();
    char path[3][128], *traces[] = {path[0], path[1], path[2]};
    static const unsigned slots[3][4] = {{0, 1, 5, 6}, {3, 4, 5}, {1, 2, 6, 7}};
    static const unsigned counts[] = {4, 3, 4};
    struct sockatlas_header header = sample_header();
    for (unsigned i = 0; i < 3; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        snprintf(path[i], sizeof path[i], "%s/%s.atlas", folder, name);
        struct writer *writer = writer_create(folder, name, &header);
        cr_assert_not_null(writer);
        for (unsigned slot = 0, at = 0; at < counts[i]; slot++) {
            bool there = slot == slots[i][at];
            struct sockatlas_common common = {.kind = SOCKATLAS_ERROR, .time_ns = 100 + slot, .pid = slot};
            at += there;
            common.kind = there ? SOCKATLAS_ERROR : 0; /* 0: never published */
            cr_assert(writer_append(writer, &common, "", 1, NULL, 0));
        }
        cr_assert(writer_close(writer));
    }
    struct stream *stream = stream_open(traces, 3, NULL, NULL);
    struct event event;
    uint32_t expected = 0;
    while (stream_next(stream, &event))
        cr_expect_eq(event.pid, expected++);
    cr_expect_eq(expected, 8);
    cr_expect_eq(stream_image_count(stream), 1);
    cr_expect_eq(stream_image(stream, 0)->repeats, 2);
    cr_expect_eq(stream_errors(stream), 0, "that it is so is no error");
    stream_close(stream);
    remove_folder(folder);
}

Test(stream, goes_on_with_a_live_trace)
{
    char *folder = make_folder();
    struct sockatlas_header header = sample_header();
    struct sockatlas_common common = {.kind = SOCKATLAS_ERROR, .time_ns = 5};
    struct writer *writer = writer_create(folder, "a", &header);
    cr_assert_not_null(writer);
    cr_assert(writer_append(writer, &common, "", 1, NULL, 0) && writer_flush(writer));
    struct stream *stream = stream_open(&folder, 1, NULL, NULL);
    struct event event;
    cr_expect(stream_next(stream, &event));
    cr_expect_not(stream_next(stream, &event));
    common.time_ns = 9;
    cr_assert(writer_append(writer, &common, "", 1, NULL, 0) && writer_flush(writer));
    write_times(folder, "b", "other", 1, 1, (uint64_t[]){7}, 1);
    cr_expect_not(stream_next(stream, &event));
    stream_refresh(stream);
    unsigned count = 0;
    while (stream_next(stream, &event))
        count++;
    cr_expect_eq(count, 2);
    cr_expect_eq(stream_image_count(stream), 2);
    cr_expect(writer_close(writer));
    stream_close(stream);
    remove_folder(folder);
}

Test(stream, keeps_few_descriptors_for_many_files)
{
    char *folder = make_folder();
    char name[16];
    for (unsigned i = 0; i < 300; i++) {
        uint64_t times[400];
        for (unsigned j = 0; j < 400; j++)
            times[j] = 1000 + j * 300 + i;
        snprintf(name, sizeof name, "%03u", i);
        write_times(folder, name, "host", 1, 1, times, 400);
    }
    struct stream *stream = stream_open(&folder, 1, NULL, NULL);
    struct event event;
    uint64_t expected = 1000;
    while (stream_next(stream, &event))
        cr_assert_eq(event.time_ns, expected++);
    cr_expect_eq(expected, 1000 + 300 * 400);
    int fd = dup(0);
    cr_expect_lt(fd, 128);
    close(fd);
    stream_close(stream);
    remove_folder(folder);
}

/* A sparse file whose cursor ran over its end, as a full or killed trace leaves it. */
Test(stream, reads_no_further_than_cursor_and_file)
{
    char *folder = make_folder();
    char path[128];
    size_t size = 0;
    unsigned char *bytes = sample_log(folder, &size);
    struct sockatlas_header *header = (void *)bytes;
    struct sample samples[SAMPLES_MAX];
    struct heard heard = {0};
    snprintf(path, sizeof path, "%s/x.atlas", folder);
    write_bytes(path, bytes, size);
    cr_assert_eq(truncate(path, 256 << 20), 0);
    cr_expect_eq(count_events(path, &heard), make_samples(samples));
    cr_expect_eq(heard.count, 0);
    header->size_limit = size;
    header->cursor += 1000;
    write_bytes(path, bytes, size);
    cr_expect_eq(count_events(path, &heard), make_samples(samples));
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    free(bytes);
    remove_folder(folder);
}

/* Publishes the record in `slot` of `path`, or takes that back. */
static void set_kind(const char *path, unsigned slot, unsigned char kind)
{
    int fd = open(path, O_WRONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, &kind, 1, SOCKATLAS_HEADER_SIZE + slot * SOCKATLAS_SLOT_SIZE), 1);
    close(fd);
}

Test(stream, waits_for_a_slot_of_a_live_trace_that_is_not_published_yet)
{
    char *folder = make_folder();
    char path[128];
    write_times(folder, "a", "boot", 1, 1, (uint64_t[]){5, 6, 7}, 3);
    snprintf(path, sizeof path, "%s/a.atlas", folder);
    set_kind(path, 1, 0);
    struct stream *stream = stream_open_live(&folder, 1, NULL, NULL);
    struct event event;
    cr_expect(stream_next(stream, &event));
    cr_expect_not(stream_next(stream, &event));
    set_kind(path, 1, SOCKATLAS_ERROR);
    stream_refresh(stream);
    cr_expect(stream_next(stream, &event) && event.slot == 1);
    cr_expect(stream_next(stream, &event) && event.slot == 2);
    cr_expect_not(stream_next(stream, &event));
    stream_close(stream);
    remove_folder(folder);
}

Test(stream, waits_for_no_slot_for_ever)
{
    char *folder = make_folder();
    char path[128];
    write_times(folder, "a", "boot", 1, 1, (uint64_t[]){5, 6, 7}, 3);
    snprintf(path, sizeof path, "%s/a.atlas", folder);
    set_kind(path, 0, 0);
    set_kind(path, 1, 0);
    struct stream *stream = stream_open_live(&folder, 1, NULL, NULL);
    struct event event;
    /* Once the patience is over, all slots of that age are passed by. */
    while (!stream_next(stream, &event))
        stream_refresh(stream);
    cr_expect_eq(event.slot, 2);
    stream_close(stream);
    stream = stream_open_live(&folder, 1, NULL, NULL);
    cr_expect_not(stream_next(stream, &event));
    stream_settle(stream);
    stream_refresh(stream);
    cr_expect(stream_next(stream, &event) && event.slot == 2);
    stream_close(stream);
    remove_folder(folder);
}

Test(stream, takes_a_log_once_its_header_is_whole)
{
    char *folder = make_folder();
    char path[128];
    struct event event;
    struct heard heard = {0};
    struct stream *stream = stream_open_live(&folder, 1, hear, &heard);
    snprintf(path, sizeof path, "%s/a.atlas", folder);
    write_bytes(path, SOCKATLAS_MAGIC, 8);
    stream_refresh(stream);
    cr_expect_not(stream_next(stream, &event));
    unlink(path);
    write_times(folder, "a", "boot", 1, 1, (uint64_t[]){5}, 1);
    stream_refresh(stream);
    cr_expect(stream_next(stream, &event));
    unlink(path);
    stream_refresh(stream);
    cr_expect_not(stream_next(stream, &event));
    cr_expect_eq(heard.count, 0);
    cr_expect(stream_may_grow(stream));
    stream_close(stream);
    remove_folder(folder);
}
