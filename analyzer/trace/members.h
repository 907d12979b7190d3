/* SPDX-License-Identifier: MIT
 *
 * Where an object's members are put: into a cJSON tree for views that look at them again, or straight into a line of
 * JSON, which takes a tenth of the time. An unknown value is null, as in value.h, whose words these are.
 */
#ifndef ANALYZER_TRACE_MEMBERS_H
#define ANALYZER_TRACE_MEMBERS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { MEMBERS_DEEP = 4 };

/* Zeroed: a line. Its memory is kept for the next one, until members_free(). */
struct members {
    cJSON *tree[MEMBERS_DEEP]; /* what is open, outermost first; all NULL: a line */
    char brackets[MEMBERS_DEEP];
    unsigned depth;
    char *text;
    size_t size, room;
};

/* Members go into `object`, an open object or array of the caller's. */
void members_tree(struct members *out, cJSON *object);

/* `key` must be a literal; NULL within an array. */
void members_text(struct members *to, const char *key, const char *text);   /* NULL: null */
void members_bytes(struct members *to, const char *key, const char *bytes); /* escaped; "" and NULL: null */
void members_integer(struct members *to, const char *key, bool known, int64_t value);
void members_cookie(struct members *to, const char *key, uint64_t cookie); /* 0: null */
/* An object ('{') or array ('[') that the next members are in, until members_close(). */
void members_open(struct members *to, const char *key, char bracket);
void members_close(struct members *to);

/* A line's beginning, and its end: written to `out` with a newline; false with errno when that failed. */
void members_line(struct members *to);
bool members_print(struct members *from, FILE *out);
void members_free(struct members *members);

#endif
