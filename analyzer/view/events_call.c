/* SPDX-License-Identifier: MIT
 *
 * One event as the call that it tells of, see events.h. Walks the field table; only what stands before and behind the
 * arguments depends on the kind.
 */
#include "analyzer/trace/buffer.h"
#include "analyzer/trace/fields.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/events.h"
#include "analyzer/view/events_look.h"
#include "analyzer/view/words.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

/* Kinds whose line begins with the call they were made in; the others say what they are, and the call at the end. */
static bool is_call(const struct event *event)
{
    if (event->call == SOCKATLAS_CALL_attach || event->call == SOCKATLAS_CALL_detach)
        return false;
    switch (event->kind) {
    case SOCKATLAS_SEEN:
    case SOCKATLAS_CONNECTING:
    case SOCKATLAS_CONNECTED:
    case SOCKATLAS_STATE:
    case SOCKATLAS_START:
    case SOCKATLAS_EXEC_FAILED:
    case SOCKATLAS_PASS:
    case SOCKATLAS_TRANSFER:
    case SOCKATLAS_PEER:
    case SOCKATLAS_PEER_TOTAL:
    case SOCKATLAS_ERROR:
    case SOCKATLAS_COVERAGE:
    case SOCKATLAS_NETNS:
    case SOCKATLAS_RUN:
    case SOCKATLAS_GONE:
    case SOCKATLAS_UNTRACED:
    case SOCKATLAS_ENDED:
        return false;
    default:
        return true;
    }
}

/* A socket that was still open at the end of its process, where the call is no close. */
static bool at_exit(const struct event *event)
{
    return event->kind == SOCKATLAS_CLOSE && event->call >= SOCKATLAS_CALL_exit && event->call <= SOCKATLAS_CALL_abort;
}

/* Where the descriptor is the result, not the first argument. */
static bool makes_descriptor(unsigned kind)
{
    return kind == SOCKATLAS_SOCKET || kind == SOCKATLAS_ACCEPT || kind == SOCKATLAS_DUP;
}

/* One call while it is put into words. */
struct call {
    struct buffer *out;
    const struct event *event;
    const struct layout *layout;
    bool brief;       /* of TCP's summary only what is looked for first */
    bool begun;       /* an argument stands there */
    size_t tail_used; /* by the arguments so far */
    bool second;      /* the next address is */
};

/* Inline, as the size of a literal is known there. */
__attribute__((always_inline)) static inline void put(struct buffer *out, const char *text)
{
    buffer_add(out, text, strlen(text));
}

static void put_unsigned(struct buffer *out, uint64_t number)
{
    buffer_end(out, text_unsigned(number, buffer_space(out, TEXT_INTEGER_MAX)));
}

static void put_signed(struct buffer *out, int64_t number)
{
    buffer_end(out, text_signed(number, buffer_space(out, TEXT_INTEGER_MAX)));
}

static void put_number(struct buffer *out, const struct field *field, uint64_t value)
{
    if (field->form == FIELD_SIGNED)
        put_signed(out, (int64_t)value);
    else
        put_unsigned(out, value);
}

static void put_escaped(struct buffer *out, const void *bytes, size_t size)
{
    char *at = buffer_space(out, TEXT_ESCAPED_MAX(size));
    buffer_end(out, at + text_escape(bytes, size, at));
}

/* What stands before an argument; `key`: before one that is said by name, else NULL. */
static void put_between(struct call *call, const char *key)
{
    if (call->begun)
        put(call->out, ", ");
    call->begun = true;
    if (key) {
        put(call->out, key);
        put(call->out, "=");
    }
}

/* ---- Arguments ---- */

static const char *name_of(const struct field *field, const struct field *fields, unsigned count, const void *structure,
                           unsigned call, uint64_t value)
{
    if (field->names == NAMES_NONE)
        return NULL;
    return names_find(field->names, fields_context(fields, count, field->names, structure, call), (int64_t)value);
}

static void put_integer(struct call *call, const struct field *field, unsigned look, uint64_t value)
{
    const struct layout *layout = call->layout;
    const char *name =
        name_of(field, layout->fields, layout->fields_count, event_body(call->event), call->event->call, value);
    bool boolean = field->form == FIELD_BOOLEAN && value <= 1;
    if (field_is_unknown(field, value) || (!name && boolean && !value))
        return;
    if (name || boolean) {
        put_between(call, NULL);
        put(call->out, name ? name : field->key);
        return;
    }
    put_between(call, (look & LOOK_PLAIN) || call->event->kind == SOCKATLAS_IO ? NULL : field->key);
    put_number(call->out, field, value);
}

static void put_hex(struct call *call, const struct field *field, uint64_t value)
{
    if (!value)
        return;
    put_between(call, field->key);
    buffer_end(call->out, text_unsigned_hex(value, buffer_space(call->out, TEXT_INTEGER_MAX)));
}

