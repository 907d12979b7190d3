/* SPDX-License-Identifier: MIT
 *
 * Events out of lines that stand exactly as jsonl_print() writes them: the members in its order, no white space, no
 * escapes. The next key is known before it is read, so it is compared and not looked for, and nothing is allocated.
 * Whatever else a line may be is not decided here: jsonl_parse_event() reads it, and says what is wrong with it.
 */
#include "analyzer/trace/address.h"
#include "analyzer/trace/fields.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/text.h"
#include "analyzer/trace/writer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    TAIL_MAX = SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE,
    LEAD_MAX = 32,
    NAME_MAX_SIZE = 32,
    ENCODED_MAX = 160
};

/* The name that a member had last, which it mostly has again. */
struct name {
    uint8_t size; /* 0: none yet */
    char text[NAME_MAX_SIZE];
    int64_t context;
    uint64_t value;
};

struct jsonl_scan {
    struct name names[256][FIELDS_MAX]; /* by kind and field */
    struct name tcp[FIELDS_MAX];
    uint8_t kinds[64]; /* kinds by their words' hash; the last one asked for */
    struct name call, error;
};

/* What is left of a line, and what was made of it. */
struct scanning {
    struct jsonl_scan *scan;
    const char *at, *end;
    void *structure;
    const struct field *fields;
    unsigned fields_count;
    int8_t addresses; /* as in struct layout */
    unsigned call;
    unsigned char *tail; /* space for TAIL_MAX; NULL: no field has one */
    size_t tail_size;
};

/* ---- What lines are made of ---- */

static bool take(struct scanning *line, const char *text, size_t size)
{
    if ((size_t)(line->end - line->at) < size || memcmp(line->at, text, size) != 0)
        return false;
    line->at += size;
    return true;
}

#define TAKE(line, literal) take((line), (literal), sizeof(literal) - 1)

static bool take_lead(struct scanning *line, char before, const struct field_lead *lead)
{
    if (*line->at != before)
        return false;
    line->at++;
    return take(line, lead->text, lead->size);
}

static bool take_null(struct scanning *line)
{
    return TAKE(line, "null");
}

/* Up to 19 digits: no such number overflows. The line's end is no digit. */
static bool take_unsigned(struct scanning *line, uint64_t *value)
{
    const char *at = line->at;
    uint64_t number = 0;
    for (; (unsigned char)(*at - '0') <= 9; at++)
        number = number * 10 + (unsigned char)(*at - '0');
    size_t size = (size_t)(at - line->at);
    if (size == 0 || size > 19 || (size > 1 && *line->at == '0'))
        return false;
    line->at = at;
    *value = number;
    return true;
}

static bool take_integer(struct scanning *line, uint64_t *value)
{
    bool negative = *line->at == '-';
    line->at += negative;
    if (!take_unsigned(line, value) || (negative && *value > INT64_MAX))
        return false;
    if (negative)
        *value = -*value;
    return true;
}

/* A string in which nothing is escaped; text.h's escapes need a backslash as well. */
static bool take_string(struct scanning *line, const char **text, size_t *size)
{
    static const bool stops[256] = {[0 ... 31] = true, ['"'] = true, ['\\'] = true};
    if (*line->at != '"')
        return false;
    const char *at = line->at + 1;
    while (!stops[(unsigned char)*at]) /* the line's newline does */
        at++;
    if (*at != '"')
        return false;
    *text = line->at + 1;
    *size = (size_t)(at - *text);
    line->at = at + 1;
    return true;
}

static bool take_hex(struct scanning *line, uint64_t *value)
{
    const char *text = NULL;
    size_t size = 0;
    *value = 0;
    if (take_null(line))
        return true;
    if (!take_string(line, &text, &size) || size == 0 || size > 16)
        return false;
    for (size_t i = 0; i < size; i++) {
        int digit = text_digit(text[i]);
        if (digit < 0)
            return false;
        *value = *value << 4 | (unsigned)digit;
    }
    return true;
}

