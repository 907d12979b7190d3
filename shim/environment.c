/* SPDX-License-Identifier: MIT
 *
 * Reads the environment that a program gives for a new image, and builds the one that the image gets. Reads `config`,
 * and asks the kernel whose process this is.
 */
#include "shim/environment.h"

#include "shim/config.h"
#include "shim/memory.h"
#include "shim/process.h"
#include "shim/sandbox.h"
#include "shim/sys.h"

#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define X(name, text) text,
    ENVIRONMENT_VARIABLES(X)
#undef X
};

/* A setting that an image hands on as it has it. "": it has none, or the variable is no such setting. */
static const char *value(enum environment_variable setting)
{
    switch (setting) {
    case ENVIRONMENT_LIMIT:
        return config.limit_text;
    case ENVIRONMENT_IO:
        return config.io ? "1" : "";
    case ENVIRONMENT_RUN:
        return config.run_text;
    case ENVIRONMENT_NO_CMDLINE:
        return config.no_cmdline ? "1" : "";
    case ENVIRONMENT_ACROSS_USERS:
        return config.across_users ? "1" : "";
    case ENVIRONMENT_PATCH:
        return config.patcher;
    case ENVIRONMENT_FILTERS:
        return config.filters_text;
    default:
        return "";
    }
}

/* Where its value begins if `entry` is the variable `name`, else NULL. False: it cannot be read. */
static bool value_of(struct memory_walk *walk, const char *entry, const char *name, const char **value)
{
    *value = NULL;
    for (; *name; name++, entry++) {
        if (!memory_walk(walk, entry))
            return false;
        if (*entry != *name)
            return true;
    }
    *value = entry;
    return memory_text(walk, entry, SIZE_MAX - 1) != MEMORY_UNREADABLE;
}

static bool read_entry(struct environment *out, struct memory_walk *walk, const char *entry)
{
    for (unsigned i = 0; i < ENVIRONMENT_COUNT; i++) {
        const char *found;
        if (!value_of(walk, entry, names[i], &found))
            return false;
        if (found && !out->values[i])
            out->values[i] = found;
    }
    return true;
}

/* In a sandbox nothing can be asked; but the process's own environment is what libc reads at each getenv(). */
void environment_read(struct environment *out, char *const *given)
{
    struct memory_walk table = {.sure = given == environ && sandbox_inside()}, text = table;
    *out = (struct environment){.given = given};
    for (; given; given++, out->count++) {
        const char *entry;
        if (!memory_walk(&table, given) || !memory_walk(&table, (const char *)(given + 1) - 1))
            return;
        memcpy(&entry, given, sizeof(entry));
        if (!entry)
            break;
        if (!read_entry(out, &text, entry))
            return;
    }
    out->known = true;
}

static bool is_shim(const char *entry, size_t size)
{
    const char *name = strrchr(config.shim, '/');
    name = name ? name + 1 : config.shim;
    size_t length = strlen(name);
    return size >= length && memcmp(entry + size - length, name, length) == 0 &&
           (size == length || entry[size - length - 1] == '/');
}

static bool holds_shim(const char *list)
{
    while (list && *list) {
        size_t size = strcspn(list, ": ");
        if (is_shim(list, size))
            return true;
        list += size;
        list += strspn(list, ": ");
    }
    return false;
}

bool environment_refuses(const struct environment *environment)
{
    const char *off = environment->values[ENVIRONMENT_OFF];
    return environment->known && off && *off && strcmp(off, "0") != 0;
}

bool environment_preloads(const struct environment *environment)
{
    return !config.shim[0] || !environment->known || holds_shim(environment->values[ENVIRONMENT_PRELOAD]);
}

bool environment_follows(void)
{
    return config.across_users || sys_euid() == config.user;
}

/* What is missing; or, `dropped`, too much: an image that begins in a sandbox cannot be traced, and is better off
 * without having us loaded. */
struct missing {
    bool any, preload, dir, folder, settings[ENVIRONMENT_COUNT], dropped;
};

static struct missing look(const struct environment *environment)
{
    struct missing missing = {0};
    const char *const *values = environment->values, *dir = values[ENVIRONMENT_DIR];
    if (!config.on || !config.shim[0] || !environment->known || environment_refuses(environment))
        return missing;
    if (sandbox_inside()) {
        missing.any = missing.dropped = holds_shim(values[ENVIRONMENT_PRELOAD]);
        return missing;
    }
    missing.preload = !holds_shim(values[ENVIRONMENT_PRELOAD]);
    missing.dir = !dir || dir[0] != '/';
    missing.folder =
        config.folder.inode && (missing.dir || (!values[ENVIRONMENT_FOLDER] && strcmp(dir, config.dir) == 0));
    missing.any = missing.preload || missing.dir || missing.folder;
    for (unsigned i = 0; i < ENVIRONMENT_COUNT; i++) {
        missing.settings[i] = *value(i) && !values[i];
        missing.any |= missing.settings[i];
    }
    if (missing.any && !process_in_vfork())
        config_check();
    return missing.any && config.on && environment_follows() ? missing : (struct missing){0};
}

