/* SPDX-License-Identifier: MIT
 *
 * Events and images as lines of JSON, see jsonl.h.
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
    if (!names_has_context(table))
        return 0;
    return fields_context(writing->fields, writing->fields_count, table, writing->structure,
                          writing->event ? writing->event->call : 0);
}

static void write_lead(const struct writing *writing, const struct field_lead *lead)
{
    members_lead(writing->to, lead->text, lead->size);
}

/* The most frequent form by far, so it goes past members.h: its key and its digits into one piece of space. */
static void write_number(const struct writing *writing, const struct field *field, uint64_t value)
{
    struct buffer *text = &writing->to->text;
    char *at = mempcpy(buffer_space(text, UINT8_MAX + TEXT_INTEGER_MAX + 1), field->lead.text, field->lead.size);
    if (value < 10)
        *at++ = (char)('0' + value);
    else if (field->form == FIELD_SIGNED)
        at = text_signed((int64_t)value, at);
    else
        at = text_unsigned(value, at);
    *at++ = ',';
    buffer_end(text, at);
}

static void write_integer(const struct writing *writing, const struct field *field, uint64_t value)
{
    bool unknown = field->unknown != FIELD_UNKNOWN_VALUE && field_is_unknown(field, value);
    const char *name = NULL;
    if (!unknown && field->names != NAMES_NONE)
        name = names_find(field->names, context_of(writing, field->names), (int64_t)value);
    if (unknown || name != NULL) {
        write_lead(writing, &field->lead);
        members_put_word(writing->to, name);
    } else if (field->form == FIELD_BOOLEAN && value <= 1) {
        write_lead(writing, &field->lead);
        members_put_boolean(writing->to, value == 1);
    } else {
        write_number(writing, field, value);
    }
}

static void write_flags(const struct writing *writing, const struct field *field, uint64_t value)
{
    const uint64_t known = SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK;
    write_lead(writing, &field->lead);
    members_open(writing->to, NULL, '[');
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
    write_lead(writing, &field->lead);
    members_put_escaped(writing->to, text, size);
}

static void write_arguments(const struct writing *writing, const struct field *field)
{
    const struct sockatlas_header *header = writing->structure;
    size_t size = header->cmdline_size < sizeof header->cmdline ? header->cmdline_size : sizeof header->cmdline;
    write_lead(writing, &field->lead);
    members_open(writing->to, NULL, '[');
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
    struct address address = {.family = AF_UNSPEC};
    unsigned family = ((const unsigned char *)writing->structure)[writing->layout->addresses];
    bool there = size != SOCKATLAS_ABSENT && take_tail(writing, encoded, size) == size &&
                 address_decode(&address, family, encoded, size);
    writing->without_field |= size != SOCKATLAS_ABSENT && !(there && is_in_text(&address, family, encoded, size));
    if (!there)
        address.family = AF_UNSPEC;
    write_lead(writing, &field->address);
    members_put_text(writing->to, address_text(&address, text));
    write_lead(writing, &field->port);
    members_put_integer(writing->to, address.family == AF_INET || address.family == AF_INET6, address.port);
}

/* An option's value: a number where it is one, else text as option_text() has it; null when there are no bytes. */
static void write_value(struct members *to, const struct sockatlas_body_option *body, const void *bytes, size_t size)
{
    char text[OPTION_TEXT_MAX];
    int64_t number = 0;
    if (size == 0)
        members_put_word(to, NULL);
    else if (!option_number(body->level, body->name, bytes, size, &number))
        members_put_text(to, option_text(body->level, body->name, bytes, size, text));
    else if (option_type(body->level, body->name) == OPTION_UNSIGNED)
        members_put_unsigned(to, (uint64_t)number);
    else
        members_put_integer(to, true, number);
}

static void write_option(struct writing *writing, const struct field *field, uint64_t size)
{
    unsigned char bytes[TAIL_MAX];
    size_t taken = take_tail(writing, bytes, size);
    write_lead(writing, &field->lead);
    write_value(writing->to, writing->structure, bytes, taken);
    write_lead(writing, &field->bytes);
    members_put_hex(writing->to, bytes, taken);
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

static void write_tail_cookie(struct writing *writing, const struct field *field, uint64_t there)
{
    unsigned char bytes[TAIL_MAX];
    uint64_t cookie = 0;
    if (there && take_tail(writing, bytes, sizeof cookie) == sizeof cookie)
        memcpy(&cookie, bytes, sizeof cookie);
    members_cookie(writing->to, field->key, cookie);
}

static void write_addresses(struct writing *writing, const struct field *field, uint64_t count)
{
    write_lead(writing, &field->lead);
    members_open(writing->to, NULL, '[');
    for (uint64_t i = 0; i < count; i++)
        write_result(writing);
    members_close(writing->to);
}

static void write_fields(struct writing *writing);

static void write_tcp(struct writing *writing, const struct field *field)
{
    struct sockatlas_tcp tcp;
    if (!event_tcp(writing->event, &tcp)) {
        write_lead(writing, &field->lead);
        members_put_word(writing->to, NULL);
        return;
    }
    writing->tail_used += sizeof tcp;
    struct writing nested = {
        .to = writing->to, .structure = &tcp, .fields = fields_tcp, .fields_count = fields_tcp_count};
    write_lead(writing, &field->lead);
    members_open(writing->to, NULL, '{');
    write_fields(&nested);
    members_close(writing->to);
}

static void write_tail_text(struct writing *writing, const struct field *field, uint64_t size)
{
    unsigned char bytes[TAIL_MAX];
    size_t taken = take_tail(writing, bytes, size);
    write_lead(writing, &field->lead);
    members_put_escaped(writing->to, bytes, taken);
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
    case FIELD_TAIL_COOKIE:
        write_tail_cookie(writing, field, size);
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
        write_lead(writing, &field->lead);
        members_put_cookie(writing->to, value);
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
    size_t size = event_tail_capacity(writing->event, body_size) - writing->tail_used;
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

bool jsonl_print(struct members *line, const struct event *event, FILE *out)
{
    members_line(line);
    jsonl_members(line, event);
    return members_print(line, out);
}

/* Whether the line's members so far give the same header when they are read back. */
static bool is_whole(struct members *line, const struct sockatlas_header *header)
{
    struct members copy = {0};
    struct sockatlas_header back;
    uint32_t version;
    buffer_add(&copy.text, line->text.text, line->text.size);
    const struct buffer *text = members_end(&copy);
    buffer_add(&copy.text, "", 1);
    cJSON *object = cJSON_Parse(text->text);
    bool whole = object != NULL && jsonl_parse_image(text->text, object, &back, &version) == NULL &&
                 memcmp(&back, header, sizeof back) == 0;
    cJSON_Delete(object);
    members_free(&copy);
    return whole;
}

bool jsonl_print_image(struct members *line, const struct trace_image *image, FILE *out)
{
    struct writing writing = {
        .to = line, .structure = &image->header, .fields = fields_header, .fields_count = fields_header_count};
    members_line(line);
    members_word(line, "event", "image");
    members_unsigned(line, "image", image->id);
    members_unsigned(line, "host", image->host);
    members_escaped(line, "file", image->name, strlen(image->name));
    members_integer(line, "log_owner", image->foreign, image->owner);
    write_fields(&writing);
    if (!is_whole(line, &image->header))
        members_hex(line, "raw", &image->header, sizeof image->header);
    return members_print(line, out);
}