static void put_flags(struct call *call, uint64_t value)
{
    const uint64_t known = SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK, both = value & known;
    if (value)
        put_between(call, NULL);
    if (both & SOCKATLAS_CLOEXEC)
        put(call->out, "CLOEXEC");
    if (both & SOCKATLAS_NONBLOCK)
        put(call->out, both == known ? "|NONBLOCK" : "NONBLOCK");
    if ((value & ~known) == 0)
        return;
    put(call->out, both ? "|0x" : "0x");
    buffer_end(call->out, text_unsigned_hex(value & ~known, buffer_space(call->out, TEXT_INTEGER_MAX)));
}

static void put_text(struct call *call, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    put_between(call, NULL);
    put(call->out, "\"");
    put_escaped(call->out, bytes, size);
    put(call->out, "\"");
}

/* What is unknown or unnamed is left out. */
static void put_address(struct call *call, const struct field *field, uint64_t size)
{
    char text[ADDRESS_TEXT_MAX];
    struct address address;
    event_addresses(call->event, call->second ? NULL : &address, call->second ? &address : NULL);
    call->second = true;
    call->tail_used += size == SOCKATLAS_ABSENT ? 0 : size;
    if (!address_known(&address) || (address.family == AF_UNIX && !address.size))
        return;
    put_between(call, field->key);
    put(call->out, address_text_port(&address, text));
}

/* The first is as requested; the second, where it was read back, as it is in force. */
static void put_option(struct call *call, const struct field *field, const unsigned char *bytes, size_t size)
{
    char text[OPTION_TEXT_MAX];
    const struct sockatlas_body_option *body = event_body(call->event);
    bool effective = field->offset == offsetof(struct sockatlas_body_option, effective_size);
    if ((effective || call->event->call == SOCKATLAS_CALL_attach) && size == 0)
        return;
    put_between(call, effective ? field->key : NULL);
    bool unknown = !effective && !size && body->requested_size && body->effective_size;
    put(call->out, unknown ? "?" : option_text(body->level, body->name, bytes, size, text));
}

static void put_results(struct call *call, const struct field *field, uint64_t count)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[17];
    size_t body_size = call->layout->body_size;
    put_between(call, field->key);
    put(call->out, "[");
    for (uint64_t i = 0; i < count; i++) {
        if (event_take(call->event, body_size, &call->tail_used, bytes, 1) != 1)
            break;
        int family = bytes[0] == AF_INET ? AF_INET : AF_INET6;
        size_t size = family == AF_INET ? 4 : 16;
        if (event_take(call->event, body_size, &call->tail_used, bytes, size) != size)
            break;
        put(call->out, i ? ", " : "");
        put(call->out, inet_ntop(family, bytes, text, sizeof text));
    }
    put(call->out, "]");
}

static void put_tail_cookie(struct call *call, const struct field *field)
{
    uint64_t cookie = 0;
    if (event_take(call->event, call->layout->body_size, &call->tail_used, &cookie, sizeof cookie) == sizeof cookie)
        put_hex(call, field, cookie);
}

/* What the kernel packs into one number: both ends' window scales (wscale), which of its options a connection has
 * (options). False: it is another. */
static bool put_packed(struct call *call, const struct field *member, uint64_t value)
{
    static const char *const names[] = {"TIMESTAMPS", "SACK",     "WSCALE",  "ECN",
                                        "ECN_SEEN",   "SYN_DATA", "USEC_TS", "TFO_CHILD"};
    const char *bar = "";
    if (strcmp(member->key, "wscale") == 0) {
        put(call->out, "snd_wscale=");
        put_unsigned(call->out, value & 15);
        put(call->out, ", rcv_wscale=");
        put_unsigned(call->out, value >> 4);
        return true;
    }
    if (strcmp(member->key, "options") != 0)
        return false;
    put(call->out, "options=");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(value >> i & 1))
            continue;
        put(call->out, bar);
        put(call->out, names[i]);
        bar = "|";
    }
    return true;
}

/* The values that are not 0. */
static void put_tcp(struct call *call, const struct field *field)
{
    static struct looked looked;
    const uint8_t *tcp_looks = looks_of(&looked, fields_tcp, fields_tcp_count);
    struct sockatlas_tcp tcp;
    const char *comma = "";
    if (!event_tcp(call->event, &tcp))
        return;
    put_between(call, field->key);
    put(call->out, "{");
    for (unsigned i = 0; i < fields_tcp_count; i++) {
        const struct field *member = &fields_tcp[i];
        uint64_t value = field_get(member, &tcp);
        if (value == 0 || field_is_unknown(member, value) || (call->brief && !(tcp_looks[i] & LOOK_FIRST)))
            continue;
        const char *name = name_of(member, fields_tcp, fields_tcp_count, &tcp, 0, value);
        put(call->out, comma);
        comma = ", ";
        if (put_packed(call, member, value))
            continue;
        put(call->out, member->key);
        put(call->out, "=");
        if (name)
            put(call->out, name);
        else
            put_number(call->out, member, value);
    }
    put(call->out, "}");
}

