/* SPDX-License-Identifier: MIT
 *
 * Members into a tree, a line or a row, see members.h. What a text needs escaped is escape.h's business.
 */
#include "analyzer/trace/members.h"

#include "analyzer/trace/escape.h"
#include "analyzer/trace/text.h"
#include "analyzer/trace/value.h"

#include <stdlib.h>

/* ---- A tree ---- */

void members_tree(struct members *out, cJSON *object)
{
    *out = (struct members){.tree = {object}};
}

static cJSON *branch(const struct members *to)
{
    return to->tree[to->depth];
}

void members_tree_text(struct members *to, const char *key, const char *text)
{
    value_text(branch(to), key, text);
}

void members_tree_bytes(struct members *to, const char *key, const char *bytes)
{
    value_bytes(branch(to), key, bytes);
}

void members_tree_integer(struct members *to, const char *key, bool known, int64_t value)
{
    value_integer(branch(to), key, known, value);
}

void members_tree_cookie(struct members *to, const char *key, uint64_t cookie)
{
    value_cookie(branch(to), key, cookie);
}

void members_tree_unsigned(struct members *to, const char *key, uint64_t value)
{
    value_unsigned(branch(to), key, value);
}

void members_tree_boolean(struct members *to, const char *key, bool value)
{
    value_boolean(branch(to), key, value);
}

void members_tree_escaped(struct members *to, const char *key, const void *bytes, size_t size)
{
    char *text = malloc(ESCAPED_MAX(size));
    if (!text)
        abort();
    escape(ESCAPE_TEXT, bytes, size, text);
    value_text(branch(to), key, text);
    free(text);
}

void members_tree_hex(struct members *to, const char *key, const void *bytes, size_t size)
{
    value_hex(branch(to), key, bytes, size);
}

static void tree_open(struct members *to, const char *key, char bracket)
{
    cJSON *inner = bracket == '{' ? cJSON_CreateObject() : cJSON_CreateArray();
    if (key)
        cJSON_AddItemToObjectCS(branch(to), key, inner);
    else
        cJSON_AddItemToArray(branch(to), inner);
    to->tree[++to->depth] = inner;
}

/* ---- Texts ---- */

