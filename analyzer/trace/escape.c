/* SPDX-License-Identifier: MIT
 *
 * What each kind of output may hold, see escape.h.
 */
#include "analyzer/trace/escape.h"

#include <stdlib.h>
#include <string.h>

enum { SPECIALS_MAX = 24 };

/* A byte that may not stand in any output is written `mark` and two hexadecimal digits. `special` are the characters of
 * ASCII that this output writes otherwise, `as` how, in the same order. */
static const struct output {
    const char *mark;
    const char *special;
    const char *as[SPECIALS_MAX];
} outputs[ESCAPE_KINDS] = {
    [ESCAPE_TEXT] = {"\\x", "\\", {"\\\\"}},
    [ESCAPE_MESSAGE] = {"\\x", "", {NULL}},
    [ESCAPE_JSON] = {"\\\\x", "\"\\", {"\\\"", "\\\\"}},
    /* Neither `</script` nor `<!--`. */
    [ESCAPE_SCRIPT] = {"\\\\x", "<\n", {"\\u003c", "\n"}},
    [ESCAPE_CSV] = {"\\x", "\"", {"\"\""}},
    /* Graphviz reads `&lt;` and the like as HTML does. */
    [ESCAPE_DOT] = {"\\\\x", "\"\\&", {"\\\"", "\\\\", "&amp;"}},
    /* Mermaid looks for directives, Markdown and HTML in quoted text too: what is no plain character is an entity. */
    [ESCAPE_MERMAID] = {"#92;x",
                        "!\"#$%&'*;<>?[\\]^`{|}~",
                        {"#33;", "#34;", "#35;", "#36;", "#37;", "#38;", "#39;",  "#42;",  "#59;",  "#60;", "#62;",
                         "#63;", "#91;", "#92;", "#93;", "#94;", "#96;", "#123;", "#124;", "#125;", "#126;"}},
    /* As Zeek's own writer, which knows no other escape. */
    [ESCAPE_ZEEK] = {"\\x", "\\", {"\\x5c"}},
};

/* Of each byte: it stays, it is special (1 + its place), or more has to be looked at. */
enum { STAYS = 0, LOOK = 255 };
static uint8_t classes[ESCAPE_KINDS][256];

/* Filled before main(), as several threads read it. */
__attribute__((constructor)) static void fill_classes(void)
{
    for (unsigned kind = 0; kind < ESCAPE_KINDS; kind++) {
        for (unsigned byte = 0; byte < 256; byte++)
            classes[kind][byte] = byte >= ' ' && byte < 0x7f ? STAYS : LOOK;
        for (unsigned i = 0; outputs[kind].special[i]; i++)
            classes[kind][(unsigned char)outputs[kind].special[i]] = (uint8_t)(i + 1);
    }
}

/* ---- Characters ---- */

/* Characters beyond ASCII that no output holds. */
static const struct {
    uint32_t first, last;
} refused[] = {
    {0x80, 0x9f},     /* C1 */
    {0x61c, 0x61c},   /* Arabic letter mark */
    {0x200e, 0x200f}, /* left-to-right and right-to-left mark */
    {0x2028, 0x202e}, /* line and paragraph separator; embeddings and overrides of direction */
    {0x2066, 0x2069}, /* isolates of direction */
    {0xd800, 0xdfff}, /* surrogates */
    {0xfffe, 0xffff}, /* no characters, nor in XML */
    {0x110000, UINT32_MAX},
};

static bool is_refused(uint32_t character)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused && character >= refused[i].first; i++)
        if (character <= refused[i].last)
            return true;
    return false;
}

/* RFC 3629, section 3: the length of a sequence, the bits of its first byte, and its least character: one that would
 * fit into fewer bytes is none. */
size_t escape_character(const void *bytes, size_t size, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *in = bytes;
    if (size == 0 || in[0] < ' ' || in[0] == 0x7f)
        return 0;
    *character = in[0];
    if (in[0] < 0x80)
        return 1;
    size_t length = (in[0] & 0xe0) == 0xc0 ? 2 : (in[0] & 0xf0) == 0xe0 ? 3 : (in[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (length == 0 || length > size)
        return 0;
    uint32_t value = in[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((in[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (in[i] & 0x3f);
    }
    *character = value;
    return value < least[length] || is_refused(value) ? 0 : length;
}

size_t escape_cut(const char *text, size_t most)
{
    size_t at = strnlen(text, most + 1);
    if (at <= most)
        return at;
    for (at = most; at > 0 && most - at < 4 && ((unsigned char)text[at] & 0xc0) == 0x80; at--)
        continue;
    return at;
}

/* ---- Strings ---- */

static char *put(char *to, const char *text)
{
    return mempcpy(to, text, strlen(text));
}

static char *put_byte(char *to, const char *mark, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    to = put(to, mark);
    *to++ = digits[byte >> 4];
    *to++ = digits[byte & 15];
    return to;
}

size_t escape(enum escape kind, const void *bytes, size_t size, char *out)
{
    const struct output *output = &outputs[kind];
    const uint8_t *class_of = classes[kind];
    const unsigned char *in = bytes, *end = in + size;
    char *to = out;
    while (in < end) {
        const unsigned char *from = in;
        uint32_t character;
        while (in < end && class_of[*in] == STAYS)
            in++;
        to = mempcpy(to, from, (size_t)(in - from));
        if (in == end)
            break;
        if (class_of[*in] != LOOK) {
            to = put(to, output->as[class_of[*in++] - 1]);
            continue;
        }
        size_t length = escape_character(in, (size_t)(end - in), &character);
        if (length) {
            to = mempcpy(to, in, length);
            in += length;
        } else {
            to = put_byte(to, output->mark, *in++);
        }
    }
    *to = '\0';
    return (size_t)(to - out);
}

/* Eight bytes at a time: none is above 0x7f, below 0x20 (a borrow out of one that is sets its own highest bit) or 0x7f.
 */
bool escape_is_ascii(const void *bytes, size_t size)
{
    const uint64_t ones = 0x0101010101010101u;
    const unsigned char *in = bytes;
    uint64_t word = 0, found = 0;
    for (; size >= sizeof word; size -= sizeof word, in += sizeof word) {
        memcpy(&word, in, sizeof word);
        found |= word | (word - ones * ' ') | (word + ones);
    }
    for (; size > 0; size--, in++)
        found |= *in >= ' ' && *in < 0x7f ? 0 : ones << 7;
    return (found & ones << 7) == 0;
}

bool escape_is_plain(enum escape kind, const void *bytes, size_t size)
{
    const uint8_t *class_of = classes[kind];
    const unsigned char *in = bytes, *end = in + size;
    while (in < end) {
        uint32_t character;
        size_t length = class_of[*in] == STAYS  ? 1
                        : class_of[*in] == LOOK ? escape_character(in, (size_t)(end - in), &character)
                                                : 0;
        if (length == 0)
            return false;
        in += length;
    }
    return true;
}

char *escape_new(enum escape kind, const char *text)
{
    size_t size = strlen(text);
    char *escaped = malloc(ESCAPED_MAX(size));
    if (!escaped)
        abort();
    escape(kind, text, size, escaped);
    return escaped;
}

void escape_put(enum escape kind, const char *text, FILE *out)
{
    enum { PIECE = 512 };
    char capacity[ESCAPED_MAX(PIECE)];
    while (*text) {
        size_t size = escape_cut(text, PIECE);
        size_t length = escape(kind, text, size, capacity);
        fwrite(capacity, 1, length, out);
        text += size;
    }
}
