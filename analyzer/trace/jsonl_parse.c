/* SPDX-License-Identifier: MIT
 *
 * JSON objects back to headers and records, see jsonl.h.
 */
#include "analyzer/trace/decode.h"
#include "analyzer/trace/fields.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/text.h"
#include "analyzer/trace/writer.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#define TAIL_MAX (SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE)

/* What is being rebuilt. */
struct reading {
    const char *line;
    struct json_cursor cursor;
    void *structure;
    const struct field *fields;
    unsigned fields_count;
    int addresses; /* offset of struct sockatlas_addresses in the structure */
    unsigned call;
    unsigned char tail[TAIL_MAX];
    size_t tail_size;
};

static bool add_tail(struct reading *reading, const void *bytes, size_t size)
{
    if (size > sizeof reading->tail - reading->tail_size)
        return false;
    memcpy(reading->tail + reading->tail_size, bytes, size);
    reading->tail_size += size;
    return true;
}

static const cJSON *item_of(struct reading *reading, const char *key)
{
    return json_find(&reading->cursor, key);
}

static const char *text_of(struct reading *reading, const char *key)
{
    return cJSON_GetStringValue(item_of(reading, key));
}

static int64_t context_of(const struct reading *reading, enum names_table table)
{
    return fields_context(reading->fields, reading->fields_count, table, reading->structure, reading->call);
}

/* A number, a name, true or false, or null where the field can be unknown. */
static bool read_integer(struct reading *reading, const struct field *field)
{
    const cJSON *item = item_of(reading, field->key);
    uint64_t value = 0;
    int64_t named = 0;
    if (!item)
        return false;
    if (cJSON_IsNull(item)) {
        if (field->unknown == FIELD_UNKNOWN_VALUE)
            return false;
        value = field->unknown == FIELD_UNKNOWN_ONES ? field_ones(field) : 0;
    } else if (cJSON_IsString(item)) {
        if (!names_value(field->names, context_of(reading, field->names), item->valuestring, &named))
            return false;
        value = (uint64_t)named;
    } else if (cJSON_IsBool(item)) {
        value = cJSON_IsTrue(item);
    } else if (!json_item_integer(reading->line, item, &value)) {
        return false;
    }
    return field_set(field, reading->structure, value);
}

static bool read_flags(struct reading *reading, const struct field *field)
{
    const cJSON *array = item_of(reading, field->key);
    const cJSON *item = NULL;
    uint64_t value = 0;
    if (!cJSON_IsArray(array))
        return false;
    cJSON_ArrayForEach(item, array)
    {
        const char *word = cJSON_GetStringValue(item);
        if (word != NULL && strcmp(word, "CLOEXEC") == 0)
            value |= SOCKATLAS_CLOEXEC;
        else if (word != NULL && strcmp(word, "NONBLOCK") == 0)
            value |= SOCKATLAS_NONBLOCK;
        else if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= UINT32_MAX)
            value |= (uint64_t)item->valuedouble;
        else
            return false;
    }
    return field_set(field, reading->structure, value);
}

/* Whether a member that earlier exports do not have is not there: then it stays 0. */
static bool is_earlier(struct reading *reading, const struct field *field)
{
    return field->unknown == FIELD_UNKNOWN_LATER && item_of(reading, field->key) == NULL;
}

static bool read_text(struct reading *reading, const struct field *field)
{
    const char *text = text_of(reading, field->key);
    size_t size = 0;
    return text != NULL && text_unescape(text, (char *)reading->structure + field->offset, field->width, &size);
}

static bool read_arguments(struct reading *reading, const struct field *field)
{
    struct sockatlas_header *header = reading->structure;
    const cJSON *array = item_of(reading, field->key);
    const cJSON *item = NULL;
    size_t at = 0;
    if (!cJSON_IsArray(array))
        return false;
    cJSON_ArrayForEach(item, array)
    {
        size_t size = 0;
        if (!cJSON_IsString(item) ||
            !text_unescape(item->valuestring, header->cmdline + at, sizeof header->cmdline - at, &size))
            return false;
        at += size + 1;
    }
    bool cut = cJSON_IsTrue(item_of(reading, "cmdline_cut"));
    header->cmdline_size = (uint32_t)(at - (cut && at > 0));
    return header->cmdline_size <= sizeof header->cmdline;
}

static bool read_address(struct reading *reading, const struct field *field)
{
    unsigned char encoded[160];
    struct address address;
    uint64_t port = 0;
    unsigned family = ((const unsigned char *)reading->structure)[reading->addresses];
    const cJSON *item = item_of(reading, field->address_key);
    const char *text = cJSON_GetStringValue(item);
    if (text == NULL)
        return cJSON_IsNull(item) && field_set(field, reading->structure, SOCKATLAS_ABSENT);
    item = item_of(reading, field->port_key);
    if (!cJSON_IsNull(item) && !json_item_integer(reading->line, item, &port))
        return false;
    if (port > UINT16_MAX || !address_parse(&address, family, text, (unsigned)port))
        return false;
    size_t size = address_encode_as(&address, family, encoded);
    return add_tail(reading, encoded, size) && field_set(field, reading->structure, size);
}

