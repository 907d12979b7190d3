/* SPDX-License-Identifier: MIT
 *
 * A parameter set on a socket, as views tell it.
 */
#include "analyzer/view/setting.h"

#include "analyzer/names/names.h"
#include "analyzer/view/value.h"
#include "analyzer/view/words.h"

#include <string.h>

const char *setting_verdict_word(enum setting_verdict verdict)
{
    static const char *const words[] = {
        [SETTING_AS_ASKED] = "as_asked", [SETTING_DOUBLED] = "doubled", [SETTING_RAISED] = "raised",
        [SETTING_CLAMPED] = "clamped",   [SETTING_CHANGED] = "changed", [SETTING_REFUSED] = "refused",
    };
    return words[verdict];
}

const char *setting_name(int level, int name, char out[SETTING_NAME_MAX])
{
    const char *known = names_option(level, name);
    char number[WORD_MAX];
    if (known)
        return strcpy(out, known);
    snprintf(out, SETTING_NAME_MAX, "%s %d", word_or_number(names_level(level), level, number), name);
    return out;
}

static void constant(cJSON *object, const char *key, const char *name, int64_t value)
{
    char number[WORD_MAX];
    value_text(object, key, word_or_number(name, value, number));
}

/* An integer as a number, anything else as text; no bytes: null. */
static void bytes_json(cJSON *object, const char *key, const struct socket_option *option, const unsigned char *bytes,
                       size_t size)
{
    int64_t number;
    char text[OPTION_TEXT_MAX];
    if (!size)
        value_text(object, key, NULL);
    else if (option_number(option->level, option->name, bytes, size, &number))
        value_integer(object, key, true, number);
    else
        value_text(object, key, option_text(option->level, option->name, bytes, size, text));
}

void setting_json(cJSON *object, const struct socket_option *option)
{
    const unsigned char *bytes;
    size_t size = setting_effective(option, &bytes);
    constant(object, "level", names_level(option->level), option->level);
    constant(object, "name", names_option(option->level, option->name), option->name);
    bytes_json(object, "requested", option, option->bytes, option->kept_size);
    bytes_json(object, "effective", option, bytes, size);
    if (option->error)
        constant(object, "error", names_errno(option->error), option->error);
    else
        value_text(object, "error", NULL);
}
