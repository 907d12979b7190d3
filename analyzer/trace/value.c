/* SPDX-License-Identifier: MIT
 *
 * Members of JSON objects that may be unknown, which is null: never 0, never a missing key.
 */
#include "analyzer/trace/value.h"

#include "analyzer/trace/escape.h"
#include "analyzer/trace/text.h"

#include <stdlib.h>
#include <string.h>

static void add(cJSON *object, const char *key, cJSON *value)
{
    if (key)
        cJSON_AddItemToObjectCS(object, key, value);
    else
        cJSON_AddItemToArray(object, value);
}

void value_text(cJSON *object, const char *key, const char *text)
{
    if (!text || escape_is_plain(ESCAPE_MESSAGE, text, strlen(text))) {
        add(object, key, text ? cJSON_CreateString(text) : cJSON_CreateNull());
        return;
    }
    char *escaped = escape_new(ESCAPE_MESSAGE, text);
    add(object, key, cJSON_CreateString(escaped));
    free(escaped);
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

void value_unsigned(cJSON *object, const char *key, uint64_t value)
{
    char digits[TEXT_INTEGER_MAX + 1];
    *text_unsigned(value, digits) = '\0';
    add(object, key, cJSON_CreateRaw(digits));
}

void value_boolean(cJSON *object, const char *key, bool value)
{
    add(object, key, cJSON_CreateBool(value));
}

void value_cookie(cJSON *object, const char *key, uint64_t cookie)
{
    char digits[TEXT_INTEGER_MAX + 1];
    *text_unsigned_hex(cookie, digits) = '\0';
    value_text(object, key, cookie ? digits : NULL);
}

void value_hex(cJSON *object, const char *key, const void *bytes, size_t size)
{
    char *text = malloc(2 * size + 1);
    if (!text)
        abort();
    text_hex(bytes, size, text);
    value_text(object, key, text);
    free(text);
}

void value_bytes(cJSON *object, const char *key, const char *bytes)
{
    if (!bytes || !*bytes) {
        value_text(object, key, NULL);
        return;
    }
    char *text = escape_new(ESCAPE_TEXT, bytes);
    add(object, key, cJSON_CreateString(text));
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

cJSON *value_written(const char *json)
{
    return cJSON_CreateRaw(json);
}