static bool read_tail_text(struct reading *reading, const struct field *field)
{
    const char *text = text_of(reading, field->key);
    size_t size = 0;
    size_t space = sizeof reading->tail - reading->tail_size;
    if (text == NULL || !text_unescape(text, reading->tail + reading->tail_size, space, &size))
        return false;
    reading->tail_size += size;
    return field_set(field, reading->structure, size);
}

static bool read_option(struct reading *reading, const struct field *field)
{
    size_t size = 0;
    size_t space = sizeof reading->tail - reading->tail_size;
    const char *text = text_of(reading, field->bytes_key);
    if (text == NULL || !text_unhex(text, reading->tail + reading->tail_size, space, &size))
        return false;
    reading->tail_size += size;
    return field_set(field, reading->structure, size);
}

static bool read_tail_cookie(struct reading *reading, const struct field *field)
{
    uint64_t cookie = 0;
    return json_item_cookie(item_of(reading, field->key), &cookie) &&
           (!field_get(field, reading->structure) || add_tail(reading, &cookie, sizeof cookie));
}

static bool read_addresses(struct reading *reading, const struct field *field)
{
    const cJSON *array = item_of(reading, field->key);
    const cJSON *item = NULL;
    uint64_t count = 0;
    if (!cJSON_IsArray(array))
        return false;
    cJSON_ArrayForEach(item, array)
    {
        unsigned char bytes[17];
        bool string = cJSON_IsString(item);
        if (string && inet_pton(AF_INET, item->valuestring, bytes + 1) == 1)
            bytes[0] = AF_INET;
        else if (string && inet_pton(AF_INET6, item->valuestring, bytes + 1) == 1)
            bytes[0] = AF_INET6;
        else
            return false;
        if (!add_tail(reading, bytes, bytes[0] == AF_INET ? 5 : 17))
            return false;
        count++;
    }
    return field_set(field, reading->structure, count);
}

static const char *read_fields(struct reading *reading);

static bool read_tcp(struct reading *reading, const struct field *field)
{
    const cJSON *item = item_of(reading, field->key);
    struct sockatlas_tcp tcp = {0};
    if (!cJSON_IsObject(item))
        return cJSON_IsNull(item);
    /* All its numbers are of 32 bits: the line is not needed. */
    struct reading nested = {
        .cursor = {item, item->child}, .structure = &tcp, .fields = fields_tcp, .fields_count = fields_tcp_count};
    return read_fields(&nested) == NULL && add_tail(reading, &tcp, sizeof tcp);
}

static bool read_field(struct reading *reading, const struct field *field)
{
    uint64_t cookie = 0;
    if (is_earlier(reading, field))
        return true;
    switch (field->form) {
    case FIELD_UNSIGNED:
    case FIELD_SIGNED:
    case FIELD_BOOLEAN:
        return read_integer(reading, field);
    case FIELD_HEX:
        return json_item_cookie(item_of(reading, field->key), &cookie) && field_set(field, reading->structure, cookie);
    case FIELD_FLAGS:
        return read_flags(reading, field);
    case FIELD_TEXT:
        return read_text(reading, field);
    case FIELD_ARGUMENTS:
        return read_arguments(reading, field);
    case FIELD_ADDRESS:
        return read_address(reading, field);
    case FIELD_TAIL_TEXT:
        return read_tail_text(reading, field);
    case FIELD_TAIL_OPTION:
        return read_option(reading, field);
    case FIELD_TAIL_COOKIE:
        return read_tail_cookie(reading, field);
    case FIELD_TAIL_ADDRESSES:
        return read_addresses(reading, field);
    case FIELD_TAIL_TCP:
        return read_tcp(reading, field);
    }
    return false;
}

/* NULL, or the key of the field that is missing or bad. */
static const char *read_fields(struct reading *reading)
{
    for (unsigned i = 0; i < reading->fields_count; i++)
        if (!read_field(reading, &reading->fields[i]))
            return reading->fields[i].key;
    return NULL;
}

/* What is wrong with the field `key`, valid until the next call. */
static const char *bad(const char *key)
{
    static char what[64];
    snprintf(what, sizeof what, "missing or bad \"%s\"", key);
    return what;
}

/* A symbolic value of the common fields. */
static bool read_named(struct reading *reading, const char *key, enum names_table table, uint64_t *value)
{
    const cJSON *item = item_of(reading, key);
    int64_t named = 0;
    *value = 0;
    if (cJSON_IsNull(item))
        return true;
    if (!cJSON_IsString(item))
        return json_item_integer(reading->line, item, value);
    bool good = names_value(table, 0, item->valuestring, &named);
    *value = (uint64_t)named;
    return good;
}