static void put_tail(struct call *call, const struct field *field, uint64_t size)
{
    unsigned char bytes[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    size_t taken = event_take(call->event, call->layout->body_size, &call->tail_used, bytes, size);
    if (field->form == FIELD_TAIL_TEXT)
        put_text(call, bytes, taken);
    else if (taken == size)
        put_option(call, field, bytes, size);
}

static void put_field(struct call *call, const struct field *field, unsigned look)
{
    const char *text = (const char *)event_body(call->event) + field->offset;
    uint64_t value = field_get(field, event_body(call->event));
    if (look_leaves_out(call->event->kind, look, value) && field->form != FIELD_TAIL_TCP)
        return;
    switch (field->form) {
    case FIELD_UNSIGNED:
    case FIELD_SIGNED:
    case FIELD_BOOLEAN:
        put_integer(call, field, look, value);
        break;
    case FIELD_HEX:
        put_hex(call, field, value);
        break;
    case FIELD_FLAGS:
        put_flags(call, value);
        break;
    case FIELD_TEXT:
        put_text(call, text, strnlen(text, field->width));
        break;
    case FIELD_ADDRESS:
        put_address(call, field, value);
        break;
    case FIELD_TAIL_TEXT:
    case FIELD_TAIL_OPTION:
        put_tail(call, field, value);
        break;
    case FIELD_TAIL_COOKIE:
        if (value)
            put_tail_cookie(call, field);
        break;
    case FIELD_TAIL_ADDRESSES:
        put_results(call, field, value);
        break;
    case FIELD_TAIL_TCP:
        put_tcp(call, field);
        break;
    case FIELD_ARGUMENTS: /* headers have them */
        break;
    }
}

static const uint8_t *looks_of_kind(const struct call *call)
{
    static struct looked kinds[256];
    return looks_of(&kinds[call->event->kind], call->layout->fields, call->layout->fields_count);
}

static void put_arguments(struct call *call)
{
    const struct layout *layout = call->layout;
    const uint8_t *kind_looks = looks_of_kind(call);
    if (call->event->fd != -1 && !makes_descriptor(call->event->kind)) {
        put_between(call, NULL);
        put_signed(call->out, call->event->fd);
    }
    for (unsigned i = 0; i < layout->fields_count; i++)
        put_field(call, &layout->fields[i], kind_looks[i]);
}

/* ---- Before and behind them ---- */

static void put_result(struct buffer *out, const struct event *event)
{
    const char *error = event->error ? names_errno(event->error) : NULL;
    if (event->error != 0) {
        put(out, error ? " = -1 " : " = -1 errno ");
        if (error)
            put(out, error);
        else
            put_unsigned(out, event->error);
        return;
    }
    if (event->kind == SOCKATLAS_EXEC || event->kind == SOCKATLAS_EXIT) {
        put(out, " = ?");
        return;
    }
    bool known = makes_descriptor(event->kind) || is_call(event) || event->kind == SOCKATLAS_CONNECTED;
    if (event->kind == SOCKATLAS_OPTION && event->call == SOCKATLAS_CALL_NONE)
        return; /* told again */
    if (!known)
        return;
    put(out, " = ");
    if (makes_descriptor(event->kind))
        put_signed(out, event->fd);
    else if (event->kind == SOCKATLAS_IO)
        put_signed(out, ((const struct sockatlas_body_io *)event_body(event))->result);
    else if (event->kind == SOCKATLAS_FORK)
        put_unsigned(out, ((const struct sockatlas_body_fork *)event_body(event))->child_pid);
    else if (event->kind == SOCKATLAS_SPAWN)
        put_unsigned(out, ((const struct sockatlas_body_spawn *)event_body(event))->child_pid);
    else
        put(out, "0");
}

/* As strace -T has it. */
static void put_duration(const struct call *call)
{
    char text[WORD_MAX];
    const uint8_t *kind_looks = looks_of_kind(call);
    for (unsigned i = 0; i < call->layout->fields_count; i++) {
        const struct field *field = &call->layout->fields[i];
        if (!(kind_looks[i] & LOOK_BEHIND))
            continue;
        put(call->out, " <");
        put(call->out, word_duration(field_get(field, event_body(call->event)), text));
        put(call->out, ">");
    }
}

void events_put_call(struct buffer *out, const struct event *event, bool brief)
{
    struct call call = {.out = out, .event = event, .layout = fields_layout(event->kind), .brief = brief};
    const char *name = names_call(event->call);
    bool own = name != NULL && is_call(event) && !at_exit(event);
    put(out, own ? name : call.layout->word);
    put(out, "(");
    put_arguments(&call);
    put(out, ")");
    put_result(out, event);
    put_duration(&call);
    if (own || name == NULL)
        return;
    put(out, " (");
    put(out, name);
    put(out, ")");
}

void events_text_call(FILE *out, const struct event *event, bool brief)
{
    struct buffer text = {0};
    events_put_call(&text, event, brief);
    fwrite(text.text, 1, text.size, out);
    buffer_free(&text);
}
