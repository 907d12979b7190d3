/* SPDX-License-Identifier: MIT
 *
 * Helpers on top of cJSON, see json.h.
 */
#include "analyzer/trace/json.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* What json_keep_blocks() keeps: a cJSON node, or a short text. */
#define BLOCK_SIZE 64
/* Integers up to 2^53 are exact in a double. */
#define EXACT 9007199254740992.0

/* All of `text` as an integer of 64 bits, or its beginning if `open_end`. */
static bool parse_integer(const char *text, bool open_end, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = *text == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
    return errno == 0 && end != text && (open_end ? strchr(".eE", *end) == NULL || *end == 0 : *end == 0);
}

/* Where the value of `key` stands in the line: a quote before the colon cannot be part of a string, where it would be
 * escaped. */
static const char *find_value(const char *line, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = strchr(line, '"'); at != NULL; at = strchr(at + 1, '"')) {
        if (strncmp(at + 1, key, length) != 0 || at[1 + length] != '"')
            continue;
        const char *behind = at + 2 + length + strspn(at + 2 + length, " \t");
        if (*behind == ':')
            return behind + 1 + strspn(behind + 1, " \t");
    }
    return NULL;
}

bool json_item_integer(const char *line, const cJSON *item, uint64_t *value)
{
    if (cJSON_IsRaw(item))
        return parse_integer(item->valuestring, false, value);
    if (!cJSON_IsNumber(item))
        return false;
    if (item->valuedouble > -EXACT && item->valuedouble < EXACT) {
        *value = (uint64_t)(int64_t)item->valuedouble;
        return (double)(int64_t)item->valuedouble == item->valuedouble;
    }
    const char *text = line == NULL ? NULL : find_value(line, item->string);
    return text != NULL && parse_integer(text, true, value);
}

bool json_integer(const char *line, const cJSON *object, const char *key, uint64_t *value)
{
    return json_item_integer(line, cJSON_GetObjectItemCaseSensitive(object, key), value);
}

bool json_item_cookie(const cJSON *item, uint64_t *cookie)
{
    *cookie = 0;
    if (cJSON_IsNull(item))
        return true;
    char *end = NULL;
    if (!cJSON_IsString(item) || *item->valuestring == 0)
        return false;
    errno = 0;
    *cookie = strtoull(item->valuestring, &end, 16);
    return errno == 0 && *end == 0;
}

const cJSON *json_find(struct json_cursor *cursor, const char *key)
{
    const cJSON *item = cursor->next;
    if (item == NULL || item->string == NULL || strcmp(item->string, key) != 0)
        item = cJSON_GetObjectItemCaseSensitive(cursor->object, key);
    if (item != NULL)
        cursor->next = item->next;
    return item;
}

static union block {
    union block *next;
    char bytes[BLOCK_SIZE];
} * blocks;

static void *take_block(size_t size)
{
    union block *block = blocks;
    if (size > sizeof *block)
        return malloc(size);
    if (block == NULL)
        return malloc(sizeof *block);
    blocks = block->next;
    return block;
}

static void give_block(void *memory)
{
    /* What was asked for small has exactly this much space; of others with that much, any one will do. */
    static size_t space;
    union block *block = memory;
    if (space == 0) {
        void *sample = malloc(sizeof *block);
        space = malloc_usable_size(sample);
        free(sample);
    }
    if (block == NULL || malloc_usable_size(block) != space) {
        free(block);
        return;
    }
    block->next = blocks;
    blocks = block;
}

void json_keep_blocks(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = take_block, .free_fn = give_block});
}

bool json_print(FILE *out, cJSON *object)
{
    static char space[16384];
    char *line = space;
    if (!cJSON_PrintPreallocated(object, space, sizeof space, false))
        line = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (line == NULL)
        abort();
    bool good = fputs(line, out) >= 0;
    if (line != space)
        cJSON_free(line);
    return good;
}

bool json_print_line(FILE *out, cJSON *object)
{
    return json_print(out, object) && putc('\n', out) != EOF;
}
