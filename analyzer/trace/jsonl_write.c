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
    struct members *to;
    const void *structure;
    const struct field *fields;
    unsigned fields_count;
    const struct event *event; /* NULL: a structure without tail */
    const struct layout *layout;
    size_t tail_used;
    bool without_field; /* something that was met has no field that tells it */
};

/* Takes `size` bytes of the tail; the part that the record has, if it has less. */
static size_t take_tail(struct writing *writing, unsigned char out[TAIL_MAX], size_t size)
{
    size_t taken = event_take(writing->event, writing->layout->body_size, &writing->tail_used, out, size);
    writing->without_field |= taken != size;
    return taken;
}

static int64_t context_of(const struct writing *writing, enum names_table table)
{
    return fields_context(writing->fields, writing->fields_count, table, writing->structure,
                          writing->event ? writing->event->call : 0);
}

static void write_integer(const struct writing *writing, const struct field *field, uint64_t value)
{
    const char *name = NULL;
    if (field->names != NAMES_NONE)
        name = names_find(field->names, context_of(writing, field->names), (int64_t)value);
    if (field_is_unknown(field, value))
        members_word(writing->to, field->key, NULL);
    else if (name != NULL)
        members_word(writing->to, field->key, name);
    else if (field->form == FIELD_BOOLEAN && value <= 1)
        members_boolean(writing->to, field->key, value == 1);
    else if (field->form == FIELD_SIGNED)
        members_integer(writing->to, field->key, true, (int64_t)value);
    else
        members_unsigned(writing->to, field->key, value);
}

static void write_flags(const struct writing *writing, const struct field *field, uint64_t value)
{
    const uint64_t known = SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK;
    members_open(writing->to, field->key, '[');
    if ((value & SOCKATLAS_CLOEXEC) != 0)
        members_word(writing->to, NULL, "CLOEXEC");
    if ((value & SOCKATLAS_NONBLOCK) != 0)
        members_word(writing->to, NULL, "NONBLOCK");
    if ((value & ~known) != 0)
        members_unsigned(writing->to, NULL, value & ~known);
    members_close(writing->to);
}

static void write_text(struct writing *writing, const struct field *field)
{
    const char *text = (const char *)writing->structure + field->offset;
    size_t size = strnlen(text, field->width);
    for (size_t i = size; i < field->width; i++)
        writing->without_field |= text[i] != 0;
    members_escaped(writing->to, field->key, text, size);
}

static void write_arguments(const struct writing *writing, const struct field *field)
{
    const struct sockatlas_header *header = writing->structure;
    size_t size = header->cmdline_size < sizeof header->cmdline ? header->cmdline_size : sizeof header->cmdline;
    members_open(writing->to, field->key, '[');
    for (size_t at = 0; at < size;) {
        size_t length = strnlen(header->cmdline + at, size - at);
        members_escaped(writing->to, NULL, header->cmdline + at, length);
        at += length + 1;
    }
    members_close(writing->to);
    members_boolean(writing->to, "cmdline_cut", size > 0 && header->cmdline[size - 1] != 0);
}

/* Not in an address's text: the scope of a mapped one; of other families what decoding leaves out. */
static bool is_in_text(const struct address *address, unsigned family, const unsigned char *encoded, size_t size)
{
    uint32_t scope = 0;
    if (family == AF_INET6 && address->family == AF_INET)
        memcpy(&scope, encoded + 18, sizeof scope);
    if (family == AF_PACKET || family == AF_NETLINK)
        return address->size == size && memcmp(address->bytes, encoded, size) == 0;
    return scope == 0;
}

static void write_address(struct writing *writing, const struct field *field, uint64_t size)
{
    unsigned char encoded[TAIL_MAX];
    char text[ADDRESS_TEXT_MAX];
    struct address address;
    unsigned family = ((const unsigned char *)writing->structure)[writing->layout->addresses];
    bool there = size != SOCKATLAS_ABSENT && take_tail(writing, encoded, size) == size &&
                 address_decode(&address, family, encoded, size);
    writing->without_field |= size != SOCKATLAS_ABSENT && !(there && is_in_text(&address, family, encoded, size));
    if (!there)
        address.family = AF_UNSPEC;
    members_text(writing->to, field->address_key, address_text(&address, text));
    if (address.family == AF_INET || address.family == AF_INET6)
        members_unsigned(writing->to, field->port_key, address.port);
    else
        members_word(writing->to, field->port_key, NULL);
}

/* An option's value: a number where it is one, else text as option_text() has it; null when there are no bytes. */
static void write_value(struct members *to, const char *key, const struct sockatlas_body_option *body,
                        const void *bytes, size_t size)
{
    char text[OPTION_TEXT_MAX];
    int64_t number = 0;
    if (size == 0)
        members_word(to, key, NULL);
    else if (!option_number(body->level, body->name, bytes, size, &number))
        members_text(to, key, option_text(body->level, body->name, bytes, size, text));
    else if (option_type(body->level, body->name) == OPTION_UNSIGNED)
        members_unsigned(to, key, (uint64_t)number);
    else
        members_integer(to, key, true, number);
}

static void write_option(struct writing *writing, const struct field *field, uint64_t size)
{
    unsigned char bytes[TAIL_MAX];
    size_t taken = take_tail(writing, bytes, size);
    write_value(writing->to, field->key, writing->structure, bytes, taken);
    members_hex(writing->to, field->bytes_key, bytes, taken);
}

