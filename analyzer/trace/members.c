/* SPDX-License-Identifier: MIT
 *
 * Members into a tree or a line, see members.h. What a line's texts need escaped is cJSON's business.
 */
#include "analyzer/trace/members.h"

#include "analyzer/trace/json.h"
#include "analyzer/trace/text.h"
#include "analyzer/trace/value.h"

#include <stdlib.h>
#include <string.h>

enum { TREE = 0, DIGITS = 24 };

void members_tree(struct members *out, cJSON *object)
{
    *out = (struct members){.tree = {object}};
}

static cJSON *branch(const struct members *to)
{
    return to->tree[to->depth];
}

static bool is_tree(const struct members *to)
{
    return to->tree[TREE] != NULL;
}

/* Room for `size` more bytes of the line. */
static char *line_room(struct members *to, size_t size)
{
    if (to->size + size > to->room) {
        to->room = (to->size + size) * 2;
        to->text = realloc(to->text, to->room);
        if (!to->text)
            abort();
    }
    return to->text + to->size;
}

static void line_append(struct members *to, const char *text, size_t size)
{
    memcpy(line_room(to, size), text, size);
    to->size += size;
}

/* What stands before a value: a comma unless it is the first, and the key. */
static void line_key(struct members *to, const char *key)
{
    size_t size = key ? strlen(key) : 0;
    char *at = line_room(to, size + 4);
    char before = to->text[to->size - 1];
    if (before != '{' && before != '[')
        *at++ = ',';
    if (key) {
        *at++ = '"';
        at = mempcpy(at, key, size);
        *at++ = '"';
        *at++ = ':';
    }
    to->size = (size_t)(at - to->text);
}

/* Printable ASCII that JSON and text.h both take as it is. */
static bool is_plain(const char *text, size_t size)
{
    unsigned odd = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned byte = (unsigned char)text[i];
        odd |= (byte - ' ' > '~' - ' ') | (byte == '"') | (byte == '\\');
    }
    return !odd;
}

static void line_string(struct members *to, const char *text, size_t size)
{
    enum { WORST = 6, QUOTES = 8 }; /* \u0000; cJSON wants some to spare */
    if (is_plain(text, size)) {
        char *at = line_room(to, size + 2);
        at[0] = at[size + 1] = '"';
        memcpy(at + 1, text, size);
        to->size += size + 2;
        return;
    }
    cJSON string = {.type = cJSON_String, .valuestring = (char *)text};
    size_t room = size * WORST + QUOTES;
    char *at = line_room(to, room);
    if (!cJSON_PrintPreallocated(&string, at, (int)room, false))
        abort();
    to->size += strlen(at);
}

static void line_null(struct members *to, const char *key)
{
    line_key(to, key);
    line_append(to, "null", 4);
}

void members_text(struct members *to, const char *key, const char *text)
{
    if (is_tree(to)) {
        value_text(branch(to), key, text);
    } else if (text) {
        line_key(to, key);
        line_string(to, text, strlen(text));
    } else {
        line_null(to, key);
    }
}

void members_bytes(struct members *to, const char *key, const char *bytes)
{
    if (is_tree(to)) {
        value_bytes(branch(to), key, bytes);
        return;
    }
    size_t size = bytes ? strlen(bytes) : 0;
    if (size == 0 || is_plain(bytes, size)) {
        members_text(to, key, size ? bytes : NULL);
        return;
    }
    char *text = malloc(TEXT_ESCAPED_MAX(size));
    if (!text)
        abort();
    text_escape(bytes, size, text);
    members_text(to, key, text);
    free(text);
}

/* Inline for its base to be a constant there: dividing by a variable takes ten times as long. */
static inline const char *number_text(uint64_t number, unsigned base, char room[DIGITS])
{
    size_t at = DIGITS - 1;
    room[at] = '\0';
    do
        room[--at] = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    return &room[at];
}

void members_integer(struct members *to, const char *key, bool known, int64_t value)
{
    char room[DIGITS] = "";
    if (is_tree(to) && key) {
        value_integer(branch(to), key, known, value);
    } else if (is_tree(to)) {
        value_append(branch(to), value);
    } else if (known) {
        line_key(to, key);
        if (value < 0)
            line_append(to, "-", 1);
        const char *digits = number_text(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, room);
        line_append(to, digits, strlen(digits));
    } else {
        line_null(to, key);
    }
}

void members_cookie(struct members *to, const char *key, uint64_t cookie)
{
    char room[DIGITS] = "";
    if (is_tree(to))
        json_add_cookie(branch(to), key, cookie);
    else
        members_text(to, key, cookie ? number_text(cookie, 16, room) : NULL);
}

void members_open(struct members *to, const char *key, char bracket)
{
    to->depth++;
    if (is_tree(to)) {
        cJSON *outer = to->tree[to->depth - 1], *inner = bracket == '{' ? cJSON_CreateObject() : cJSON_CreateArray();
        to->tree[to->depth] = inner;
        if (key)
            cJSON_AddItemToObjectCS(outer, key, inner);
        else
            cJSON_AddItemToArray(outer, inner);
        return;
    }
    line_key(to, key);
    line_append(to, &bracket, 1);
    to->brackets[to->depth] = bracket;
}

void members_close(struct members *to)
{
    if (!is_tree(to))
        line_append(to, to->brackets[to->depth] == '{' ? "}" : "]", 1);
    to->depth--;
}

void members_line(struct members *to)
{
    to->size = to->depth = 0;
    line_append(to, "{", 1);
}

bool members_print(struct members *from, FILE *out)
{
    line_append(from, "}\n", 2);
    return fwrite(from->text, 1, from->size, out) == from->size;
}

void members_free(struct members *members)
{
    free(members->text);
    *members = (struct members){0};
}
