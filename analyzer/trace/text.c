/* SPDX-License-Identifier: MIT
 *
 * Escaping and hexadecimal, see text.h.
 */
#include "analyzer/trace/text.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

/* The length of the UTF-8 sequence of a code point above 0x9f at `bytes`, or 0 when there is none (RFC 3629, section
 * 4). */
static size_t utf8_length(const unsigned char *bytes, size_t size)
{
    unsigned char lead = bytes[0];
    size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    unsigned char second = bytes[1];
    bool refused = (lead == 0xc2 && second < 0xa0) || (lead == 0xe0 && second < 0xa0) ||
                   (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
                   (lead == 0xf4 && second > 0x8f);
    return refused ? 0 : length;
}

size_t text_escape(const void *bytes, size_t size, char *out)
{
    const unsigned char *in = bytes;
    char *to = out;
    for (size_t i = 0; i < size;) {
        size_t length = in[i] >= 0x80 ? utf8_length(in + i, size - i) : in[i] >= 0x20 && in[i] < 0x7f && in[i] != '\\';
        if (length != 0) {
            memcpy(to, in + i, length);
            to += length;
            i += length;
            continue;
        }
        *to++ = '\\';
        if (in[i] == '\\') {
            *to++ = '\\';
        } else {
            *to++ = 'x';
            *to++ = digits[in[i] >> 4];
            *to++ = digits[in[i] & 15];
        }
        i++;
    }
    *to = 0;
    return (size_t)(to - out);
}

static int digit_value(char digit)
{
    const char *at = digit == 0 ? NULL : strchr(digits, digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Two hexadecimal digits, or -1. */
static int byte_value(const char *text)
{
    int high = digit_value(text[0]);
    int low = high < 0 ? -1 : digit_value(text[1]);
    return low < 0 ? -1 : high << 4 | low;
}

bool text_unescape(const char *text, void *out, size_t room, size_t *size)
{
    unsigned char *to = out;
    size_t done = 0;
    while (*text != 0) {
        int byte = (unsigned char)*text;
        size_t length = 1;
        if (*text == '\\') {
            bool hex = text[1] == 'x';
            byte = hex ? byte_value(text + 2) : text[1] == '\\' ? '\\' : -1;
            length = hex ? 4 : 2;
        }
        if (byte < 0 || done == room)
            return false;
        to[done++] = (unsigned char)byte;
        text += length;
    }
    *size = done;
    return true;
}

void text_hex(const void *bytes, size_t size, char *out)
{
    const unsigned char *in = bytes;
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * size] = 0;
}

bool text_unhex(const char *text, void *out, size_t room, size_t *size)
{
    unsigned char *to = out;
    size_t length = strlen(text);
    if (length % 2 != 0 || length / 2 > room)
        return false;
    for (size_t i = 0; i < length / 2; i++) {
        int byte = byte_value(text + 2 * i);
        if (byte < 0)
            return false;
        to[i] = (unsigned char)byte;
    }
    *size = length / 2;
    return true;
}
