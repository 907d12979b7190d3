/* SPDX-License-Identifier: MIT
 *
 * Members of JSON objects that may be unknown, which is null: never 0, never a missing key.
 */
#ifndef ANALYZER_TRACE_VALUE_H
#define ANALYZER_TRACE_VALUE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Texts are escaped as messages, bytes as text, see escape.h. Adds `key`; cJSON keeps the key's pointer, so it must be
 * a literal. NULL: `object` is an array, it becomes the next element. */
void value_text(cJSON *object, const char *key, const char *text);             /* NULL: null */
void value_integer(cJSON *object, const char *key, bool known, int64_t value); /* exact over the whole range */
void value_unsigned(cJSON *object, const char *key, uint64_t value);
void value_boolean(cJSON *object, const char *key, bool value);
void value_bytes(cJSON *object, const char *key, const char *bytes); /* escaped; "" and NULL: null */
void value_cookie(cJSON *object, const char *key, uint64_t cookie);  /* as `ss -e` prints it; 0: null */
void value_hex(cJSON *object, const char *key, const void *bytes, size_t size);
/* Prints it indented, with a newline, and deletes it. False when writing failed. */
bool value_print(cJSON *object, FILE *out);

/* JSON that is written already, escaped and whole. */
cJSON *value_written(const char *json);

#endif
