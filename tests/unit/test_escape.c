/* SPDX-License-Identifier: MIT
 *
 * What each kind of output writes for the characters that it may not hold, and for those that mean something in it.
 */
#include "analyzer/trace/escape.h"
#include "analyzer/trace/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void check(enum escape kind, const char *bytes, size_t size, const char *expected)
{
    char out[ESCAPED_MAX(256)];
    size_t length = escape(kind, bytes, size, out);
    cr_assert_str_eq(out, expected, "kind %d: %s, not %s", (int)kind, out, expected);
    cr_assert_eq(length, strlen(expected));
    cr_assert_eq(escape_is_plain(kind, bytes, size), size == length && memcmp(bytes, out, size) == 0);
}

#define CHECK(kind, bytes, expected) check(kind, bytes, sizeof bytes - 1, expected)

/* Bytes, and how a text has them. */
static const struct {
    const char *bytes;
    const char *text;
} refused[] = {
    {"\x01", "\\x01"},
    {"\t", "\\x09"},
    {"\n", "\\x0a"},
    {"\r", "\\x0d"},
    {"\x1b]0;T\x07", "\\x1b]0;T\\x07"},
    {"\x1f", "\\x1f"},
    {"\x7f", "\\x7f"},
    {"\x80\x9f", "\\x80\\x9f"},                   /* C1, as bytes */
    {"\xc2\x80\xc2\x9f", "\\xc2\\x80\\xc2\\x9f"}, /* C1, as UTF-8 */
    {"\xd8\x9c", "\\xd8\\x9c"},                   /* U+061C */
    {"\xe2\x80\x8e", "\\xe2\\x80\\x8e"},          /* U+200E */
    {"\xe2\x80\x8f", "\\xe2\\x80\\x8f"},          /* U+200F */
    {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},          /* U+2028 */
    {"\xe2\x80\xaa", "\\xe2\\x80\\xaa"},          /* U+202A */
    {"\xe2\x80\xae", "\\xe2\\x80\\xae"},          /* U+202E */
    {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},          /* U+2066 */
    {"\xe2\x81\xa9", "\\xe2\\x81\\xa9"},          /* U+2069 */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* U+D800 */
    {"\xed\xbf\xbf", "\\xed\\xbf\\xbf"},          /* U+DFFF */
    {"\xef\xbf\xbe", "\\xef\\xbf\\xbe"},          /* U+FFFE */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* U+110000 */
    {"\xc0\x80", "\\xc0\\x80"},                   /* two bytes where one is enough */
    {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},          /* three where two are */
    {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"}, /* four where three are */
    {"\xe2\x82", "\\xe2\\x82"},                   /* cut short */
    {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
    {"\xff", "\\xff"},
};

Test(escape, what_no_output_holds)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *bytes = refused[i].bytes, *text = refused[i].text;
        check(ESCAPE_TEXT, bytes, strlen(bytes), text);
        check(ESCAPE_MESSAGE, bytes, strlen(bytes), text);
        check(ESCAPE_CSV, bytes, strlen(bytes), text);
        check(ESCAPE_ZEEK, bytes, strlen(bytes), text);
        char back[64];
        size_t size = 0;
        cr_assert(text_unescape(text, back, sizeof back, &size));
        cr_assert(size == strlen(bytes) && memcmp(back, bytes, size) == 0, "%s does not come back", text);
    }
    check(ESCAPE_TEXT, "a\0b", 3, "a\\x00b");
}

Test(escape, what_stays)
{
    static const char *const stays[] = {
        "plain",        "\xc2\xa0",     "\xdf\xbf",         "\xe2\x80\x90",     "\xe2\x81\xaa", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbd", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "e\xcc\x81",    ""};
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
        for (enum escape kind = 0; kind < ESCAPE_KINDS; kind++)
            check(kind, stays[i], strlen(stays[i]), stays[i]);
}

Test(escape, what_means_something)
{
    CHECK(ESCAPE_TEXT, "a\\b\"<&", "a\\\\b\"<&");
    CHECK(ESCAPE_MESSAGE, "a\\b\"<&\n", "a\\b\"<&\\x0a");
    CHECK(ESCAPE_JSON, "a\\b\"<&\n", "a\\\\b\\\"<&\\\\x0a");
    CHECK(ESCAPE_SCRIPT, "{\"a\":\"</script><!--\"},\n[]\x1b", "{\"a\":\"\\u003c/script>\\u003c!--\"},\n[]\\\\x1b");
    CHECK(ESCAPE_CSV, "a\"b", "a\"\"b");
    CHECK(ESCAPE_DOT, "a\\N\"&lt;\n", "a\\\\N\\\"&amp;lt;\\\\x0a");
    CHECK(ESCAPE_MERMAID, "a\"]#`<\n", "a#34;#93;#35;#96;#60;#92;x0a");
    CHECK(ESCAPE_ZEEK, "a\\\tb", "a\\x5c\\x09b");
}

/* Of every single byte and every pair: a second time nothing is left to do, but for backslashes. */
Test(escape, a_message_is_settled)
{
    for (unsigned pair = 0; pair < 1u << 16; pair++) {
        char bytes[2] = {(char)(pair >> 8), (char)pair}, once[ESCAPED_MAX(2)];
        size_t size = escape(ESCAPE_MESSAGE, bytes, 2, once);
        cr_assert(escape_is_plain(ESCAPE_MESSAGE, once, size), "%04x", pair);
        bool ascii = bytes[0] >= ' ' && bytes[0] < 0x7f && bytes[1] >= ' ' && bytes[1] < 0x7f;
        cr_assert_eq(escape_is_ascii(bytes, 2), ascii, "%04x", pair);
    }
}

/* A byte at each place of eight, and behind them. */
Test(escape, ascii_is_told_at_every_place)
{
    for (unsigned size = 0; size < 20; size++)
        for (unsigned at = 0; at < size; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[20];
                memset(text, byte % 3 ? '~' : ' ', size);
                text[at] = (char)byte;
                cr_assert_eq(escape_is_ascii(text, size), byte >= ' ' && byte < 0x7f, "%02x at %u of %u", byte, at,
                             size);
            }
}

Test(escape, long_strings_in_pieces)
{
    char text[3000], *written = NULL, *expected;
    size_t size = 0;
    for (size_t at = 0; at < sizeof text - 1; at++)
        text[at] = "\xe6\xbc\xa2"[at % 3];
    text[sizeof text - 1] = '\0';
    FILE *out = open_memstream(&written, &size);
    escape_put(ESCAPE_TEXT, text + 1, out);
    fclose(out);
    expected = escape_new(ESCAPE_TEXT, text + 1);
    cr_assert_str_eq(written, expected);
    free(written);
    free(expected);
}

Test(escape, cut_between_characters)
{
    cr_assert_eq(escape_cut("abc", 5), 3);
    cr_assert_eq(escape_cut("abc", 2), 2);
    cr_assert_eq(escape_cut("a\xe6\xbc\xa2z", 3), 1);
    cr_assert_eq(escape_cut("a\xe6\xbc\xa2z", 4), 4);
    cr_assert_eq(escape_cut("\x80\x80\x80\x80\x80\x80\x80\x80", 6), 2);
}
