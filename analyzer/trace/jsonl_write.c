/* SPDX-License-Identifier: MIT
 *
 * Events and images as JSON, see jsonl.h.
 */
#include "analyzer/trace/fields.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The longest tail that the slots of one record hold. */
#define TAIL_MAX (SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE)

/* What is being written: a structure's fields, and for a record its event and how much of its tail was taken. */
struct writing {
    cJSON *object;
    const void *structure;
    const struct field *fields;
    unsigned fields_count;
    const struct event *event; /* NULL: a structure without tail */
    const struct layout *layout;
    size_t tail_used;
};

/* Takes `size` bytes of the tail; the part that the record has, if it has less. */
static size_t take_tail(struct writing *writing, unsigned char out[TAIL_MAX], size_t size)
{
    size_t room = event_tail_room(writing->event, writing->layout->body_size);
    size_t rest = room > writing->tail_used ? room - writing->tail_used : 0;
    size = size < rest ? size : rest;
    event_tail(writing->event, writing->layout->body_size, writing->tail_used, out, size);
    writing->tail_used += size;
    return size;
}

/* The value of the field of this structure whose names are `table`; 0 when there is none. */
static int64_t value_named(const struct writing *writing, enum names_table table)
{
    for (unsigned i = 0; i < writing->fields_count; i++)
        if (writing->fields[i].names == table)
            return (int64_t)field_get(&writing->fields[i], writing->structure);
    return 0;
}

static int64_t context_of(const struct writing *writing, enum names_table table)
{
    switch (table) {
    case NAMES_PROTOCOL:
        return value_named(writing, NAMES_FAMILY);
    case NAMES_OPTION:
        return value_named(writing, NAMES_LEVEL);
    case NAMES_RESOLVER:
        return writing->event ? writing->event->call : 0;
    default:
        return 0;
    }
}

static void write_integer(const struct writing *writing, const struct field *field, uint64_t value)
{
    const char *name =
        field->names == NAMES_NONE ? NULL : names_find(field->names, context_of(writing, field->names), (int64_t)value);
    if (field_is_unknown(field, value))
        cJSON_AddNullToObject(writing->object, field->key);
    else if (name != NULL)
        cJSON_AddStringToObject(writing->object, field->key, name);
    else if (field->form == FIELD_BOOLEAN && value <= 1)
        cJSON_AddBoolToObject(writing->object, field->key, value == 1);
    else if (field->form == FIELD_SIGNED)
        json_add_signed(writing->object, field->key, (int64_t)value);
    else
        json_add_unsigned(writing->object, field->key, value);
}

static void write_flags(const struct writing *writing, const struct field *field, uint64_t value)
{
    cJSON *array = cJSON_AddArrayToObject(writing->object, field->key);
    if ((value & SOCKATLAS_CLOEXEC) != 0)
        cJSON_AddItemToArray(array, cJSON_CreateString("CLOEXEC"));
    if ((value & SOCKATLAS_NONBLOCK) != 0)
        cJSON_AddItemToArray(array, cJSON_CreateString("NONBLOCK"));
    value &= ~(uint64_t)(SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK);
    if (value != 0)
        cJSON_AddItemToArray(array, cJSON_CreateNumber((double)value));
}

static void write_arguments(const struct writing *writing, const struct field *field)
{
    const struct sockatlas_header *header = writing->structure;
    cJSON *array = cJSON_AddArrayToObject(writing->object, field->key);
    size_t size = header->cmdline_size < sizeof header->cmdline ? header->cmdline_size : sizeof header->cmdline;
    char text[TEXT_ESCAPED_MAX(sizeof header->cmdline)];
    for (size_t at = 0; at < size;) {
        size_t length = strnlen(header->cmdline + at, size - at);
        text_escape(header->cmdline + at, length, text);
        cJSON_AddItemToArray(array, cJSON_CreateString(text));
        at += length + 1;
    }
    cJSON_AddBoolToObject(writing->object, "cmdline_cut", size > 0 && header->cmdline[size - 1] != 0);
}

