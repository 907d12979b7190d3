/* SPDX-License-Identifier: MIT
 *
 * Bytes that need not be text (paths, names, command lines) as text that is, and back without loss; numbers as text.
 */
#ifndef ANALYZER_TRACE_TEXT_H
#define ANALYZER_TRACE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Space that text_escape() needs for `size` bytes, NUL included. */
#define TEXT_ESCAPED_MAX(size) ((size)*4 + 1)

/* escape() of ESCAPE_TEXT: a backslash becomes `\\`, a byte that no output may hold `\xNN`. */
size_t text_escape(const void *bytes, size_t size, char *out);
/* The inverse. `out` has space for `capacity` bytes; false when `text` is longer than that or has a backslash that
 * escapes nothing. */
bool text_unescape(const char *text, void *out, size_t capacity, size_t *size);

/* As much of `text` as `capacity` bytes hold, a NUL among them. Returns `out`. */
char *text_copy(char *out, size_t capacity, const char *text);
/* A name as a message has it: an empty one must not look like none. */
const char *text_name(const char *name);

/* The value of a hexadecimal digit, or -1. */
int text_digit(char digit);
/* Lower-case hexadecimal: `out` has space for 2 * size + 1. */
void text_hex(const void *bytes, size_t size, char *out);
/* The inverse; false when it is none or longer than `capacity`. */
bool text_unhex(const char *text, void *out, size_t capacity, size_t *size);

/* Space for any integer below, which is not NUL-terminated; each returns the end of what it wrote. printf takes five
 * times as long. */
#define TEXT_INTEGER_MAX 20
char *text_unsigned(uint64_t number, char *out);
char *text_signed(int64_t number, char *out);
/* Lower-case hexadecimal without leading zeros. */
char *text_unsigned_hex(uint64_t number, char *out);

#endif
