/* SPDX-License-Identifier: MIT
 *
 * Where an object's members are put: into a cJSON tree for views that look at them again, or straight into a line of
 * JSON or a row of CSV, which takes a twentieth of the time. An unknown value is null, as in value.h, whose words these
 * are, and an empty cell.
 */
#ifndef ANALYZER_TRACE_MEMBERS_H
#define ANALYZER_TRACE_MEMBERS_H

#include "analyzer/trace/buffer.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { MEMBERS_DEEP = 4 };

/* Zeroed, and then members_line() or members_row(): text. Its memory is kept for the next one, until members_free(). */
struct members {
    cJSON *tree[MEMBERS_DEEP]; /* what is open, outermost first; all NULL: text */
    char brackets[MEMBERS_DEEP];
    unsigned depth;
    bool cells;           /* values are cells: without keys, the unknown are empty */
    unsigned array_depth; /* in a row: of an array, whose cell is JSON; 0 none */
    size_t array;         /* where that begins */
    struct buffer text;   /* each value has a comma behind it */
    struct kept *kept;    /* what members_again() knows; NULL nothing yet */
    struct kept *keeping; /* what is to be kept until members_keep() */
    size_t keeping_from;
};

/* Members go into `object`, an open object or array of the caller's. */
void members_tree(struct members *out, cJSON *object);

/* A line's or row's beginning, and its end: written to `out` with a newline; false with errno when that failed. */
void members_line(struct members *to);
void members_row(struct members *to);
bool members_print(struct members *from, FILE *out);
/* A line's end without a newline: an element of something larger. */
bool members_print_element(struct members *from, FILE *out);
void members_free(struct members *members);

/* An object ('{') or array ('[') that the next members are in, until members_close(). In a row an object's members are
 * cells as all others, an array is one. */
void members_open(struct members *to, const char *key, char bracket);
void members_close(struct members *to);
/* An object of so many members that is not known: null. */
void members_nothing(struct members *to, const char *key, unsigned members);

/* Members that many lines have alike, by what they are made of: puts again what was put for this key, or returns false:
 * the caller puts them and then calls members_keep(). The key's first word is the asking function's address, for none
 * to have another's. Of a key that is too long, and in a tree, nothing is kept. */
enum { MEMBERS_KEY_WORDS = 8 };
bool members_again(struct members *to, const uint64_t *key, size_t words);
void members_keep(struct members *to);

/* In a text: a key as it stands in JSON (`"key":`), for the value that one of members_put_*() puts behind it. */
static inline void members_lead(struct members *to, const char *lead, size_t size)
{
    if (!to->cells)
        buffer_add(&to->text, lead, size);
}

/* Ends a line that is not printed: its text, not NUL-terminated, until the next one. */
const struct buffer *members_end(struct members *line);
/* The same as an element of a tree, which prints it as it is. */
cJSON *members_end_raw(struct members *line);

/* For what follows: a value into a tree; a value behind a text's key. */
void members_tree_text(struct members *to, const char *key, const char *text);
void members_tree_bytes(struct members *to, const char *key, const char *bytes);
void members_tree_integer(struct members *to, const char *key, bool known, int64_t value);
void members_tree_cookie(struct members *to, const char *key, uint64_t cookie);
void members_tree_unsigned(struct members *to, const char *key, uint64_t value);
void members_tree_boolean(struct members *to, const char *key, bool value);
void members_tree_escaped(struct members *to, const char *key, const void *bytes, size_t size);
void members_tree_hex(struct members *to, const char *key, const void *bytes, size_t size);
void members_put_text(struct members *to, const char *text);
void members_put_word(struct members *to, const char *word);
void members_put_bytes(struct members *to, const char *bytes);
void members_put_integer(struct members *to, bool known, int64_t value);
void members_put_cookie(struct members *to, uint64_t cookie);
void members_put_unsigned(struct members *to, uint64_t value);
void members_put_boolean(struct members *to, bool value);
void members_put_escaped(struct members *to, const void *bytes, size_t size);
void members_put_hex(struct members *to, const void *bytes, size_t size);

static inline bool members_is_tree(const struct members *to)
{
    return to->tree[0] != NULL;
}

/* Inline, as the size of a literal is known there. */
static inline void members_key(struct members *to, const char *key)
{
    if (!key || to->cells)
        return;
    size_t size = strlen(key);
    char *at = buffer_space(&to->text, size + 3);
    *at++ = '"';
    at = mempcpy(at, key, size);
    *at++ = '"';
    *at++ = ':';
    buffer_end(&to->text, at);
}

/* `key` must be a literal; NULL within an array. */

/* NULL: null. */
static inline void members_text(struct members *to, const char *key, const char *text)
{
    if (members_is_tree(to)) {
        members_tree_text(to, key, text);
        return;
    }
    members_key(to, key);
    members_put_text(to, text);
}

/* The same, for what has nothing that JSON or CSV escape: a constant's name, a number, an IP address. */
static inline void members_word(struct members *to, const char *key, const char *word)
{
    if (members_is_tree(to)) {
        members_tree_text(to, key, word);
        return;
    }
    members_key(to, key);
    members_put_word(to, word);
}

/* Escaped; "" and NULL: null. */
static inline void members_bytes(struct members *to, const char *key, const char *bytes)
{
    if (members_is_tree(to)) {
        members_tree_bytes(to, key, bytes);
        return;
    }
    members_key(to, key);
    members_put_bytes(to, bytes);
}

static inline void members_integer(struct members *to, const char *key, bool known, int64_t value)
{
    if (members_is_tree(to)) {
        members_tree_integer(to, key, known, value);
        return;
    }
    members_key(to, key);
    members_put_integer(to, known, value);
}

/* 0: null. */
static inline void members_cookie(struct members *to, const char *key, uint64_t cookie)
{
    if (members_is_tree(to)) {
        members_tree_cookie(to, key, cookie);
        return;
    }
    members_key(to, key);
    members_put_cookie(to, cookie);
}

static inline void members_unsigned(struct members *to, const char *key, uint64_t value)
{
    if (members_is_tree(to)) {
        members_tree_unsigned(to, key, value);
        return;
    }
    members_key(to, key);
    members_put_unsigned(to, value);
}

static inline void members_boolean(struct members *to, const char *key, bool value)
{
    if (members_is_tree(to)) {
        members_tree_boolean(to, key, value);
        return;
    }
    members_key(to, key);
    members_put_boolean(to, value);
}

/* `size` bytes, escaped; "" where there are none. */
static inline void members_escaped(struct members *to, const char *key, const void *bytes, size_t size)
{
    if (members_is_tree(to)) {
        members_tree_escaped(to, key, bytes, size);
        return;
    }
    members_key(to, key);
    members_put_escaped(to, bytes, size);
}

/* `size` bytes in hexadecimal. */
static inline void members_hex(struct members *to, const char *key, const void *bytes, size_t size)
{
    if (members_is_tree(to)) {
        members_tree_hex(to, key, bytes, size);
        return;
    }
    members_key(to, key);
    members_put_hex(to, bytes, size);
}

#endif
