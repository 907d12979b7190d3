/* SPDX-License-Identifier: MIT
 *
 * JSON Lines: an export read back is the same trace, and bad lines cost themselves only.
 */
#include "analyzer/trace/fields.h"
#include "analyzer/trace/jsonl.h"
#include "tests/unit/trace.h"

/* Exports what `trace` has to FOLDER/NAME; returns how many events. */
static unsigned export_to(const char *trace, const char *path)
{
    char *traces[] = {(char *)trace};
    struct stream *stream = stream_open(traces, 1, NULL, NULL);
    FILE *out = fopen(path, "w");
    struct event event;
    struct members line = {0};
    unsigned count = 0;
    cr_assert_not_null(out);
    for (unsigned i = 0; i < stream_image_count(stream); i++)
        cr_assert(jsonl_print_image(&line, stream_image(stream, i), out));
    for (; stream_next(stream, &event); count++)
        cr_assert(jsonl_print(&line, &event, out));
    members_free(&line);
    fclose(out);
    cr_expect_eq(stream_errors(stream), 0);
    stream_close(stream);
    return count;
}

/* A line as it is written, its newline included, and a NUL behind it. */
static char *line_of(const struct event *event, size_t *size)
{
    char *text = NULL;
    struct members members = {0};
    FILE *out = open_memstream(&text, size);
    cr_assert(jsonl_print(&members, event, out));
    fclose(out);
    members_free(&members);
    return text;
}

static cJSON *object_of(const struct event *event)
{
    size_t size;
    char *line = line_of(event, &size);
    cJSON *object = cJSON_Parse(line);
    cr_assert_not_null(object);
    free(line);
    return object;
}

static char *contents(const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    char *text = calloc(1, 1 << 20);
    size_t size = fread(text, 1, (1 << 20) - 1, file);
    cr_expect_gt(size, 0);
    fclose(file);
    return text;
}

Test(jsonl, comes_back_byte_for_byte)
{
    char *folder = make_folder();
    char log[128], first[128], second[128];
    snprintf(log, sizeof log, "%s/all.atlas", folder);
    snprintf(first, sizeof first, "%s/first.jsonl", folder);
    snprintf(second, sizeof second, "%s/second.jsonl", folder);
    write_samples(folder, "all");
    cr_expect_gt(export_to(log, first), 0);
    cr_expect_gt(export_to(first, second), 0);
    char *a = contents(first), *b = contents(second);
    cr_expect_str_eq(a, b);
    free(a);
    free(b);

    char *logs[] = {log}, *lines[] = {first};
    struct stream *binary = stream_open(logs, 1, NULL, NULL), *json = stream_open(lines, 1, NULL, NULL);
    struct event one, other;
    while (stream_next(binary, &one)) {
        cr_assert(stream_next(json, &other));
        cr_expect_eq(one.slots, other.slots);
        cr_expect_eq(one.slot, other.slot);
        cr_expect_eq(memcmp(one.record, other.record, (size_t)one.slots * SOCKATLAS_SLOT_SIZE), 0, "kind %u", one.kind);
    }
    cr_expect_not(stream_next(json, &other));
    cr_expect_eq(memcmp(&stream_image(binary, 0)->header, &stream_image(json, 0)->header, SOCKATLAS_HEADER_SIZE), 0);
    stream_close(binary);
    stream_close(json);
    remove_folder(folder);
}

/* The fields say everything of every sample, but for what is null in JSON; then there are no raw bytes. */
Test(jsonl, needs_raw_bytes_only_for_damage)
{
    char *folder = make_folder();
    write_samples(folder, "all");
    struct stream *stream = stream_open(&folder, 1, NULL, NULL);
    struct event event;
    unsigned raw = 0;
    while (stream_next(stream, &event)) {
        cJSON *object = object_of(&event);
        bool has_raw = cJSON_HasObjectItem(object, "raw");
        raw += has_raw;
        cr_expect(!has_raw, "event %s: %s", cJSON_GetObjectItem(object, "event")->valuestring,
                  cJSON_PrintUnformatted(object));
        cJSON_Delete(object);
    }
    cr_expect_eq(raw, 0);
    stream_close(stream);
    remove_folder(folder);
}

