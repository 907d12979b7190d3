/* SPDX-License-Identifier: MIT
 *
 * What an output must be, see oracle.h.
 */
#include "tests/fuzz/oracle.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static void refuse(const char *view, const char *what, const char *text, size_t at)
{
    size_t from = at > 60 ? at - 60 : 0;
    fprintf(stderr, "%s: %s, at byte %zu, behind: %.*s\n", view, what, at, (int)(at - from), text + from);
    abort();
}

static bool steers(wchar_t character, enum demand demand)
{
    if (character == '\n')
        return false;
    if (character == '\r')
        return demand != DEMAND_CSV;
    if (character == '\t')
        return demand != DEMAND_FIELDS && demand != DEMAND_JSON; /* between values: in a string it were no JSON */
    return character < ' ' || (character >= 0x7f && character < 0xa0) || character == 0x61c || character == 0x200e ||
           character == 0x200f || (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069) || character == 0xfffe || character == 0xffff;
}

/* The C library decodes: it refuses surrogates and what is longer than it need be. */
static void check_characters(const char *view, enum demand demand, const char *text, size_t size)
{
    static locale_t utf8;
    if (!utf8 && !(utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL)))
        abort();
    locale_t former = uselocale(utf8);
    mbstate_t state = {0};
    for (size_t at = 0, length; at < size; at += length) {
        wchar_t character = 0;
        length = mbrtowc(&character, text + at, size - at, &state);
        if (length == 0 || length > size)
            refuse(view, "no UTF-8", text, at);
        if (steers(character, demand))
            refuse(view, "a character that steers", text, at);
    }
    uselocale(former);
}

static void check_json(const char *view, const char *text, size_t size)
{
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!value)
        refuse(view, "no JSON", text, end ? (size_t)(end - text) : 0);
    for (; end < text + size; end++)
        if (!isspace((unsigned char)*end))
            refuse(view, "more than one value", text, (size_t)(end - text));
    cJSON_Delete(value);
}

static void check_lines(const char *view, const char *text, size_t size)
{
    for (const char *at = text, *end; at < text + size; at = end + 1) {
        end = memchr(at, '\n', (size_t)(text + size - at));
        if (!end)
            refuse(view, "a line without its end", text, size);
        check_json(view, at, (size_t)(end - at));
    }
}

static bool is_number(const char *cell, size_t size)
{
    for (size_t i = cell[0] == '-'; i < size; i++)
        if (!isdigit((unsigned char)cell[i]))
            return false;
    return size > 1;
}

/* The closing quote of a cell whose text begins at `at`. */
static const char *closing(const char *view, const char *text, const char *at, const char *end)
{
    while (at < end && (at = memchr(at, '"', (size_t)(end - at))) && at + 1 < end && at[1] == '"')
        at += 2;
    if (!at || at == end)
        refuse(view, "a cell without its end", text, (size_t)(end - text));
    return at;
}

/* One cell; returns its end. */
static const char *check_cell(const char *view, const char *text, const char *at, const char *end)
{
    bool quoted = *at == '"';
    const char *begin = at + quoted;
    if (quoted)
        at = closing(view, text, begin, end);
    else
        while (at < end && !strchr(",\r\"", *at))
            at++;
    size_t size = (size_t)(at - begin);
    if (size && strchr("=+-@", *begin) && !is_number(begin, size))
        refuse(view, "a formula", text, (size_t)(begin - text));
    return at + quoted;
}

static void check_csv(const char *view, const char *text, size_t size)
{
    const char *end = text + size;
    unsigned columns = 0, count = 0;
    for (const char *at = text; at < end;) {
        at = check_cell(view, text, at, end);
        count++;
        if (end - at >= 2 && memcmp(at, "\r\n", 2) == 0) {
            if (columns && count != columns)
                refuse(view, "a row of another length", text, (size_t)(at - text));
            columns = count;
            count = 0;
            at += 2;
        } else if (at == end || *at++ != ',') {
            refuse(view, "neither a comma nor a line's end behind a cell", text, (size_t)(at - text));
        }
    }
}

/* Quotes are in pairs in each line; a backslash takes the next character along. */
static void check_quoted(const char *view, const char *text, size_t size)
{
    bool inside = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\' && inside)
            i++;
        else if (text[i] == '"')
            inside = !inside;
        else if (text[i] == '\n' && inside)
            refuse(view, "a quote without its end", text, i);
    }
}

static void check_page(const char *view, const char *text, size_t size)
{
    static const char begin[] = "<script type=\"application/json\">", end[] = "</script>";
    const size_t around = sizeof begin - 1 + sizeof end - 1;
    if (size < around || memcmp(text, begin, sizeof begin - 1) != 0 ||
        memcmp(text + size - (sizeof end - 1), end, sizeof end - 1) != 0)
        refuse(view, "no page", text, 0);
    const char *data = text + sizeof begin - 1, *inside = memchr(data, '<', size - around);
    if (inside)
        refuse(view, "a < in the data", text, (size_t)(inside - text));
    check_json(view, data, size - around);
}

void oracle_check(const char *view, enum demand demand, const char *text, size_t size)
{
    check_characters(view, demand, text, size);
    switch (demand) {
    case DEMAND_TEXT:
    case DEMAND_FIELDS:
        break;
    case DEMAND_JSON:
        check_json(view, text, size);
        break;
    case DEMAND_LINES:
        check_lines(view, text, size);
        break;
    case DEMAND_CSV:
        check_csv(view, text, size);
        break;
    case DEMAND_QUOTED:
        check_quoted(view, text, size);
        break;
    case DEMAND_PAGE:
        check_page(view, text, size);
        break;
    }
}