/* Printable ASCII that JSON and text.h both take as it is. */
static bool is_plain(const char *text, size_t size)
{
    static const bool plain[256] = {[' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};
    bool all = true;
    for (size_t i = 0; i < size; i++)
        all &= plain[(unsigned char)text[i]];
    return all;
}

static void put_string(struct members *to, const char *text, size_t size)
{
    char *at = buffer_space(&to->text, ESCAPED_MAX(size) + 3);
    *at++ = '"';
    at += escape(ESCAPE_JSON, text, size, at);
    *at++ = '"';
    *at++ = ',';
    buffer_end(&to->text, at);
}

/* A spreadsheet takes a cell that begins so for a formula. */
static bool is_formula(char first)
{
    return first == '=' || first == '+' || first == '-' || first == '@';
}

/* RFC 4180: quoted where it has what else ends it; so is an empty text, as an empty cell is unknown. A text that a
 * spreadsheet would take for a formula has an apostrophe before it, and one that begins with an apostrophe another one:
 * whoever reads text takes the first one off. */
static void put_cell(struct members *to, const char *text, size_t size)
{
    static const bool special[256] = {[0 ... 31] = true, ['"'] = true, [','] = true, [127 ... 255] = true};
    bool any = !size;
    for (size_t i = 0; i < size; i++)
        any |= special[(unsigned char)text[i]];
    bool quoted = any && (!size || memchr(text, ',', size) || memchr(text, '"', size));
    char *at = buffer_space(&to->text, ESCAPED_MAX(size) + 4);
    if (quoted)
        *at++ = '"';
    if (size && (is_formula(*text) || *text == '\''))
        *at++ = '\'';
    if (any)
        at += escape(ESCAPE_CSV, text, size, at);
    else
        at = mempcpy(at, text, size);
    if (quoted)
        *at++ = '"';
    *at++ = ',';
    buffer_end(&to->text, at);
}

static void put_null(struct members *to)
{
    if (to->cells)
        buffer_add(&to->text, ",", 1);
    else
        buffer_add(&to->text, "null,", 5);
}

static void put_sized(struct members *to, const char *text, size_t size)
{
    if (to->cells)
        put_cell(to, text, size);
    else
        put_string(to, text, size);
}

void members_put_text(struct members *to, const char *text)
{
    if (text)
        put_sized(to, text, strlen(text));
    else
        put_null(to);
}

void members_put_word(struct members *to, const char *word)
{
    if (!word) {
        put_null(to);
        return;
    }
    size_t size = strlen(word);
    char *at = buffer_space(&to->text, size + 3);
    if (!to->cells)
        *at++ = '"';
    at = mempcpy(at, word, size);
    if (!to->cells)
        *at++ = '"';
    *at++ = ',';
    buffer_end(&to->text, at);
}

void members_put_escaped(struct members *to, const void *bytes, size_t size)
{
    if (is_plain(bytes, size)) {
        put_sized(to, bytes, size);
        return;
    }
    char *text = malloc(ESCAPED_MAX(size));
    if (!text)
        abort();
    size = escape(ESCAPE_TEXT, bytes, size, text);
    put_sized(to, text, size);
    free(text);
}

void members_put_bytes(struct members *to, const char *bytes)
{
    if (bytes && *bytes)
        members_put_escaped(to, bytes, strlen(bytes));
    else
        put_null(to);
}

void members_put_hex(struct members *to, const void *bytes, size_t size)
{
    char *at = buffer_space(&to->text, 2 * size + 4);
    if (!to->cells)
        *at++ = '"';
    text_hex(bytes, size, at);
    at += 2 * size;
    if (!to->cells)
        *at++ = '"';
    *at++ = ',';
    buffer_end(&to->text, at);
}

void members_put_boolean(struct members *to, bool value)
{
    if (value)
        buffer_add(&to->text, "true,", 5);
    else
        buffer_add(&to->text, "false,", 6);
}

/* ---- Numbers ---- */

void members_put_integer(struct members *to, bool known, int64_t value)
{
    if (!known) {
        put_null(to);
        return;
    }
    char *at = buffer_space(&to->text, TEXT_INTEGER_MAX + 1);
    if (value >= 0 && value < 10) /* every second one */
        *at++ = (char)('0' + value);
    else
        at = text_signed(value, at);
    *at++ = ',';
    buffer_end(&to->text, at);
}

void members_put_unsigned(struct members *to, uint64_t value)
{
    char *at = text_unsigned(value, buffer_space(&to->text, TEXT_INTEGER_MAX + 1));
    *at++ = ',';
    buffer_end(&to->text, at);
}

void members_put_cookie(struct members *to, uint64_t cookie)
{
    if (!cookie) {
        put_null(to);
        return;
    }
    char *at = buffer_space(&to->text, TEXT_INTEGER_MAX + 3);
    if (!to->cells)
        *at++ = '"';
    at = text_unsigned_hex(cookie, at);
    if (!to->cells)
        *at++ = '"';
    *at++ = ',';
    buffer_end(&to->text, at);
}

/* ---- Objects and arrays ---- */

/* Takes the last value's comma back, if there is a value. */
static void take_comma(struct members *to)
{
    if (to->text.size && to->text.text[to->text.size - 1] == ',')
        to->text.size--;
}

void members_open(struct members *to, const char *key, char bracket)
{
    if (members_is_tree(to)) {
        tree_open(to, key, bracket);
        return;
    }
    members_key(to, key);
    to->depth++;
    if (to->cells && bracket == '[') {
        to->array = to->text.size;
        to->array_depth = to->depth;
        to->cells = false;
    }
    if (!to->cells)
        buffer_add(&to->text, &bracket, 1);
    to->brackets[to->depth] = bracket;
}

/* An array that was a cell becomes one: quoted. */
static void end_array(struct members *to)
{
    size_t size = to->text.size - to->array;
    char *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, to->text.text + to->array, size);
    to->text.size = to->array;
    put_cell(to, copy, size);
    free(copy);
    to->array_depth = 0;
    to->cells = true;
}

void members_close(struct members *to)
{
    unsigned depth = to->depth--;
    if (members_is_tree(to) || to->cells)
        return;
    take_comma(to);
    buffer_add(&to->text, to->brackets[depth] == '{' ? "}," : "],", 2);
    if (depth == to->array_depth) {
        take_comma(to);
        end_array(to);
    }
}

void members_nothing(struct members *to, const char *key, unsigned members)
{
    if (members_is_tree(to)) {
        members_tree_text(to, key, NULL);
        return;
    }
    members_key(to, key);
    for (unsigned i = 0; i < (to->cells ? members : 1); i++)
        put_null(to);
}

/* ---- What was put before ---- */

enum { KEPT = 256 };

struct kept {
    uint64_t key[MEMBERS_KEY_WORDS];
    size_t words;
    bool cells;
    struct buffer text; /* empty: none */
};

static struct kept *kept_of(struct members *to, const uint64_t *key, size_t words)
{
    uint64_t hash = 0;
    if (!to->kept && !(to->kept = calloc(KEPT, sizeof *to->kept)))
        abort();
    for (size_t i = 0; i < words; i++)
        hash = (hash ^ key[i]) * 0x9e3779b97f4a7c15u;
    return &to->kept[hash >> 56];
}

bool members_again(struct members *to, const uint64_t *key, size_t words)
{
    to->keeping = NULL;
    if (members_is_tree(to) || words > MEMBERS_KEY_WORDS)
        return false;
    struct kept *kept = kept_of(to, key, words);
    if (kept->text.size && kept->words == words && kept->cells == to->cells &&
        memcmp(kept->key, key, words * sizeof *key) == 0) {
        buffer_add(&to->text, kept->text.text, kept->text.size);
        return true;
    }
    memcpy(kept->key, key, words * sizeof *key);
    kept->words = words;
    kept->cells = to->cells;
    kept->text.size = 0;
    to->keeping = kept;
    to->keeping_from = to->text.size;
    return false;
}

void members_keep(struct members *to)
{
    struct kept *kept = to->keeping;
    if (!kept)
        return;
    buffer_add(&kept->text, to->text.text + to->keeping_from, to->text.size - to->keeping_from);
    to->keeping = NULL;
}

/* ---- A line, a row ---- */

static void begin(struct members *to, bool cells)
{
    to->text.size = to->depth = to->array_depth = 0;
    to->cells = cells;
}

void members_line(struct members *to)
{
    begin(to, false);
    buffer_add(&to->text, "{", 1);
}

void members_row(struct members *to)
{
    begin(to, true);
}

const struct buffer *members_end(struct members *line)
{
    take_comma(line);
    buffer_add(&line->text, "}", 1);
    return &line->text;
}

cJSON *members_end_raw(struct members *line)
{
    members_end(line);
    buffer_add(&line->text, "", 1);
    return value_written(line->text.text);
}

static bool print(struct members *from, const char *end, FILE *out)
{
    take_comma(from);
    buffer_add(&from->text, end, strlen(end));
    return fwrite_unlocked(from->text.text, 1, from->text.size, out) == from->text.size;
}

bool members_print(struct members *from, FILE *out)
{
    return print(from, from->cells ? "\r\n" : "}\n", out);
}

bool members_print_element(struct members *from, FILE *out)
{
    return print(from, "}", out);
}

void members_free(struct members *members)
{
    for (unsigned i = 0; members->kept && i < KEPT; i++)
        buffer_free(&members->kept[i].text);
    free(members->kept);
    buffer_free(&members->text);
    *members = (struct members){0};
}