static bool take_name(struct scanning *line, enum names_table table, int64_t context, struct name *last,
                      uint64_t *value)
{
    const char *text = NULL;
    size_t size = 0;
    int64_t named = 0;
    char word[NAME_MAX_SIZE];
    if (last->size > 0 && last->context == context && take(line, last->text, last->size)) {
        *value = last->value;
        return true;
    }
    const char *from = line->at;
    if (!take_string(line, &text, &size) || size + 2 > sizeof last->text)
        return false;
    memcpy(word, text, size);
    word[size] = 0;
    if (!names_value(table, context, word, &named))
        return false;
    last->size = (uint8_t)(size + 2);
    memcpy(last->text, from, last->size);
    last->context = context;
    last->value = *value = (uint64_t)named;
    return true;
}

/* ---- Fields ---- */

static bool add_tail(struct scanning *line, const void *bytes, size_t size)
{
    if (size > TAIL_MAX - line->tail_size)
        return false;
    memcpy(line->tail + line->tail_size, bytes, size);
    line->tail_size += size;
    return true;
}

static int64_t context_of(const struct scanning *line, enum names_table table)
{
    if (!names_has_context(table))
        return 0;
    return fields_context(line->fields, line->fields_count, table, line->structure, line->call);
}

static bool scan_integer(struct scanning *line, const struct field *field, struct name *name)
{
    uint64_t value = 0;
    switch (*line->at) {
    case '"':
        if (!take_name(line, field->names, context_of(line, field->names), name, &value))
            return false;
        break;
    case 'n':
        if (field->unknown == FIELD_UNKNOWN_VALUE || !take_null(line))
            return false;
        value = field->unknown == FIELD_UNKNOWN_ONES ? UINT64_MAX : 0;
        break;
    case 't':
    case 'f':
        value = *line->at == 't';
        if (!(value ? TAKE(line, "true") : TAKE(line, "false")))
            return false;
        break;
    default:
        if (!take_integer(line, &value))
            return false;
    }
    return field_set(field, line->structure, value);
}

static bool scan_flags(struct scanning *line, const struct field *field)
{
    uint64_t value = 0;
    if (TAKE(line, "[]"))
        value = 0;
    else if (TAKE(line, "[\"CLOEXEC\"]"))
        value = SOCKATLAS_CLOEXEC;
    else if (TAKE(line, "[\"NONBLOCK\"]"))
        value = SOCKATLAS_NONBLOCK;
    else if (TAKE(line, "[\"CLOEXEC\",\"NONBLOCK\"]"))
        value = SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK;
    else
        return false;
    return field_set(field, line->structure, value);
}

static bool scan_text(struct scanning *line, const struct field *field)
{
    const char *text = NULL;
    size_t size = 0;
    if (!take_string(line, &text, &size) || size > field->width)
        return false;
    memcpy((char *)line->structure + field->offset, text, size);
    return true;
}

/* An address and its port; null where the family has none. */
static bool scan_address(struct scanning *line, const struct field *field)
{
    unsigned char encoded[ENCODED_MAX];
    char word[ADDRESS_TEXT_MAX];
    const char *text = NULL;
    struct address address;
    size_t size = 0;
    uint64_t port = 0;
    unsigned family = ((const unsigned char *)line->structure)[line->addresses];
    bool absent = take_null(line);
    if (!absent && (!take_string(line, &text, &size) || size >= sizeof word))
        return false;
    if (!take_lead(line, ',', &field->port) || !(take_null(line) || (!absent && take_unsigned(line, &port))))
        return false;
    if (absent)
        return field_set(field, line->structure, SOCKATLAS_ABSENT);
    memcpy(word, text, size);
    word[size] = 0;
    if (port > UINT16_MAX || memchr(word, 0, size) != NULL || !address_parse(&address, family, word, (unsigned)port))
        return false;
    size = address_encode_as(&address, family, encoded);
    return add_tail(line, encoded, size) && field_set(field, line->structure, size);
}