Test(jsonl, keeps_bytes_that_no_field_tells)
{
    _Alignas(8) unsigned char slots[2 * SOCKATLAS_SLOT_SIZE] = {
        SOCKATLAS_LISTEN, [7] = sizeof(struct sockatlas_body_listen), [11] = 2, [60] = 0xab, [64] = 255, [100] = 1};
    struct trace_image image = {.name = "x", .path = "x"};
    struct event event = {.image = &image, .record = slots, .slots = 2};
    _Alignas(8) unsigned char back[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    unsigned count = 0;
    event_common(&event);
    size_t size;
    char *text = line_of(&event, &size);
    cJSON *parsed = cJSON_Parse(text);
    cr_expect_null(jsonl_parse_event(text, parsed, SOCKATLAS_VERSION, back, &count));
    cr_expect_eq(count, 2);
    cr_expect_eq(memcmp(slots, back, sizeof slots), 0);
    cJSON_Delete(parsed);
    free(text);
}

/* What is read straight out of a line must be what its parsed form gives; a line that is bad is read by neither. */
static bool read_alike(struct jsonl_scan *scan, const char *line, size_t size)
{
    static _Alignas(8) unsigned char straight[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    static _Alignas(8) unsigned char parsed[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    struct jsonl_scanned scanned;
    uint64_t slot = 0, image = 0;
    unsigned count = 0;
    if (!jsonl_scan_event(scan, line, size, straight, &scanned))
        return false;
    cJSON *object = cJSON_ParseWithLength(line, size);
    const char *fault = object ? jsonl_parse_event(line, object, SOCKATLAS_VERSION, parsed, &count) : "no JSON";
    bool same = fault == NULL && json_integer(line, object, "slot", &slot) &&
                json_integer(line, object, "image", &image) && slot == scanned.slot && image == scanned.image &&
                count == scanned.slots && memcmp(straight, parsed, (size_t)count * SOCKATLAS_SLOT_SIZE) == 0;
    cr_assert(same, "%s: %.*s", fault ? fault : "otherwise", (int)size, line);
    cJSON_Delete(object);
    return true;
}

/* What is left to the parser: addresses that a name has, which are an array, escapes, and numbers that may overflow. */
static bool needs_parser(unsigned kind, const char *line)
{
    size_t most = 0;
    for (const char *at = line; *at; at++) {
        size_t size = strspn(at, "0123456789");
        most = size > most ? size : most;
    }
    return kind == SOCKATLAS_NAME || strchr(line, '\\') != NULL || most > 19;
}

Test(jsonl, is_read_as_it_is_written)
{
    char *folder = make_folder();
    write_samples(folder, "all");
    struct stream *stream = stream_open(&folder, 1, NULL, NULL);
    struct jsonl_scan *scan = jsonl_scan_new();
    struct event event;
    unsigned read = 0;
    while (stream_next(stream, &event)) {
        size_t size;
        char *line = line_of(&event, &size);
        bool straight = read_alike(scan, line, size);
        cr_expect_neq(straight, needs_parser(event.kind, line), "%s", line);
        read += straight;
        free(line);
    }
    cr_expect_gt(read, 25);
    jsonl_scan_free(scan);
    stream_close(stream);
    remove_folder(folder);
}

/* Every byte of every line in turn is another one, is left out, or is the last. */
Test(jsonl, reads_no_damaged_line_otherwise)
{
    static const char others[] = "\"\\,:{}[]0-9ntf \n\x01\x80.eE";
    char *folder = make_folder();
    write_samples(folder, "all");
    struct stream *stream = stream_open(&folder, 1, NULL, NULL);
    struct jsonl_scan *scan = jsonl_scan_new();
    struct event event;
    unsigned straight = 0;
    while (stream_next(stream, &event)) {
        size_t size;
        char *line = line_of(&event, &size), *copy = malloc(size + 1);
        for (size_t at = 0; at < size; at++) {
            memcpy(copy, line, size + 1);
            copy[at] = others[(at + size) % (sizeof others - 1)];
            straight += read_alike(scan, copy, size);
            copy[at] = (char)(line[at] + 1);
            straight += read_alike(scan, copy, size);
            memmove(copy + at, line + at + 1, size - at);
            straight += read_alike(scan, copy, size - 1);
            memcpy(copy, line, at);
            straight += read_alike(scan, copy, at);
        }
        free(copy);
        free(line);
    }
    cr_expect_gt(straight, 100);
    jsonl_scan_free(scan);
    stream_close(stream);
    remove_folder(folder);
}

/* Whether the fields of a line, its raw bytes apart, say the whole record; and the line as such must. */
static bool told_by_fields(const struct event *event, bool *has_raw)
{
    static _Alignas(8) unsigned char back[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    size_t size = (size_t)event->slots * SOCKATLAS_SLOT_SIZE;
    unsigned count = 0;
    size_t length;
    char *text = line_of(event, &length);
    cJSON *parsed = cJSON_Parse(text);
    const char *fault = jsonl_parse_event(text, parsed, SOCKATLAS_VERSION, back, &count);
    cr_assert_null(fault, "%s: %s", fault, text);
    cr_assert(count == event->slots && memcmp(back, event->record, size) == 0, "%s", text);
    *has_raw = cJSON_HasObjectItem(parsed, "raw");
    cJSON_DeleteItemFromObject(parsed, "raw");
    bool told = jsonl_parse_event(text, parsed, SOCKATLAS_VERSION, back, &count) == NULL && count == event->slots &&
                memcmp(back, event->record, size) == 0;
    cJSON_Delete(parsed);
    free(text);
    return told;
}

/* A stream hands out records of such sizes only. */
static bool is_whole(const unsigned char *record, const struct event *event, size_t body_size)
{
    const struct sockatlas_common *common = (const void *)record;
    return common->slots == event->slots && common->body_size == body_size && common->use == 0;
}

/* The line is never read again when it is written: this is why it need not be. Each bit of each kind's sample is
 * flipped, and each byte set to what often means something. */
Test(jsonl, has_raw_bytes_exactly_where_the_fields_do_not_say_all)
{
    static struct sample samples[SAMPLES_MAX];
    static _Alignas(64) unsigned char slots[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    static const unsigned char bytes[] = {0, 1, 2, 10, 16, 40, 108, 126, 127, 254, 255};
    enum { CHANGES = 8 + sizeof bytes };
    struct trace_image image = {.name = "x", .path = "x"};
    unsigned samples_count = make_samples(samples), raw = 0, plain = 0;
    for (unsigned i = 0; i < samples_count; i++) {
        const struct sample *sample = &samples[i];
        struct sockatlas_common common = sample_common(i, sample->kind);
        struct event event = {.image = &image, .record = slots};
        event.slots =
            writer_record(slots, &common, sample->body.bytes, sample->body_size, sample->tail, sample->tail_size);
        size_t size = (size_t)event.slots * SOCKATLAS_SLOT_SIZE;
        for (size_t at = 1; at < size; at++) {
            unsigned char former = slots[at];
            for (unsigned change = 0; at % SOCKATLAS_SLOT_SIZE != 0 && change < CHANGES; change++) {
                slots[at] = change < 8 ? (unsigned char)(former ^ 1u << change) : bytes[change - 8];
                if (!is_whole(slots, &event, sample->body_size) || !fields_fit(slots, event.slots))
                    continue;
                bool has_raw;
                event_common(&event);
                bool told = told_by_fields(&event, &has_raw);
                cr_assert_eq(told, !has_raw, "kind %u, byte %zu of %zu: %u became %u", sample->kind, at, size, former,
                             slots[at]);
                raw += has_raw;
                plain += !has_raw;
            }
            slots[at] = former;
        }
        /* A slot that nothing needs. */
        bool has_raw;
        memset(slots + size, 0, SOCKATLAS_SLOT_SIZE);
        slots[size] = SOCKATLAS_CONTINUATION;
        ((struct sockatlas_common *)(void *)slots)->slots = (uint8_t)++event.slots;
        event_common(&event);
        cr_assert_eq(told_by_fields(&event, &has_raw), !has_raw, "kind %u with a slot more", sample->kind);
    }
    cr_expect_gt(raw, 1000);
    cr_expect_gt(plain, 1000);
}

static unsigned count_events(const char *path, struct heard *heard)
{
    char *traces[] = {(char *)path};
    struct event event;
    unsigned count = 0;
    struct stream *stream = stream_open(traces, 1, hear, heard);
    while (stream_next(stream, &event))
        count++;
    cr_expect_eq(stream_errors(stream), heard->count);
    stream_close(stream);
    return count;
}

/* All samples as lines, and how many; to be freed. */
static char *exported(const char *folder, unsigned *count)
{
    char log[128], lines[128];
    snprintf(log, sizeof log, "%s/all.atlas", folder);
    snprintf(lines, sizeof lines, "%s/lines.jsonl", folder);
    write_samples(folder, "all");
    *count = export_to(log, lines);
    return contents(lines);
}

Test(jsonl, says_which_line_is_bad_and_keeps_the_others)
{
    char *folder = make_folder();
    char bad[128], expected[256];
    snprintf(bad, sizeof bad, "%s/bad.jsonl", folder);
    unsigned count;
    char *text = exported(folder, &count);
    /* The third line loses its last byte but one, the closing brace. */
    char *third = strchr(strchr(text, '\n') + 1, '\n') + 1;
    *(strchr(third, '\n') - 1) = ' ';
    FILE *out = fopen(bad, "w");
    fputs(text, out);
    fclose(out);
    struct heard heard = {0};
    cr_expect_eq(count_events(bad, &heard), count - 1);
    cr_expect_eq(heard.count, 1);
    snprintf(expected, sizeof expected, "%s: not JSON, at line 3", bad);
    cr_expect_str_eq(heard.last, expected);

    /* Cut anywhere: the whole lines are read, and the cut one is said, once. */
    size_t size = strlen(text);
    *third = '\0';
    for (size_t at = 11; at < strlen(text); at += 97) {
        heard.count = 0;
        out = fopen(bad, "w");
        cr_expect_eq(fwrite(text, 1, at, out), at);
        fclose(out);
        count_events(bad, &heard);
        cr_expect_leq(heard.count, 1);
    }
    cr_expect_gt(size, 0);
    free(text);
    remove_folder(folder);
}

Test(jsonl, reads_integers_of_64_bits)
{
    const char *line =
        "{\"a\" : 18446744073709551615, \"b\":-9223372036854775808, \"c\":12, \"d\":1.5, \"t\":\"\\\"a\\\":3\"}";
    cJSON *object = cJSON_Parse(line);
    uint64_t value = 0;
    cr_expect(json_integer(line, object, "a", &value));
    cr_expect_eq(value, UINT64_MAX);
    cr_expect(json_integer(line, object, "b", &value));
    cr_expect_eq((int64_t)value, INT64_MIN);
    cr_expect(json_integer(line, object, "c", &value));
    cr_expect_eq(value, 12);
    cr_expect_not(json_integer(line, object, "d", &value));
    cr_expect_not(json_integer(line, object, "missing", &value));
    cJSON_Delete(object);
}

Test(jsonl, drops_a_line_without_an_end)
{
    char *folder = make_folder();
    char bad[128], expected[256];
    snprintf(bad, sizeof bad, "%s/bad.jsonl", folder);
    unsigned count;
    char *text = exported(folder, &count);
    char *second = strchr(text, '\n') + 1;
    FILE *out = fopen(bad, "w");
    fwrite(text, 1, (size_t)(second - text), out);
    for (unsigned i = 0; i < 3u << 20; i++)
        putc('{', out);
    fprintf(out, "\n%s", second);
    fclose(out);
    struct heard heard = {0};
    cr_expect_eq(count_events(bad, &heard), count);
    cr_expect_eq(heard.count, 1);
    snprintf(expected, sizeof expected, "%s: longer than any line of a trace, at line 2", bad);
    cr_expect_str_eq(heard.last, expected);
    free(text);
    remove_folder(folder);
}

/* Lines are read in pieces of some KiB: of any length around those, with NULs, in any order of their members, without
 * an end at the end. */
Test(jsonl, reads_lines_of_any_length)
{
    char *folder = make_folder();
    char path[128];
    snprintf(path, sizeof path, "%s/padded.jsonl", folder);
    unsigned count;
    char *text = exported(folder, &count);
    char *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1;
    int size = (int)(third - second - 1), next_size = (int)(strchr(third, '\n') - third);
    for (int length = 4080; length<3 * 4096 + 8; length += length % 4096> 16 && length % 4096 < 4080 ? 61 : 1) {
        struct heard heard = {0};
        bool cut = length % 2;
        FILE *out = fopen(path, "w");
        fwrite(text, 1, (size_t)(second - text), out);
        fprintf(out, "%*s%.*s\n", length - size, "", size, second); /* blanks are JSON's to skip */
        putc(0, out);
        fprintf(out, "\n%*s%.*s", length - next_size, "", next_size - cut, third);
        fclose(out);
        cr_expect_eq(count_events(path, &heard), 2u - cut, "%d bytes", length);
        cr_expect_eq(heard.count, 1u + cut, "%s", heard.last); /* the line that is a NUL */
        cr_expect(!cut || strstr(heard.last, ": cut short, at line 4"), "%s", heard.last);
    }
    free(text);
    remove_folder(folder);
}

Test(jsonl, finds_members_in_any_order)
{
    static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        char text[64];
        uint64_t value;
        snprintf(text, sizeof text, "{\"%c\":1,\"%c\":2,\"%c\":3}", orders[i][0], orders[i][1], orders[i][2]);
        cJSON *object = cJSON_Parse(text);
        struct json_cursor cursor = {.object = object};
        for (const char *key = "abcacbaa"; *key; key++) {
            cr_expect(json_item_integer(text, json_find(&cursor, (char[]){*key, 0}), &value));
            cr_expect_eq(value, (uint64_t)(strchr(orders[i], *key) - orders[i]) + 1);
            cr_expect_null(json_find(&cursor, "d"));
        }
        cJSON_Delete(object);
    }
}
