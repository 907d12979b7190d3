/* SPDX-License-Identifier: MIT
 *
 * The tables of fields.def, see fields.h.
 */
#include "analyzer/trace/fields.h"

#include <string.h>
#include <sys/socket.h>

#define LEAD(key)                                                                                                      \
    {                                                                                                                  \
        "\"" key "\":", sizeof("\"" key "\":") - 1                                                                     \
    }
#define MEMBER(type, member, key_, form_, unknown_, names_)                                                            \
    {                                                                                                                  \
        .key = (key_), .lead = LEAD(key_), .address = LEAD(key_ "_address"), .port = LEAD(key_ "_port"),               \
        .bytes = LEAD(key_ "_bytes"), .address_key = key_ "_address", .port_key = key_ "_port",                        \
        .bytes_key = key_ "_bytes", .form = FIELD_##form_, .unknown = FIELD_UNKNOWN_##unknown_,                        \
        .names = NAMES_##names_, .offset = offsetof(type, member), .width = sizeof(((type *)0)->member)                \
    }

static const struct field bodies[] = {
#define BODY(kind, body, member, key, form, unknown, names)                                                            \
    MEMBER(struct sockatlas_body_##body, member, key, form, unknown, names),
#include "analyzer/trace/fields.def"
};

const struct field fields_tcp[] = {
#define TCP(member, key, form, unknown, names) MEMBER(struct sockatlas_tcp, member, key, form, unknown, names),
#include "analyzer/trace/fields.def"
};
const unsigned fields_tcp_count = sizeof fields_tcp / sizeof *fields_tcp;
_Static_assert(sizeof fields_tcp / sizeof *fields_tcp <= FIELDS_MAX, "FIELDS_MAX");

const struct field fields_header[] = {
#define HEADER(member, key, form, unknown, names) MEMBER(struct sockatlas_header, member, key, form, unknown, names),
#include "analyzer/trace/fields.def"
};
const unsigned fields_header_count = sizeof fields_header / sizeof *fields_header;

/* The kind of each row of `bodies`. */
static const uint8_t kinds[] = {
#define BODY(kind, ...) SOCKATLAS_##kind,
#include "analyzer/trace/fields.def"
};

static struct layout layouts[256] = {
#define X(value, name, word_, body)                                                                                    \
    [value] = {.word = #word_, .body_size = sizeof(struct sockatlas_body_##body), .addresses = -1},
    SOCKATLAS_KINDS(X)
#undef X
};

static void find_untold(struct layout *layout)
{
    unsigned char bits[sizeof layout->without_field] = {0};
    memset(bits, 0xff, layout->body_size);
    for (unsigned i = 0; i < layout->fields_count; i++)
        memset(bits + layout->fields[i].offset, 0, layout->fields[i].width);
    memcpy(layout->without_field, bits, sizeof bits);
}

/* Finds each kind's rows, which are neighbours. */
__attribute__((constructor)) static void find_rows(void)
{
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct layout *layout = &layouts[kinds[i]];
        if (layout->fields_count++ == 0)
            layout->fields = &bodies[i];
        if (bodies[i].form == FIELD_ADDRESS && layout->addresses < 0)
            layout->addresses = (int8_t)(bodies[i].offset - offsetof(struct sockatlas_addresses, first_size));
    }
    for (unsigned kind = 0; kind < 256; kind++)
        find_untold(&layouts[kind]);
}

const struct layout *fields_layout(unsigned kind)
{
    return kind < 256 && layouts[kind].word != NULL ? &layouts[kind] : NULL;
}

unsigned fields_kind(const char *word)
{
    for (unsigned kind = 0; kind < 256; kind++)
        if (layouts[kind].word != NULL && strcmp(layouts[kind].word, word) == 0)
            return kind;
    return 0;
}

uint64_t field_get(const struct field *field, const void *structure)
{
    uint64_t value = 0;
    const unsigned char *from = (const unsigned char *)structure + field->offset;
    uint8_t byte = 0;
    uint16_t half = 0;
    uint32_t word = 0;
    bool is_signed = field->form == FIELD_SIGNED;
    switch (field->width) {
    case 1:
        memcpy(&byte, from, 1);
        return byte;
    case 2:
        memcpy(&half, from, 2);
        return half;
    case 4:
        memcpy(&word, from, 4);
        return is_signed ? (uint64_t)(int64_t)(int32_t)word : word;
    case 8:
        memcpy(&value, from, 8);
    }
    return value;
}

bool field_set(const struct field *field, void *structure, uint64_t value)
{
    unsigned char *to = (unsigned char *)structure + field->offset;
    uint8_t byte = (uint8_t)value;
    uint16_t half = (uint16_t)value;
    uint32_t word = (uint32_t)value;
    switch (field->width) {
    case 1:
        memcpy(to, &byte, 1);
        break;
    case 2:
        memcpy(to, &half, 2);
        break;
    case 4:
        memcpy(to, &word, 4);
        break;
    case 8:
        memcpy(to, &value, 8);
    }
    return field_get(field, structure) == value;
}

uint64_t field_ones(const struct field *field)
{
    return field->form == FIELD_SIGNED ? UINT64_MAX : UINT64_MAX >> (64 - 8 * field->width);
}

bool field_is_unknown(const struct field *field, uint64_t value)
{
    if (field->unknown == FIELD_UNKNOWN_ZERO || field->unknown == FIELD_UNKNOWN_LATER)
        return value == 0;
    return field->unknown == FIELD_UNKNOWN_ONES && value == field_ones(field);
}

int64_t fields_context(const struct field *fields, unsigned count, enum names_table table, const void *structure,
                       unsigned call)
{
    enum names_table wanted = table == NAMES_PROTOCOL ? NAMES_FAMILY : table == NAMES_OPTION ? NAMES_LEVEL : NAMES_NONE;
    if (table == NAMES_RESOLVER)
        return call;
    for (unsigned i = 0; wanted != NAMES_NONE && i < count; i++)
        if (fields[i].names == wanted)
            return (int64_t)field_get(&fields[i], structure);
    return 0;
}

bool fields_tell_all(const struct layout *layout, const void *body)
{
    uint64_t words[4], without_field = 0;
    memcpy(words, body, sizeof words);
    for (unsigned i = 0; i < 4; i++)
        without_field |= words[i] & layout->without_field[i];
    return without_field == 0;
}

size_t fields_tail_capacity(unsigned slots, size_t body_size)
{
    return SOCKATLAS_SLOT_SIZE - sizeof(struct sockatlas_common) - body_size +
           (size_t)(slots - 1) * SOCKATLAS_CONTINUATION_BYTES;
}

/* The byte at `offset` of the tail, which is below its space. */
static unsigned tail_byte(const unsigned char *record, size_t body_size, size_t offset)
{
    size_t at = sizeof(struct sockatlas_common) + body_size + offset;
    if (at < SOCKATLAS_SLOT_SIZE)
        return record[at];
    at -= SOCKATLAS_SLOT_SIZE;
    return record[SOCKATLAS_SLOT_SIZE * (1 + at / SOCKATLAS_CONTINUATION_BYTES) + 1 +
                  at % SOCKATLAS_CONTINUATION_BYTES];
}

static size_t address_size(unsigned size)
{
    return size == SOCKATLAS_ABSENT ? 0 : size;
}

/* NAME's tail: the two texts, then addresses that each state their family. */
static bool name_fits(const unsigned char *record, size_t capacity)
{
    const struct sockatlas_body_name *body = (const void *)(record + sizeof(struct sockatlas_common));
    size_t size = (size_t)body->name_size + body->service_size;
    for (unsigned i = 0; i < body->addresses_count && size <= capacity; i++) {
        unsigned family = size < capacity ? tail_byte(record, sizeof *body, size) : 0;
        if (family != AF_INET && family != AF_INET6)
            return false;
        size += family == AF_INET ? 5 : 17;
    }
    return size <= capacity;
}

bool fields_fit(const unsigned char *record, unsigned slots)
{
    const struct layout *layout = &layouts[record[0]];
    const unsigned char *body = record + sizeof(struct sockatlas_common);
    size_t capacity = fields_tail_capacity(slots, layout->body_size);
    size_t size = 0;
    if (layout->addresses >= 0) {
        const struct sockatlas_addresses *addresses = (const void *)(body + layout->addresses);
        size = address_size(addresses->first_size) + address_size(addresses->second_size);
    }
    switch (record[0]) {
    case SOCKATLAS_SEEN:
        size += ((const struct sockatlas_body_seen *)(const void *)body)->origin ? sizeof(uint64_t) : 0;
        break;
    case SOCKATLAS_OPTION:
        size += ((const struct sockatlas_body_option *)(const void *)body)->kept_size;
        size += ((const struct sockatlas_body_option *)(const void *)body)->effective_size;
        break;
    case SOCKATLAS_EXEC:
        size += ((const struct sockatlas_body_exec *)(const void *)body)->path_size;
        break;
    case SOCKATLAS_SPAWN:
        size += ((const struct sockatlas_body_spawn *)(const void *)body)->path_size;
        break;
    case SOCKATLAS_NAME:
        return name_fits(record, capacity);
    case SOCKATLAS_COVERAGE:
        size += ((const struct sockatlas_body_coverage *)(const void *)body)->detail_size;
        break;
    case SOCKATLAS_RUN:
        size += ((const struct sockatlas_body_run *)(const void *)body)->command_size;
        break;
    case SOCKATLAS_UNTRACED:
        size += ((const struct sockatlas_body_untraced *)(const void *)body)->comm_size;
        size += ((const struct sockatlas_body_untraced *)(const void *)body)->exe_size;
        break;
    case SOCKATLAS_ENDED:
        if (((const struct sockatlas_body_ended *)(const void *)body)->bytes_received != SOCKATLAS_BYTES_UNKNOWN)
            size += SOCKATLAS_TCP_LEAST;
        break;
    default:
        break;
    }
    return size <= capacity;
}