static bool scan_tail_text(struct scanning *line, const struct field *field)
{
    const char *text = NULL;
    size_t size = 0;
    return take_string(line, &text, &size) && add_tail(line, text, size) && field_set(field, line->structure, size);
}

/* The value is there to be read by people; the bytes behind it say the same. */
static bool skip_value(struct scanning *line)
{
    const char *text = NULL;
    size_t size = 0;
    uint64_t value = 0;
    return take_null(line) || take_string(line, &text, &size) || take_integer(line, &value);
}

static bool scan_option(struct scanning *line, const struct field *field)
{
    const char *text = NULL;
    size_t size = 0;
    if (!skip_value(line) || !take_lead(line, ',', &field->bytes) || !take_string(line, &text, &size) ||
        size % 2 != 0 || size / 2 > TAIL_MAX - line->tail_size)
        return false;
    for (size_t i = 0; i < size; i += 2) {
        int high = text_digit(text[i]), low = text_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        line->tail[line->tail_size++] = (unsigned char)(high << 4 | low);
    }
    return field_set(field, line->structure, size / 2);
}

static bool scan_field(struct scanning *line, char before, const struct field *field, struct name *name);

/* An object of its own, whose first member has no comma before it. */
static bool scan_tcp(struct scanning *line)
{
    struct sockatlas_tcp tcp = {0};
    if (take_null(line))
        return true;
    struct scanning inner = {.scan = line->scan,
                             .at = line->at,
                             .end = line->end,
                             .structure = &tcp,
                             .fields = fields_tcp,
                             .fields_count = fields_tcp_count,
                             .addresses = -1};
    for (unsigned i = 0; i < fields_tcp_count; i++)
        if (!scan_field(&inner, i == 0 ? '{' : ',', &fields_tcp[i], &line->scan->tcp[i]))
            return false;
    line->at = inner.at;
    return TAKE(line, "}") && add_tail(line, &tcp, sizeof tcp);
}

/* `before` stands before its key. */
static bool scan_field(struct scanning *line, char before, const struct field *field, struct name *name)
{
    uint64_t value = 0;
    if (!take_lead(line, before, field->form == FIELD_ADDRESS ? &field->address : &field->lead))
        return false;
    switch (field->form) {
    case FIELD_UNSIGNED:
    case FIELD_SIGNED:
    case FIELD_BOOLEAN:
        return scan_integer(line, field, name);
    case FIELD_HEX:
        return take_hex(line, &value) && field_set(field, line->structure, value);
    case FIELD_FLAGS:
        return scan_flags(line, field);
    case FIELD_TEXT:
        return scan_text(line, field);
    case FIELD_ADDRESS:
        return scan_address(line, field);
    case FIELD_TAIL_TEXT:
        return scan_tail_text(line, field);
    case FIELD_TAIL_OPTION:
        return scan_option(line, field);
    case FIELD_TAIL_COOKIE:
        return take_hex(line, &value) && (!field_get(field, line->structure) || add_tail(line, &value, sizeof value));
    case FIELD_TAIL_TCP:
        return scan_tcp(line);
    case FIELD_ARGUMENTS:
    case FIELD_TAIL_ADDRESSES:
        break;
    }
    return false;
}

/* ---- The common members ---- */

static bool take_named(struct scanning *line, enum names_table table, struct name *last, uint64_t *value)
{
    *value = 0;
    return take_null(line) || (*line->at == '"' ? take_name(line, table, 0, last, value) : take_unsigned(line, value));
}

