/* SPDX-License-Identifier: MIT
 *
 * What every record's body, the TCP summary and the file header are made of, as data (fields.def). Printing, JSON
 * export and reading back walk these tables; nothing else lists the members of trace_format.h's structures.
 */
#ifndef ANALYZER_TRACE_FIELDS_H
#define ANALYZER_TRACE_FIELDS_H

#include "analyzer/names/names.h"
#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>

enum field_form {
    FIELD_UNSIGNED,
    FIELD_SIGNED,
    FIELD_BOOLEAN,        /* 0 or 1 */
    FIELD_HEX,            /* cookies: lower-case hexadecimal */
    FIELD_FLAGS,          /* SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK */
    FIELD_TEXT,           /* char array, NUL-padded */
    FIELD_ARGUMENTS,      /* header.cmdline, cmdline_size bytes: NUL after each argument */
    FIELD_ADDRESS,        /* size of an address in the tail; its family stands in the `addresses` member */
    FIELD_TAIL_TEXT,      /* size of a text in the tail */
    FIELD_TAIL_OPTION,    /* size of an option value in the tail */
    FIELD_TAIL_COOKIE,    /* unless 0, a cookie of 8 bytes is in the tail */
    FIELD_TAIL_ADDRESSES, /* count of NAME's results in the tail */
    FIELD_TAIL_TCP,       /* struct sockatlas_tcp in the tail, where the record has one */
};

/* LATER: as ZERO; earlier exports have no such member. */
enum field_unknown { FIELD_UNKNOWN_VALUE, FIELD_UNKNOWN_ZERO, FIELD_UNKNOWN_ONES, FIELD_UNKNOWN_LATER };

/* What stands before a member's value in a line of JSON: `"key":`. */
struct field_lead {
    const char *text;
    uint8_t size;
};

struct field {
    const char *key;                        /* of JSON; an address has the two behind it instead */
    struct field_lead lead;                 /* of that */
    struct field_lead address, port, bytes; /* key_address, key_port; an option's value has key_bytes too */
    const char *address_key, *port_key, *bytes_key;
    enum field_form form;
    enum field_unknown unknown;
    enum names_table names;
    uint16_t offset; /* in the body or structure */
    uint16_t width;
};

/* No table has more fields than that but the header's. */
#define FIELDS_MAX 20

/* How the records of one kind are laid out. */
struct layout {
    const char *word;
    const struct field *fields; /* fields_count of them */
    uint8_t fields_count;
    uint8_t body_size;
    int8_t addresses;          /* offset of struct sockatlas_addresses in the body, -1 none */
    uint64_t without_field[4]; /* bits of the head slot behind its common fields that no field tells, though the body
                                  has them */
};

/* NULL when `kind` is none of SOCKATLAS_KINDS. */
const struct layout *fields_layout(unsigned kind);
/* The kind of this word, 0 when there is none. */
unsigned fields_kind(const char *word);
extern const struct field fields_tcp[], fields_header[];
extern const unsigned fields_tcp_count, fields_header_count;

/* The integer that `field` names in `structure`, sign-extended where it is signed. */
uint64_t field_get(const struct field *field, const void *structure);
/* Stores it; false when it does not fit. */
bool field_set(const struct field *field, void *structure, uint64_t value);
/* The value of FIELD_UNKNOWN_ONES, as field_get() has it: all bits of the member set. */
uint64_t field_ones(const struct field *field);
/* Whether that integer means "unknown". */
bool field_is_unknown(const struct field *field, uint64_t value);
/* What the names of `field` depend on, out of the `count` fields of its structure and the record's call. */
int64_t fields_context(const struct field *fields, unsigned count, enum names_table table, const void *structure,
                       unsigned call);
/* Whether the body of a record has nothing but what its fields tell: reserved bytes are zero. */
bool fields_tell_all(const struct layout *layout, const void *body);

/* How many bytes a tail of `slots` slots can hold behind a body of `body_size` bytes. */
size_t fields_tail_capacity(unsigned slots, size_t body_size);
/* Whether the sizes that the record of `slots` slots states fit into it. */
bool fields_fit(const unsigned char *record, unsigned slots);

#endif
