/* SPDX-License-Identifier: MIT
 *
 * Columns of text, see columns.h. The C library knows how wide a character is; it is asked in a locale of UTF-8, as the
 * output is UTF-8 whatever the user's locale is.
 */
#include "analyzer/view/columns.h"

#include "analyzer/trace/escape.h"

#include <locale.h>
#include <stdint.h>
#include <wchar.h>

static unsigned width_of(uint32_t character)
{
    static locale_t utf8;
    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    locale_t former = utf8 ? uselocale(utf8) : NULL;
    int width = wcwidth((wchar_t)character);
    if (former)
        uselocale(former);
    return width < 0 ? 1 : (unsigned)width; /* newer than the library */
}

/* The size of the first character, and its columns. A byte that is none is one column. */
static size_t step(const char *text, size_t size, unsigned *columns)
{
    uint32_t character = 0;
    size_t length = (unsigned char)*text < 0x80 ? 0 : escape_character(text, size, &character);
    *columns = length ? width_of(character) : 1;
    return length ? length : 1;
}

unsigned columns_of(const char *text, size_t size)
{
    unsigned total = 0, columns;
    if (escape_is_ascii(text, size))
        return (unsigned)size;
    for (size_t at = 0; at < size; total += columns)
        at += step(text + at, size - at, &columns);
    return total;
}

size_t columns_beginning(const char *text, size_t size, unsigned most)
{
    unsigned total = 0, columns;
    size_t at = 0;
    while (at < size) {
        size_t length = step(text + at, size - at, &columns);
        if (total + columns > most)
            break;
        total += columns;
        at += length;
    }
    return at;
}

size_t columns_ending(const char *text, size_t size, unsigned most)
{
    unsigned rest = columns_of(text, size), columns;
    size_t at = 0;
    while (at < size) {
        size_t length = step(text + at, size - at, &columns);
        if (rest <= most && columns)
            break;
        rest -= columns;
        at += length;
    }
    return at;
}
