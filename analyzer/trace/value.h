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

/* Adds `key`; cJSON keeps the key's pointer, so it must be a literal. */
void value_text(cJSON *object, const char *key, const char *text);             /* NULL: null */
void value_integer(cJSON *object, const char *key, bool known, int64_t value); /* exact over the whole range */
void value_bytes(cJSON *object, const char *key, const char *bytes);           /* escaped; "" and NULL: null */
/* The next element. */
void value_append(cJSON *array, int64_t value);
/* Prints it indented, with a newline, and deletes it. False when writing failed. */
bool value_print(cJSON *object, FILE *out);

#endif