static bool read_number(struct reading *reading, const char *key, uint64_t *value)
{
    return json_item_integer(reading->line, item_of(reading, key), value);
}

static bool read_descriptor(struct reading *reading, uint64_t *fd)
{
    const cJSON *item = item_of(reading, "fd");
    if (cJSON_IsNull(item))
        return true;
    return json_item_integer(reading->line, item, fd) && (int64_t)*fd >= INT32_MIN && (int64_t)*fd <= INT32_MAX;
}

static const char *read_common(struct reading *reading, struct sockatlas_common *common)
{
    uint64_t pid = 0, tid = 0, fd = UINT64_MAX, call = 0, error = 0;
    if (!read_number(reading, "time_ns", &common->time_ns))
        return "time_ns";
    if (!read_number(reading, "pid", &pid) || pid > JSONL_PID_MAX)
        return "pid";
    if (!read_number(reading, "tid", &tid) || tid > JSONL_PID_MAX)
        return "tid";
    if (!read_descriptor(reading, &fd))
        return "fd";
    if (!json_item_cookie(item_of(reading, "cookie"), &common->cookie))
        return "cookie";
    if (!read_named(reading, "call", NAMES_CALL, &call) || call > UINT8_MAX)
        return "call";
    if (!read_named(reading, "error", NAMES_ERRNO, &error) || error > JSONL_ERROR_MAX)
        return "error";
    common->pid = pid & JSONL_PID_MAX;
    common->tid = tid & JSONL_PID_MAX;
    common->fd = (int32_t)fd;
    common->call = (uint8_t)call;
    common->error = error & JSONL_ERROR_MAX;
    return NULL;
}

/* The record as it was, where the line has it; it must be whole slots of the right kinds. */
static bool read_raw(const char *text, unsigned kind, uint32_t version, unsigned char *slots, unsigned *count)
{
    size_t size = 0;
    struct decode_space space;
    unsigned char *record = slots;
    if (!text_unhex(text, slots, TAIL_MAX, &size) || size == 0 || size % SOCKATLAS_SLOT_SIZE != 0 || slots[0] != kind)
        return false;
    *count = (unsigned)(size / SOCKATLAS_SLOT_SIZE);
    if (decode_record(&record, count, version, &space) != DECODE_GOOD || *count > SOCKATLAS_RECORD_SLOTS_MAX)
        return false;
    if (record != slots)
        memcpy(slots, record, (size_t)*count * SOCKATLAS_SLOT_SIZE);
    return true;
}

const char *jsonl_parse_event(const char *line, const cJSON *object, uint32_t version, void *slots, unsigned *count)
{
    const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "event"));
    const char *raw = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "raw"));
    unsigned kind = word == NULL ? 0 : fields_kind(word);
    const struct layout *layout = fields_layout(kind);
    if (layout == NULL)
        return "unknown event";
    if (raw != NULL)
        return read_raw(raw, kind, version, slots, count) ? NULL : bad("raw");
    _Alignas(8) unsigned char body[SOCKATLAS_SLOT_SIZE] = {0};
    struct sockatlas_common common = {.kind = (uint8_t)kind};
    struct reading reading = {.line = line,
                              .cursor = {.object = object},
                              .structure = body,
                              .fields = layout->fields,
                              .fields_count = layout->fields_count,
                              .addresses = layout->addresses};
    const char *key = read_common(&reading, &common);
    if (key != NULL)
        return bad(key);
    reading.call = common.call;
    key = read_fields(&reading);
    if (key != NULL)
        return bad(key);
    *count = writer_record(slots, &common, body, layout->body_size, reading.tail, reading.tail_size);
    return *count == 0 ? "event too long" : NULL;
}

static const char *raw_image(const char *raw, struct sockatlas_header *header, uint32_t *version)
{
    struct sockatlas_header bytes;
    size_t size = 0;
    if (!text_unhex(raw, &bytes, sizeof bytes, &size) || size != sizeof bytes)
        return bad("raw");
    *version = bytes.version;
    decode_header(header, &bytes);
    return NULL;
}

const char *jsonl_parse_image(const char *line, const cJSON *object, struct sockatlas_header *header, uint32_t *version)
{
    const char *raw = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "raw"));
    *header = (struct sockatlas_header){
        .byte_order = SOCKATLAS_BYTE_ORDER, .header_size = SOCKATLAS_HEADER_SIZE, .slot_size = SOCKATLAS_SLOT_SIZE};
    memcpy(header->magic, SOCKATLAS_MAGIC, sizeof header->magic);
    if (raw != NULL)
        return raw_image(raw, header, version);
    struct reading reading = {.line = line,
                              .cursor = {.object = object},
                              .structure = header,
                              .fields = fields_header,
                              .fields_count = fields_header_count,
                              .addresses = -1};
    const char *key = read_fields(&reading);
    *version = header->version;
    if (header->version < SOCKATLAS_VERSION)
        header->version = SOCKATLAS_VERSION;
    return key == NULL ? NULL : bad(key);
}
