/* SPDX-License-Identifier: MIT
 *
 * Strings that came from outside (names of programs, hosts and files, command lines, paths of sockets, names looked up)
 * as each kind of output may hold them. Every output goes through escape(): what it writes is valid UTF-8 without
 * control characters (C0, DEL, C1), without characters that turn the direction of writing, without line and paragraph
 * separators, without surrogates and without U+FFFE and U+FFFF, which XML forbids. Each byte of such a character, and
 * each byte that is not UTF-8, is written `\xNN`.
 */
#ifndef ANALYZER_TRACE_ESCAPE_H
#define ANALYZER_TRACE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a string is written into. The table in escape.c says what each of them writes otherwise. */
enum escape {
    ESCAPE_TEXT,    /* a value as text; text_unescape() has the bytes again: a backslash is doubled */
    ESCAPE_MESSAGE, /* a line made of such values and of words of ours: a backslash stays */
    ESCAPE_JSON,    /* between the quotes of a JSON string */
    ESCAPE_SCRIPT,  /* JSON text within an HTML <script> element: newlines stay */
    ESCAPE_CSV,     /* between the quotes of a CSV cell */
    ESCAPE_DOT,     /* between the quotes of a DOT string */
    ESCAPE_MERMAID, /* between the quotes of a Mermaid text */
    ESCAPE_ZEEK,    /* a field of a Zeek log */
    ESCAPE_KINDS
};

/* Space that escape() needs for `size` bytes, its NUL included. */
#define ESCAPED_MAX(size) ((size)*7 + 1)

/* Writes `bytes` into `out` and ends them with a NUL; returns the length. Text that is printable ASCII or UTF-8 stays
 * as it is but for what the kind of output writes otherwise. */
size_t escape(enum escape kind, const void *bytes, size_t size, char *out);
/* Whether escape() would change nothing. */
bool escape_is_plain(enum escape kind, const void *bytes, size_t size);
/* Whether all of it is printable ASCII. */
bool escape_is_ascii(const void *bytes, size_t size);
/* A string straight into a file. */
void escape_put(enum escape kind, const char *text, FILE *out);
/* A string in memory that the caller frees. */
char *escape_new(enum escape kind, const char *text);

/* The length in bytes of the character that begins at `bytes` and may stand in an output, and which one it is; 0: none
 * that may. */
size_t escape_character(const void *bytes, size_t size, uint32_t *character);
/* How many of the first `most` bytes of a string make whole characters: where it can be cut. */
size_t escape_cut(const char *text, size_t most);

#endif