static void write_address(struct writing *writing, const struct field *field, uint64_t size)
{
    unsigned char encoded[TAIL_MAX];
    char text[ADDRESS_TEXT_MAX], address_key[64], port_key[64];
    struct address address = {0};
    const unsigned char *family = (const unsigned char *)writing->structure + writing->layout->addresses;
    if (size != SOCKATLAS_ABSENT) {
        size_t taken = take_tail(writing, encoded, size);
        if (taken == size)
            address_decode(&address, *family, encoded, size);
    }
    snprintf(address_key, sizeof address_key, "%s_address", field->key);
    snprintf(port_key, sizeof port_key, "%s_port", field->key);
    if (address_text(&address, text) != NULL)
        cJSON_AddStringToObject(writing->object, address_key, text);
    else
        cJSON_AddNullToObject(writing->object, address_key);
    if (address.family == AF_INET || address.family == AF_INET6)
        json_add_unsigned(writing->object, port_key, address.port);
    else
        cJSON_AddNullToObject(writing->object, port_key);
}

cJSON *jsonl_option(int level, int name, const void *bytes, size_t size)
{
    char text[OPTION_TEXT_MAX];
    int64_t number = 0;
    if (size == 0)
        return cJSON_CreateNull();
    if (!option_number(level, name, bytes, size, &number))
        return cJSON_CreateString(option_text(level, name, bytes, size, text));
    char digits[24];
    bool is_unsigned = option_type(level, name) == OPTION_UNSIGNED;
    snprintf(digits, sizeof digits, is_unsigned ? "%llu" : "%lld", (long long)number);
    return cJSON_CreateRaw(digits);
}

static void write_option(struct writing *writing, const struct field *field, uint64_t size)
{
    unsigned char bytes[TAIL_MAX];
    char key[64];
    const struct sockatlas_body_option *body = writing->structure;
    size_t taken = take_tail(writing, bytes, size);
    cJSON_AddItemToObject(writing->object, field->key, jsonl_option(body->level, body->name, bytes, taken));
    snprintf(key, sizeof key, "%s_bytes", field->key);
    json_add_hex(writing->object, key, bytes, taken);
}

static void write_addresses(struct writing *writing, const struct field *field, uint64_t count)
{
    cJSON *array = cJSON_AddArrayToObject(writing->object, field->key);
    unsigned char bytes[TAIL_MAX];
    char text[INET6_ADDRSTRLEN];
    for (uint64_t i = 0; i < count; i++) {
        if (take_tail(writing, bytes, 1) != 1)
            return;
        size_t size = bytes[0] == AF_INET ? 4 : 16;
        int family = bytes[0] == AF_INET ? AF_INET : AF_INET6;
        if (take_tail(writing, bytes, size) != size)
            return;
        cJSON_AddItemToArray(array, cJSON_CreateString(inet_ntop(family, bytes, text, sizeof text)));
    }
}

static void write_fields(struct writing *writing);

static void write_tcp(struct writing *writing, const struct field *field)
{
    struct sockatlas_tcp tcp;
    if (!event_tcp(writing->event, &tcp)) {
        cJSON_AddNullToObject(writing->object, field->key);
        return;
    }
    struct writing nested = {.object = cJSON_AddObjectToObject(writing->object, field->key),
                             .structure = &tcp,
                             .fields = fields_tcp,
                             .fields_count = fields_tcp_count};
    write_fields(&nested);
}

static void write_tail_field(struct writing *writing, const struct field *field, uint64_t size)
{
    unsigned char bytes[TAIL_MAX];
    switch (field->form) {
    case FIELD_ADDRESS:
        write_address(writing, field, size);
        break;
    case FIELD_TAIL_TEXT:
        json_add_text(writing->object, field->key, bytes, take_tail(writing, bytes, size));
        break;
    case FIELD_TAIL_OPTION:
        write_option(writing, field, size);
        break;
    case FIELD_TAIL_ADDRESSES:
        write_addresses(writing, field, size);
        break;
    case FIELD_TAIL_TCP:
        write_tcp(writing, field);
        break;
    default:
        break;
    }
}

