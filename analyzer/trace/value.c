/* SPDX-License-Identifier: MIT
 *
 * Members of JSON objects that may be unknown, which is null: never 0, never a missing key.
 */
#include "analyzer/trace/value.h"

#include "analyzer/trace/text.h"

#include <stdlib.h>
#include <string.h>

static void add(cJSON *object, const char *key, cJSON *value)
{
    cJSON_AddItemToObjectCS(object, key, value);
}

void value_text(cJSON *object, const char *key, const char *text)
{
    add(object, key, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

/* cJSON's numbers are doubles: what may not fit goes in as raw digits. */
void value_integer(cJSON *object, const char *key, bool known, int64_t value)
{
    if (!known) {
        add(object, key, cJSON_CreateNull());
        return;
    }
    char digits[TEXT_INTEGER_MAX + 1];
    *text_signed(value, digits) = '\0';
    add(object, key, cJSON_CreateRaw(digits));
}

void value_append(cJSON *array, int64_t value)
{
    char digits[TEXT_INTEGER_MAX + 1];
    *text_signed(value, digits) = '\0';
    cJSON_AddItemToArray(array, cJSON_CreateRaw(digits));
}

void value_bytes(cJSON *object, const char *key, const char *bytes)
{
    if (!bytes || !*bytes) {
        value_text(object, key, NULL);
        return;
    }
    size_t size = strlen(bytes);
    char *text = malloc(TEXT_ESCAPED_MAX(size));
    if (!text)
        abort();
    text_escape(bytes, size, text);
    value_text(object, key, text);
    free(text);
}

bool value_print(cJSON *object, FILE *out)
{
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    if (!text)
        abort();
    bool written = fputs(text, out) != EOF && fputc('\n', out) != EOF;
    cJSON_free(text);
    return written;
}
