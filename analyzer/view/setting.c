/* SPDX-License-Identifier: MIT
 *
 * A parameter set on a socket, as views tell it.
 */
#include "analyzer/view/setting.h"

#include "analyzer/names/names.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/words.h"

#include <string.h>

const char *setting_verdict_word(enum setting_verdict verdict)
{
    static const char *const words[] = {
        [SETTING_AS_ASKED] = "as_asked", [SETTING_DOUBLED] = "doubled", [SETTING_RAISED] = "raised",
        [SETTING_CLAMPED] = "clamped",   [SETTING_CHANGED] = "changed", [SETTING_REFUSED] = "refused",
        [SETTING_UNKNOWN] = NULL,        [SETTING_FOUND] = "found",
    };
    return words[verdict];
}

const char *setting_name(int level, int name, char out[SETTING_NAME_MAX])
{
    const char *known = names_option(level, name);
    char number[WORD_MAX];
    if (known)
        return text_copy(out, SETTING_NAME_MAX, known);
    snprintf(out, SETTING_NAME_MAX, "%s %d", word_or_number(names_level(level), level, number), name);
    return out;
}

static void constant(struct members *to, const char *key, const char *name, int64_t value)
{
    char number[WORD_MAX];
    members_word(to, key, word_or_number(name, value, number));
}

/* An integer as a number, anything else as text; no bytes: null. */
static void bytes_member(struct members *to, const char *key, const struct socket_option *option,
                         const unsigned char *bytes, size_t size)
{
    int64_t number;
    char text[OPTION_TEXT_MAX];
    if (!size)
        members_text(to, key, NULL);
    else if (option_number(option->level, option->name, bytes, size, &number))
        members_integer(to, key, true, number);
    else
        members_text(to, key, option_text(option->level, option->name, bytes, size, text));
}

/* The words of members_again()'s key; more than that has when its bytes are too many. */
static size_t key_of(const struct socket_option *option, uint64_t key[MEMBERS_KEY_WORDS])
{
    enum { FIXED = 3 };
    size_t size = (size_t)option->kept_size + option->effective_size;
    memset(key, 0, MEMBERS_KEY_WORDS * sizeof *key);
    key[0] = (uintptr_t)setting_members;
    key[1] = (uint64_t)(uint32_t)option->level << 32 | (uint32_t)option->name;
    key[2] = (uint64_t)option->error << 32 | (uint64_t)option->kept_size << 16 | option->effective_size;
    if (size > (MEMBERS_KEY_WORDS - FIXED) * sizeof *key)
        return MEMBERS_KEY_WORDS + 1;
    memcpy(key + FIXED, option->bytes, size);
    return FIXED + (size + sizeof *key - 1) / sizeof *key;
}

void setting_members(struct members *to, const struct socket_option *option)
{
    uint64_t key[MEMBERS_KEY_WORDS];
    if (members_again(to, key, key_of(option, key)))
        return;
    const unsigned char *bytes;
    size_t size = setting_effective(option, &bytes);
    constant(to, "level", names_level(option->level), option->level);
    constant(to, "name", names_option(option->level, option->name), option->name);
    bytes_member(to, "requested", option, option->bytes, option->kept_size);
    bytes_member(to, "effective", option, bytes, size);
    if (option->error)
        constant(to, "error", names_errno(option->error), option->error);
    else
        members_word(to, "error", NULL);
    members_keep(to);
}

void setting_json(cJSON *object, const struct socket_option *option)
{
    struct members members;
    members_tree(&members, object);
    setting_members(&members, option);
}