static void write_field(struct writing *writing, const struct field *field)
{
    const char *text = (const char *)writing->structure + field->offset;
    uint64_t value = field_get(field, writing->structure);
    switch (field->form) {
    case FIELD_UNSIGNED:
    case FIELD_SIGNED:
    case FIELD_BOOLEAN:
        write_integer(writing, field, value);
        break;
    case FIELD_HEX:
        json_add_cookie(writing->object, field->key, value);
        break;
    case FIELD_FLAGS:
        write_flags(writing, field, value);
        break;
    case FIELD_TEXT:
        json_add_text(writing->object, field->key, text, strnlen(text, field->width));
        break;
    case FIELD_ARGUMENTS:
        write_arguments(writing, field);
        break;
    default:
        if (writing->event != NULL)
            write_tail_field(writing, field, value);
    }
}

static void write_fields(struct writing *writing)
{
    for (unsigned i = 0; i < writing->fields_count; i++)
        write_field(writing, &writing->fields[i]);
}

/* A symbolic value of the common fields: its name, its number where it has none, null for 0. */
static void add_named(cJSON *object, const char *key, enum names_table table, unsigned value)
{
    const char *name = names_find(table, 0, value);
    if (value == 0)
        cJSON_AddNullToObject(object, key);
    else if (name != NULL)
        cJSON_AddStringToObject(object, key, name);
    else
        json_add_unsigned(object, key, value);
}

static void write_common(cJSON *object, const struct event *event, const struct layout *layout)
{
    cJSON_AddStringToObject(object, "event", layout->word);
    json_add_signed(object, "time_us", event_time_us(event));
    json_add_unsigned(object, "time_ns", event->time_ns);
    json_add_unsigned(object, "host", event->image->host);
    json_add_unsigned(object, "image", event->image->id);
    json_add_unsigned(object, "slot", event->slot);
    json_add_unsigned(object, "pid", event->pid);
    json_add_unsigned(object, "tid", event->tid);
    if (event->fd == -1)
        cJSON_AddNullToObject(object, "fd");
    else
        json_add_signed(object, "fd", event->fd);
    json_add_cookie(object, "cookie", event->cookie);
    add_named(object, "call", NAMES_CALL, event->call);
    add_named(object, "error", NAMES_ERRNO, event->error);
}

cJSON *jsonl_event(const struct event *event)
{
    unsigned char slots[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    unsigned count = 0;
    cJSON *object = cJSON_CreateObject();
    const struct layout *layout = fields_layout(event->kind);
    write_common(object, event, layout);
    struct writing writing = {.object = object,
                              .structure = event_body(event),
                              .fields = layout->fields,
                              .fields_count = layout->fields_count,
                              .event = event,
                              .layout = layout};
    write_fields(&writing);
    size_t size = (size_t)event->slots * SOCKATLAS_SLOT_SIZE;
    if (jsonl_parse_event(NULL, object, slots, &count) != NULL || count != event->slots ||
        memcmp(slots, event->record, size) != 0)
        json_add_hex(object, "raw", event->record, size);
    return object;
}

cJSON *jsonl_image(const struct trace_image *image)
{
    struct sockatlas_header header;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "event", "image");
    json_add_unsigned(object, "image", image->id);
    json_add_unsigned(object, "host", image->host);
    json_add_text(object, "file", image->name, strlen(image->name));
    struct writing writing = {
        .object = object, .structure = &image->header, .fields = fields_header, .fields_count = fields_header_count};
    write_fields(&writing);
    if (jsonl_parse_image(NULL, object, &header) != NULL || memcmp(&header, &image->header, sizeof header) != 0)
        json_add_hex(object, "raw", &image->header, sizeof header);
    return object;
}
