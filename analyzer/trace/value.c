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

/* Decimal digits, NUL-terminated, at the end of `room`. */
static const char *digits_of(int64_t value, char room[24])
{
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    char *at = room + 23;
    *at = '\0';
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (value < 0)
        *--at = '-';
    return at;
}

/* cJSON's numbers are doubles: what may not fit goes in as raw digits. */
void value_integer(cJSON *object, const char *key, bool known, int64_t value)
{
    if (!known) {
        add(object, key, cJSON_CreateNull());
        return;
    }
    char digits[24];
    add(object, key, cJSON_CreateRaw(digits_of(value, digits)));
}

void value_append(cJSON *array, int64_t value)
{
    char digits[24];
    cJSON_AddItemToArray(array, cJSON_CreateRaw(digits_of(value, digits)));
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
