/* SPDX-License-Identifier: MIT
 *
 * mutate SEED FROM TO  writes a copy of FROM with a few changes that the number SEED decides: of a log, to fields of
 * its records and its header; of lines, to bytes and numbers. The same SEED gives the same copy.
 */
#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_READ = 1 << 20, CHANGES_MAX = 12 };

static unsigned char bytes[2 * SIZE_MAX_READ];
static size_t size;
static uint64_t state;

static uint64_t next(void)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t value = state;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static size_t below(size_t end)
{
    return end ? (size_t)(next() % end) : 0;
}

/* Numbers at which a reader's arithmetic turns. */
static uint64_t odd_number(void)
{
    static const uint64_t numbers[] = {0,          1,          7,         63,        64,        255,
                                       256,        4095,       65535,     1048575,   INT32_MAX, 0x80000000,
                                       UINT32_MAX, 1ull << 40, INT64_MAX, UINT64_MAX};
    return numbers[below(sizeof numbers / sizeof *numbers)];
}

static void put(size_t at, size_t width)
{
    uint64_t number = odd_number();
    if (at + width <= size)
        memcpy(bytes + at, &number, width);
}

static void change_log(void)
{
    size_t slots = (size - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE;
    size_t slot = SOCKATLAS_HEADER_SIZE + below(slots) * SOCKATLAS_SLOT_SIZE;
    size_t other = SOCKATLAS_HEADER_SIZE + below(slots) * SOCKATLAS_SLOT_SIZE;
    switch (below(8)) {
    case 0:
        bytes[slot] = (unsigned char)(1 + below(32)); /* its kind */
        break;
    case 1:
        put(slot + offsetof(struct sockatlas_common, fd), 4);
        break;
    case 2:
        put(slot + offsetof(struct sockatlas_common, time_ns) + below(2) * 8, 8);
        break;
    case 3:
        put(slot + below(SOCKATLAS_SLOT_SIZE - 8), (size_t)1 << below(4));
        break;
    case 4:
        memmove(bytes + slot, bytes + other, SOCKATLAS_SLOT_SIZE);
        break;
    case 5:
        bytes[slot + below(SOCKATLAS_SLOT_SIZE)] ^= (unsigned char)(1u << below(8));
        break;
    case 6:
        put(sizeof((struct sockatlas_header *)0)->magic + below(600), (size_t)1 << below(4)); /* the header */
        break;
    default: /* the other's number, cookie, process */
        memcpy(bytes + slot + 4, bytes + other + 4, 12);
        memcpy(bytes + slot + 24, bytes + other + 24, 8);
        break;
    }
}

static void change_lines(void)
{
    static const char *const texts[] = {
        "null", "-1", "1e999", "\"\\u0000\"", "[[[[", "\"\\ud800\"", "99999999999999999999",
        "{}",   "\n", "true",  "\xff",        "\"",   "1048575"};
    size_t at = below(size);
    const char *text = texts[below(sizeof texts / sizeof *texts)];
    switch (below(4)) {
    case 0:
        bytes[at] = (unsigned char)next();
        break;
    case 1: /* a value becomes another */
        while (at < size && bytes[at] != ':')
            at++;
        if (at + 1 + strlen(text) < size)
            for (; *text; text++)
                bytes[++at] = (unsigned char)*text;
        break;
    case 2: { /* a piece again */
        size_t length = 1 + below(size - at < 400 ? size - at : 400), to = below(size);
        memmove(bytes + to + length, bytes + to, size - to);
        memmove(bytes + to, bytes + (at >= to ? at + length : at), length);
        size += length;
        break;
    }
    default: { /* a piece less */
        size_t length = 1 + below(size - at < 200 ? size - at : 200);
        memmove(bytes + at, bytes + at + length, size - at - length);
        size -= length;
        break;
    }
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: mutate SEED FROM TO\n", stderr);
        return 2;
    }
    state = strtoull(argv[1], NULL, 10);
    FILE *from = fopen(argv[2], "re"), *to = fopen(argv[3], "we");
    if (!from || !to) {
        perror(from ? argv[3] : argv[2]);
        return 1;
    }
    size = fread(bytes, 1, SIZE_MAX_READ, from);
    bool log = size > SOCKATLAS_HEADER_SIZE + SOCKATLAS_SLOT_SIZE &&
               memcmp(bytes, SOCKATLAS_MAGIC, sizeof((struct sockatlas_header *)0)->magic) == 0;
    for (size_t changes = 1 + below(CHANGES_MAX); changes > 0 && size > 1 && size < SIZE_MAX_READ; changes--)
        log ? change_log() : change_lines();
    bool written = fwrite(bytes, 1, size, to) == size;
    fclose(from);
    return fclose(to) == 0 && written ? 0 : 1;
}
