/* SPDX-License-Identifier: MIT
 *
 * What pointers point to: lists of contents, the first of each a good one. What lies in them as pointers leads to fixed
 * addresses, so that all bytes are the same in each run.
 */
#ifndef TESTS_TARGETS_ARGUMENTS_CONTENT_H
#define TESTS_TARGETS_ARGUMENTS_CONTENT_H

#include <stddef.h>

struct content {
    const void *bytes;
    size_t size; /* 0: ends the list */
};

/* The lists by the names that kinds.def has. */
#define VALUES(name, ...)
#define MEMORY(name, hashed, list) extern struct content list[];
#define DESCRIPTOR(name, make)
#define SPECIAL(name, choices, make)
#include "tests/targets/arguments/kinds.def"
#undef VALUES
#undef MEMORY
#undef DESCRIPTOR
#undef SPECIAL

/* Once: maps what nested pointers lead to and fills in what is not constant. */
void content_begin(void);
/* Where nested pointers lead to: readable and writable; nothing; read-only. Each a page, in this order. */
enum { CONTENT_PAGE = 4096 };
extern unsigned char *const content_side;

#endif