static bool scan_common(struct scanning *line, struct jsonl_scanned *out, struct sockatlas_common *common)
{
    uint64_t ignored = 0, pid = 0, tid = 0, fd = UINT64_MAX, call = 0, error = 0;
    bool good = TAKE(line, "\",\"time_us\":") && take_integer(line, &ignored) && TAKE(line, ",\"time_ns\":") &&
                take_unsigned(line, &common->time_ns) && TAKE(line, ",\"host\":") && take_unsigned(line, &ignored) &&
                TAKE(line, ",\"image\":") && take_unsigned(line, &out->image) && TAKE(line, ",\"slot\":") &&
                take_unsigned(line, &out->slot) && TAKE(line, ",\"pid\":") && take_unsigned(line, &pid) &&
                TAKE(line, ",\"tid\":") && take_unsigned(line, &tid) && TAKE(line, ",\"fd\":") &&
                (take_null(line) || take_integer(line, &fd)) && TAKE(line, ",\"cookie\":") &&
                take_hex(line, &common->cookie) && TAKE(line, ",\"call\":") &&
                take_named(line, NAMES_CALL, &line->scan->call, &call) && TAKE(line, ",\"error\":") &&
                take_named(line, NAMES_ERRNO, &line->scan->error, &error);
    if (!good || pid > JSONL_PID_MAX || tid > JSONL_PID_MAX || (int64_t)fd != (int32_t)fd || call > UINT8_MAX ||
        error > JSONL_ERROR_MAX)
        return false;
    common->pid = pid & JSONL_PID_MAX;
    common->tid = tid & JSONL_PID_MAX;
    common->fd = (int32_t)fd;
    common->call = (uint8_t)call;
    common->error = error & JSONL_ERROR_MAX;
    line->call = common->call;
    return true;
}

/* ---- A line ---- */

/* The kind whose word stands here, before a quote; 0 none. */
static unsigned take_kind(struct scanning *line)
{
    char word[NAME_MAX_SIZE];
    unsigned hash = 0;
    size_t size = 0;
    for (; size < sizeof word && (unsigned char)(line->at[size] - '_') <= 'z' - '_'; size++) {
        word[size] = line->at[size];
        hash = hash * 31 + (unsigned char)word[size];
    }
    if (size == 0 || size == sizeof word)
        return 0;
    word[size] = 0;
    line->at += size;
    uint8_t *kept = &line->scan->kinds[hash % sizeof line->scan->kinds];
    const struct layout *layout = *kept == 0 ? NULL : fields_layout(*kept);
    if (layout == NULL || strcmp(layout->word, word) != 0)
        *kept = (uint8_t)fields_kind(word);
    return *kept;
}

struct jsonl_scan *jsonl_scan_new(void)
{
    return memory_must(calloc(1, sizeof(struct jsonl_scan)));
}

void jsonl_scan_free(struct jsonl_scan *scan)
{
    free(scan);
}

bool jsonl_scan_event(struct jsonl_scan *scan, const char *text, size_t length, void *slots, struct jsonl_scanned *out)
{
    _Alignas(8) unsigned char body[SOCKATLAS_SLOT_SIZE] = {0};
    if (length == 0 || text[length - 1] != '\n')
        return false;
    unsigned char tail[TAIL_MAX];
    struct scanning line = {.scan = scan, .at = text, .end = text + length, .structure = body, .tail = tail};
    unsigned kind = TAKE(&line, "{\"event\":\"") ? take_kind(&line) : 0;
    struct sockatlas_common common = {.kind = (uint8_t)kind};
    if (kind == 0 || !scan_common(&line, out, &common))
        return false;
    const struct layout *layout = fields_layout(kind);
    line.fields = layout->fields;
    line.fields_count = layout->fields_count;
    line.addresses = layout->addresses;
    for (unsigned i = 0; i < line.fields_count; i++)
        if (!scan_field(&line, ',', &line.fields[i], &scan->names[kind][i]))
            return false;
    if (!TAKE(&line, "}\n") || line.at != line.end)
        return false;
    out->slots = writer_record(slots, &common, body, layout->body_size, line.tail, line.tail_size);
    return out->slots != 0;
}
