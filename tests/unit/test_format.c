/* SPDX-License-Identifier: MIT
 *
 * Every kind of record: described by the field table, and written and read back unchanged.
 */
#include "analyzer/trace/fields.h"
#include "tests/unit/trace.h"

Test(format, describes_every_kind)
{
#define X(value, name, word_, body)                                                                                    \
    cr_expect_not_null(fields_layout(value), #word_);                                                                  \
    cr_expect_str_eq(fields_layout(value)->word, #word_);                                                              \
    cr_expect_eq(fields_kind(#word_), value);                                                                          \
    cr_expect(fields_layout(value)->fields_count > 0 || strcmp(#body, "none") == 0, "%s has no fields", #word_);
    SOCKATLAS_KINDS(X)
#undef X
    cr_expect_null(fields_layout(0));
    cr_expect_null(fields_layout(SOCKATLAS_CONTINUATION));
}

Test(format, reads_what_was_written)
{
    char *folder = make_folder();
    write_samples(folder, "all");
    struct sample samples[SAMPLES_MAX];
    unsigned count = make_samples(samples);
    struct heard heard = {0};
    struct stream *stream = stream_open(&folder, 1, hear, &heard);
    struct event event;
    unsigned i = 0;
    for (; stream_next(stream, &event); i++) {
        struct sockatlas_common common = sample_common(i, samples[i].kind);
        common.body_size = (uint8_t)samples[i].body_size;
        common.slots = (uint8_t)event.slots;
        cr_expect_eq(memcmp(event.record, &common, sizeof common), 0);
        cr_expect_eq(event.time_ns, common.time_ns);
        cr_expect_eq(event.fd, common.fd);
        cr_expect_eq(memcmp(event_body(&event), samples[i].body.bytes, samples[i].body_size), 0);
        unsigned char tail[512];
        cr_expect(event_tail(&event, samples[i].body_size, 0, tail, samples[i].tail_size));
        cr_expect_eq(memcmp(tail, samples[i].tail, samples[i].tail_size), 0, "tail of kind %u", event.kind);
        cr_expect_geq(event_tail_capacity(&event, samples[i].body_size), samples[i].tail_size);
    }
    cr_expect_eq(i, count);
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    cr_expect_eq(stream_image_count(stream), 1);
    cr_expect_str_eq(stream_image(stream, 0)->name, "all.atlas");
    cr_expect_eq(stream_image(stream, 0)->header.cmdline_size, 12);
    stream_close(stream);
    remove_folder(folder);
}

/* A writer that is older or newer than this reader, by what it knows of a body. */
Test(format, reads_bodies_of_other_sizes)
{
    static const unsigned char longer[SOCKATLAS_SLOT_SIZE] = {1, 0, 0, 0, AF_INET, 6, SOCKATLAS_ABSENT, 0, 77, 78};
    static const struct sockatlas_body_seen known = {
        .family = AF_INET, .tcp_state = 1, .addresses = {AF_INET, 6, SOCKATLAS_ABSENT, 0}, .connected_ms = 5};
    const struct {
        unsigned kind;
        const void *body;
        size_t size;
    } cases[] = {{SOCKATLAS_LISTEN, longer, 10}, {SOCKATLAS_SEEN, &known, 28}};
    char *folder = make_folder();
    struct sockatlas_header header = sample_header();
    struct writer *writer = writer_create(folder, "sizes", &header);
    for (unsigned i = 0; i < 2; i++) {
        struct sockatlas_common common = sample_common(i, cases[i].kind);
        cr_assert(writer_append(writer, &common, cases[i].body, cases[i].size, sample_v4, sizeof sample_v4));
    }
    cr_assert(writer_close(writer));
    struct heard heard = {0};
    struct stream *stream = stream_open(&folder, 1, hear, &heard);
    struct event event;
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    cr_assert(stream_next(stream, &event));
    cr_expect_eq(((const struct sockatlas_body_listen *)event_body(&event))->backlog, 1);
    event_addresses(&event, &address, NULL);
    cr_expect_str_eq(address_text_port(&address, text), "127.0.0.1:8080");
    cr_assert(stream_next(stream, &event));
    const struct sockatlas_body_seen *seen = event_body(&event);
    cr_expect_eq(seen->tcp_state, 1);
    cr_expect_eq(seen->connected_ms, 0, "not told");
    event_addresses(&event, &address, NULL);
    cr_expect_str_eq(address_text_port(&address, text), "127.0.0.1:8080");
    cr_expect_not(stream_next(stream, &event));
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    stream_close(stream);
    remove_folder(folder);
}

Test(format, refuses_tails_that_no_record_holds)
{
    unsigned char out[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    static const unsigned char tail[8192];
    struct sockatlas_common common = {.kind = SOCKATLAS_EXEC};
    size_t most = fields_tail_capacity(SOCKATLAS_RECORD_SLOTS_MAX, 4);
    cr_expect_eq(writer_record(out, &common, "body", 4, tail, most), SOCKATLAS_RECORD_SLOTS_MAX);
    cr_expect_eq(writer_record(out, &common, "body", 4, tail, most + 1), 0);
}

Test(format, decodes_addresses_and_tcp)
{
    char *folder = make_folder();
    write_samples(folder, "all");
    struct stream *stream = stream_open(&folder, 1, NULL, NULL);
    struct event event;
    struct address first, second;
    struct sockatlas_tcp tcp;
    char text[ADDRESS_TEXT_MAX];
    unsigned seen = 0;
    while (stream_next(stream, &event)) {
        event_addresses(&event, &first, &second);
        switch (event.kind) {
        case SOCKATLAS_BIND:
            cr_expect_str_eq(address_text(&first, text), "@abstract\\xff");
            cr_expect_str_eq(address_text(&second, text), "");
            seen++;
            break;
        case SOCKATLAS_CONNECT:
            cr_expect_str_eq(address_text_port(&first, text), "[fe80::1%2]:80");
            cr_expect_str_eq(address_text_port(&second, text), "10.0.0.1:80");
            seen++;
            break;
        case SOCKATLAS_ACCEPT:
            cr_expect_str_eq(address_text_port(&first, text), "127.0.0.1:8080");
            cr_expect_not(address_known(&second));
            seen++;
            break;
        case SOCKATLAS_CLOSE:
            cr_expect(event_tcp(&event, &tcp));
            cr_expect_eq(tcp.rtt_us, 123);
            cr_expect_eq(tcp.segs_in, 0xfffffffe);
            seen++;
            break;
        default:
            break;
        }
    }
    cr_expect_eq(seen, 4);
    stream_close(stream);
    remove_folder(folder);
}