static void write_result(struct writing *writing)
{
    unsigned char bytes[TAIL_MAX];
    char text[INET6_ADDRSTRLEN];
    if (take_tail(writing, bytes, 1) != 1)
        return;
    int family = bytes[0] == AF_INET ? AF_INET : AF_INET6;
    size_t size = family == AF_INET ? 4 : 16;
    writing->without_field |= bytes[0] != family;
    if (take_tail(writing, bytes, size) == size)
        members_text(writing->to, NULL, inet_ntop(family, bytes, text, sizeof text));
}

static void write_addresses(struct writing *writing, const struct field *field, uint64_t count)
{
    members_open(writing->to, field->key, '[');
    for (uint64_t i = 0; i < count; i++)
        write_result(writing);
    members_close(writing->to);
}

static void write_fields(struct writing *writing);

static void write_tcp(struct writing *writing, const struct field *field)
{
    struct sockatlas_tcp tcp;
    if (!event_tcp(writing->event, &tcp)) {
        members_word(writing->to, field->key, NULL);
        return;
    }
    writing->tail_used += sizeof tcp;
    struct writing nested = {
        .to = writing->to, .structure = &tcp, .fields = fields_tcp, .fields_count = fields_tcp_count};
    members_open(writing->to, field->key, '{');
    write_fields(&nested);
    members_close(writing->to);
}

static void write_tail_text(struct writing *writing, const struct field *field, uint64_t size)
{
    unsigned char bytes[TAIL_MAX];
    size_t taken = take_tail(writing, bytes, size);
    members_escaped(writing->to, field->key, bytes, taken);
}

/* Of a record. */
static void write_tail_field(struct writing *writing, const struct field *field, uint64_t size)
{
    switch (field->form) {
    case FIELD_ADDRESS:
        write_address(writing, field, size);
        break;
    case FIELD_TAIL_TEXT:
        write_tail_text(writing, field, size);
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
    uint64_t value = field_get(field, writing->structure);
    switch (field->form) {
    case FIELD_UNSIGNED:
    case FIELD_SIGNED:
    case FIELD_BOOLEAN:
        write_integer(writing, field, value);
        break;
    case FIELD_HEX:
        members_cookie(writing->to, field->key, value);
        break;
    case FIELD_FLAGS:
        write_flags(writing, field, value);
        break;
    case FIELD_TEXT:
        write_text(writing, field);
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
static void write_named(struct members *to, const char *key, enum names_table table, unsigned value)
{
    const char *name = value == 0 ? NULL : names_find(table, 0, value);
    if (value == 0 || name != NULL)
        members_word(to, key, name);
    else
        members_unsigned(to, key, value);
}

static void write_common(struct members *to, const struct event *event, const struct layout *layout)
{
    members_word(to, "event", layout->word);
    members_integer(to, "time_us", true, event_time_us(event));
    members_unsigned(to, "time_ns", event->time_ns);
    members_unsigned(to, "host", event->image->host);
    members_unsigned(to, "image", event->image->id);
    members_unsigned(to, "slot", event->slot);
    members_unsigned(to, "pid", event->pid);
    members_unsigned(to, "tid", event->tid);
    members_integer(to, "fd", event->fd != -1, event->fd);
    members_cookie(to, "cookie", event->cookie);
    write_named(to, "call", NAMES_CALL, event->call);
    write_named(to, "error", NAMES_ERRNO, event->error);
}

/* Whether behind what was taken of the tail there is something still, or a slot that nothing needs. */
static bool has_rest(const struct writing *writing)
{
    unsigned char rest[SOCKATLAS_SLOT_SIZE];
    size_t body_size = writing->layout->body_size;
    size_t size = event_tail_room(writing->event, body_size) - writing->tail_used;
    if (writing->event->slots > 1 && size >= SOCKATLAS_CONTINUATION_BYTES)
        return true;
    event_tail(writing->event, body_size, writing->tail_used, rest, size);
    unsigned found = 0;
    for (size_t i = 0; i < size; i++)
        found |= rest[i];
    return found != 0;
}

void jsonl_members(struct members *to, const struct event *event)
{
    const struct layout *layout = fields_layout(event->kind);
    struct writing writing = {.to = to,
                              .structure = event_body(event),
                              .fields = layout->fields,
                              .fields_count = layout->fields_count,
                              .event = event,
                              .layout = layout};
    write_common(to, event, layout);
    write_fields(&writing);
    if (writing.without_field || !fields_tell_all(layout, event_body(event)) || has_rest(&writing))
        members_hex(to, "raw", event->record, (size_t)event->slots * SOCKATLAS_SLOT_SIZE);
}

cJSON *jsonl_event(const struct event *event)
{
    struct members tree;
    cJSON *object = cJSON_CreateObject();
    members_tree(&tree, object);
    jsonl_members(&tree, event);
    return object;
}

bool jsonl_print(struct members *line, const struct event *event, FILE *out)
{
    members_line(line);
    jsonl_members(line, event);
    return members_print(line, out);
}

cJSON *jsonl_image(const struct trace_image *image)
{
    struct members tree;
    struct sockatlas_header header;
    uint32_t version;
    cJSON *object = cJSON_CreateObject();
    members_tree(&tree, object);
    members_word(&tree, "event", "image");
    members_unsigned(&tree, "image", image->id);
    members_unsigned(&tree, "host", image->host);
    members_escaped(&tree, "file", image->name, strlen(image->name));
    members_integer(&tree, "log_owner", image->foreign, image->owner);
    struct writing writing = {
        .to = &tree, .structure = &image->header, .fields = fields_header, .fields_count = fields_header_count};
    write_fields(&writing);
    if (jsonl_parse_image(NULL, object, &header, &version) != NULL ||
        memcmp(&header, &image->header, sizeof header) != 0)
        members_hex(&tree, "raw", &image->header, sizeof header);
    return object;
}
