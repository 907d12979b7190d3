/* SPDX-License-Identifier: MIT
 *
 * JSON Lines: an export read back is the same trace, and bad lines cost themselves only.
 */
#include "analyzer/trace/jsonl.h"
#include "tests/unit/trace.h"

/* Exports what `trace` has to FOLDER/NAME; returns how many events. */
static unsigned export_to(const char *trace, const char *path)
{
    char *traces[] = {(char *)trace};
    struct stream *stream = stream_open(traces, 1, NULL, NULL);
    FILE *out = fopen(path, "w");
    struct event event;
    unsigned count = 0;
    cr_assert_not_null(out);
    for (unsigned i = 0; i < stream_image_count(stream); i++)
        json_print_line(out, jsonl_image(stream_image(stream, i)));
    for (; stream_next(stream, &event); count++)
        json_print_line(out, jsonl_event(&event));
    fclose(out);
    cr_expect_eq(stream_errors(stream), 0);
    stream_close(stream);
    return count;
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
        cJSON *object = jsonl_event(&event);
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
    unsigned char slots[2 * SOCKATLAS_SLOT_SIZE] = {SOCKATLAS_LISTEN, [60] = 0xab, [64] = 255, [100] = 1};
    struct trace_image image = {.name = "x", .path = "x"};
    struct event event = {.image = &image, .record = slots, .slots = 2};
    unsigned char back[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    unsigned count = 0;
    event_common(&event);
    cJSON *object = jsonl_event(&event);
    char *text = cJSON_PrintUnformatted(object);
    cJSON *parsed = cJSON_Parse(text);
    cr_expect_null(jsonl_parse_event(text, parsed, back, &count));
    cr_expect_eq(count, 2);
    cr_expect_eq(memcmp(slots, back, sizeof slots), 0);
    cJSON_Delete(object);
    cJSON_Delete(parsed);
    free(text);
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

Test(jsonl, says_which_line_is_bad_and_keeps_the_others)
{
    char *folder = make_folder();
    char log[128], lines[128], bad[128], expected[256];
    snprintf(log, sizeof log, "%s/all.atlas", folder);
    snprintf(lines, sizeof lines, "%s/lines.jsonl", folder);
    snprintf(bad, sizeof bad, "%s/bad.jsonl", folder);
    write_samples(folder, "all");
    unsigned count = export_to(log, lines);
    char *text = contents(lines);
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
    strcpy(third, "");
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
    char log[128], lines[128], bad[128], expected[256];
    snprintf(log, sizeof log, "%s/all.atlas", folder);
    snprintf(lines, sizeof lines, "%s/lines.jsonl", folder);
    snprintf(bad, sizeof bad, "%s/bad.jsonl", folder);
    write_samples(folder, "all");
    unsigned count = export_to(log, lines);
    char *text = contents(lines);
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