enum { NUMBER_MAX = 21, ENTRIES_MAX = ENVIRONMENT_COUNT + 1 };

size_t environment_size(const struct environment *environment)
{
    if (!look(environment).any)
        return 0;
    const char *others = environment->values[ENVIRONMENT_PRELOAD];
    size_t text = (others ? strlen(others) : 0) + 1 + strlen(config.shim) + 2 * strlen(config.dir) + 2 * NUMBER_MAX;
    for (unsigned i = 0; i < ENVIRONMENT_COUNT; i++)
        text += strlen(names[i]) + strlen(value(i)) + 1;
    return (environment->count + ENTRIES_MAX) * sizeof(char *) + text;
}

/* Writes a, b, c one after the other and returns the place behind their NUL. */
static char *join(char *to, const char *a, const char *b, const char *c)
{
    const char *parts[] = {a, b, c};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(parts[i]);
        memcpy(to, parts[i], length);
        to += length;
    }
    *to = 0;
    return to + 1;
}

/* The number with a colon behind it; returns the place behind that. */
static char *put_number(char *to, uint64_t number)
{
    char digits[NUMBER_MAX];
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    memcpy(to, digits + at, sizeof(digits) - at);
    to += sizeof(digits) - at;
    *to = ':';
    return to + 1;
}

/* As config.c reads it. */
static char *put_folder(char *to)
{
    to = join(to, names[ENVIRONMENT_FOLDER], "", "") - 1;
    to = put_number(put_number(to, config.folder.device), config.folder.inode);
    return join(to, config.dir, "", "");
}

static bool starts(const char *entry, enum environment_variable variable)
{
    return strncmp(entry, names[variable], strlen(names[variable])) == 0;
}

/* An LD_PRELOAD's entries that are not ours. Returns the place behind the NUL. */
static char *join_others(char *to, const char *list)
{
    const char *start = to;
    for (list += strspn(list, ": "); *list; list += strspn(list, ": ")) {
        size_t size = strcspn(list, ": ");
        if (!is_shim(list, size)) {
            if (to > start)
                *to++ = ':';
            memcpy(to, list, size);
            to += size;
        }
        list += size;
    }
    *to = 0;
    return to + 1;
}

char **environment_build(const struct environment *environment, void *memory)
{
    struct missing missing = look(environment);
    size_t count = environment->count, kept = 0, prefix = strlen(names[ENVIRONMENT_PRELOAD]);
    char **entries = memory;
    char *text = (char *)(entries + count + ENTRIES_MAX);
    const char *others = environment->values[ENVIRONMENT_PRELOAD];
    for (size_t i = 0; i < count; i++) {
        char *entry = environment->given[i];
        bool replaced = ((missing.preload || missing.dropped) && entry + prefix == others) ||
                        (missing.dir && starts(entry, ENVIRONMENT_DIR)) ||
                        (missing.folder && starts(entry, ENVIRONMENT_FOLDER));
        if (!replaced)
            entries[kept++] = entry;
    }
    if (missing.preload) {
        entries[kept++] = text;
        bool more = others && *others;
        char *end = join(text, names[ENVIRONMENT_PRELOAD], more ? others : "", more ? ":" : "");
        text = join(end - 1, config.shim, "", "");
    }
    if (missing.dropped) {
        char *end = join_others(join(text, names[ENVIRONMENT_PRELOAD], "", "") - 1, others);
        if (end - text > (ptrdiff_t)prefix + 1)
            entries[kept++] = text;
        text = end;
    }
    if (missing.dir) {
        entries[kept++] = text;
        text = join(text, names[ENVIRONMENT_DIR], config.dir, "");
    }
    if (missing.folder) {
        entries[kept++] = text;
        text = put_folder(text);
    }
    for (unsigned i = 0; i < ENVIRONMENT_COUNT; i++) {
        if (!missing.settings[i])
            continue;
        entries[kept++] = text;
        text = join(text, names[i], value(i), "");
    }
    entries[kept] = NULL;
    return entries;
}
