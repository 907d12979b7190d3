/* SPDX-License-Identifier: MIT
 *
 * What cJSON lacks for JSON Lines: reading integers of 64 bits (its numbers are doubles, exact to 2^53 only) and
 * cookies, and printing into one buffer.
 */
#ifndef ANALYZER_TRACE_JSON_H
#define ANALYZER_TRACE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The integer that `object` has under `key`, exact to 64 bits. `line` is the text `object` was parsed from, where the
 * digits of numbers beyond 2^53 still stand; NULL for an object that was built here. False when it is missing or no
 * integer. */
bool json_integer(const char *line, const cJSON *object, const char *key, uint64_t *value);
/* The same of a member that was found; NULL is none. */
bool json_item_integer(const char *line, const cJSON *item, uint64_t *value);
/* A cookie; null is 0. */
bool json_item_cookie(const cJSON *item, uint64_t *cookie);

/* Finds members that mostly stand in the order in which they are asked for. */
struct json_cursor {
    const cJSON *object;
    const cJSON *next; /* behind the one found last; NULL: unknown */
};
const cJSON *json_find(struct json_cursor *cursor, const char *key);

/* From here on cJSON's small blocks are kept for its next objects instead of going back to the allocator: for whoever
 * makes and deletes objects by the million. Memory: the most there were at once. */
void json_keep_blocks(void);

/* Without a line feed in it, then deletes the object. False with errno when writing failed. */
bool json_print(FILE *out, cJSON *object);
/* The same, and a line feed. */
bool json_print_line(FILE *out, cJSON *object);

#endif
