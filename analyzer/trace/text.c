/* SPDX-License-Identifier: MIT
 *
 * Escaping, hexadecimal and numbers, see text.h.
 */
#include "analyzer/trace/text.h"

#include "analyzer/trace/escape.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

size_t text_escape(const void *bytes, size_t size, char *out)
{
    return escape(ESCAPE_TEXT, bytes, size, out);
}

int text_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    char lower = (char)(digit | ('a' - 'A'));
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Two hexadecimal digits, or -1. */
static int byte_value(const char *text)
{
    int high = text_digit(text[0]);
    int low = high < 0 ? -1 : text_digit(text[1]);
    return low < 0 ? -1 : high << 4 | low;
}

bool text_unescape(const char *text, void *out, size_t capacity, size_t *size)
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
        if (byte < 0 || done == capacity)
            return false;
        to[done++] = (unsigned char)byte;
        text += length;
    }
    *size = done;
    return true;
}

char *text_copy(char *out, size_t capacity, const char *text)
{
    size_t size = strlen(text);
    size = size < capacity ? size : capacity - 1;
    memcpy(out, text, size);
    out[size] = '\0';
    return out;
}

const char *text_name(const char *name)
{
    return *name ? name : "''";
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

bool text_unhex(const char *text, void *out, size_t capacity, size_t *size)
{
    unsigned char *to = out;
    size_t length = strlen(text);
    if (length % 2 != 0 || length / 2 > capacity)
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

/* ---- Numbers ---- */

/* The binary digits tell the decimal ones but for one. */
static unsigned digits_of(uint64_t number)
{
    static const uint64_t powers[] = {1,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000,
                                      100000000000,
                                      1000000000000,
                                      10000000000000,
                                      100000000000000,
                                      1000000000000000,
                                      10000000000000000,
                                      100000000000000000,
                                      1000000000000000000,
                                      10000000000000000000u};
    number |= 1;
    unsigned least = (64u - (unsigned)__builtin_clzll(number)) * 1233 >> 12; /* log10(2) */
    return least + (number >= powers[least]);
}

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
    "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
    "9899";

/* Two digits at a time, from the last, which is before `at`. */
static void put_digits(uint32_t number, char *at)
{
    for (; number >= 100; number /= 100)
        memcpy(at -= 2, &pairs[number % 100 * 2], 2);
    if (number >= 10)
        memcpy(at - 2, &pairs[number * 2], 2);
    else
        at[-1] = (char)('0' + number);
}

/* Eight digits, leading zeros too. */
static void put_eight(uint32_t number, char *at)
{
    for (int i = 3; i >= 0; i--, number /= 100)
        memcpy(at + 2 * i, &pairs[number % 100 * 2], 2);
}

char *text_unsigned(uint64_t number, char *out)
{
    const uint32_t eight = 100000000;
    if (number < 10) {
        *out = (char)('0' + number);
        return out + 1;
    }
    char *end = out + digits_of(number), *at = end;
    for (; number >= eight; number /= eight)
        put_eight((uint32_t)(number % eight), at -= 8);
    put_digits((uint32_t)number, at);
    return end;
}

char *text_signed(int64_t number, char *out)
{
    if (number >= 0)
        return text_unsigned((uint64_t)number, out);
    *out = '-';
    return text_unsigned(-(uint64_t)number, out + 1);
}

char *text_unsigned_hex(uint64_t number, char *out)
{
    unsigned count = 1;
    for (uint64_t rest = number; rest >>= 4;)
        count++;
    for (unsigned i = count; i > 0; number >>= 4)
        out[--i] = digits[number & 15];
    return out + count;
}
