/* SPDX-License-Identifier: MIT
 *
 * How many columns of a terminal UTF-8 text takes: a character of East Asia or an emoji two, a combining mark none.
 */
#ifndef ANALYZER_VIEW_COLUMNS_H
#define ANALYZER_VIEW_COLUMNS_H

#include <stddef.h>

unsigned columns_of(const char *text, size_t size);
/* The size in bytes of the longest beginning of `text` that takes at most `most` columns. Combining marks stay with
 * their character. */
size_t columns_beginning(const char *text, size_t size, unsigned most);
/* Where the longest end of `text` begins that takes at most `most` columns. */
size_t columns_ending(const char *text, size_t size, unsigned most);

#endif
