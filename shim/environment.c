/* SPDX-License-Identifier: MIT
 *
 * Builds the environment for a new image. Reads `config`, and asks the kernel whose process this is.
 */
#include "shim/environment.h"

#include "shim/config.h"
#include "shim/sandbox.h"
#include "shim/sys.h"

#include <string.h>

static const char PRELOAD[] = "LD_PRELOAD=", DIR[] = "SOCKATLAS_DIR=", FOLDER[] = "SOCKATLAS_FOLDER=",
                  OFF[] = "SOCKATLAS_OFF=";

/* Settings that an image hands on as it has them. */
enum setting { LIMIT, IO, RUN, NO_CMDLINE, ACROSS_USERS, SETTINGS };
static const char *const names[SETTINGS] = {
    "SOCKATLAS_LIMIT=", "SOCKATLAS_IO=", "SOCKATLAS_RUN=", "SOCKATLAS_NO_CMDLINE=", "SOCKATLAS_ACROSS_USERS="};

/* "": the image does not have it. */
static const char *value(enum setting setting)
{
    switch (setting) {
    case LIMIT:
        return config.limit_text;
    case IO:
        return config.io ? "1" : "";
    case RUN:
        return config.run_text;
    case NO_CMDLINE:
        return config.no_cmdline ? "1" : "";
    case ACROSS_USERS:
        return config.across_users ? "1" : "";
    default:
        return "";
    }
}

static const char *find(char *const *envp, const char *name)
{
    size_t length = strlen(name);
    for (; envp && *envp; envp++)
        if (strncmp(*envp, name, length) == 0)
            return *envp + length;
    return NULL;
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

bool environment_refuses(char *const *envp)
{
    const char *off = find(envp, OFF);
    return off && *off && strcmp(off, "0") != 0;
}

bool environment_preloads(char *const *envp)
{
    return !config.shim[0] || holds_shim(find(envp, PRELOAD));
}

bool environment_follows(void)
{
    return config.across_users || (uint32_t)sys(SYS_geteuid) == config.user;
}

/* What is missing in `envp`; or, `dropped`, too much: an image that begins in a sandbox cannot be traced, and is better
 * off without having us loaded. */
struct missing {
    bool any, preload, dir, folder, settings[SETTINGS], dropped;
};

static struct missing look(char *const *envp)
{
    struct missing missing = {0};
    if (!config.on || !config.shim[0] || environment_refuses(envp))
        return missing;
    if (sandbox_inside()) {
        missing.any = missing.dropped = holds_shim(find(envp, PRELOAD));
        return missing;
    }
    const char *dir = find(envp, DIR);
    missing.preload = !holds_shim(find(envp, PRELOAD));
    missing.dir = !dir || dir[0] != '/';
    missing.folder = config.folder.inode && (missing.dir || (!find(envp, FOLDER) && strcmp(dir, config.dir) == 0));
    missing.any = missing.preload || missing.dir || missing.folder;
    for (unsigned i = 0; i < SETTINGS; i++) {
        missing.settings[i] = *value(i) && !find(envp, names[i]);
        missing.any |= missing.settings[i];
    }
    return missing.any && environment_follows() ? missing : (struct missing){0};
}

enum { NUMBER_MAX = 21, ENTRIES_MAX = 4 + SETTINGS }; /* LD_PRELOAD, two of the folder's, the settings', NULL */

size_t environment_size(char *const *envp)
{
    struct missing missing = look(envp);
    if (!missing.any)
        return 0;
    size_t count = 0;
    while (envp && envp[count])
        count++;
    const char *others = find(envp, PRELOAD);
    size_t text = sizeof(PRELOAD) + (others ? strlen(others) : 0) + 1 + strlen(config.shim) + sizeof(DIR) +
                  sizeof(FOLDER) + 2 * strlen(config.dir) + 2 * NUMBER_MAX;
    for (unsigned i = 0; i < SETTINGS; i++)
        text += strlen(names[i]) + strlen(value(i)) + 1;
    return (count + ENTRIES_MAX) * sizeof(char *) + text;
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
    to = join(to, FOLDER, "", "") - 1;
    to = put_number(put_number(to, config.folder.device), config.folder.inode);
    return join(to, config.dir, "", "");
}

static bool starts(const char *entry, const char *name)
{
    return strncmp(entry, name, strlen(name)) == 0;
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

char **environment_build(char *const *envp, void *memory)
{
    struct missing missing = look(envp);
    size_t count = 0, kept = 0;
    while (envp && envp[count])
        count++;
    char **entries = memory;
    char *text = (char *)(entries + count + ENTRIES_MAX);
    const char *others = find(envp, PRELOAD);
    for (size_t i = 0; i < count; i++) {
        bool replaced = ((missing.preload || missing.dropped) && envp[i] + sizeof(PRELOAD) - 1 == others) ||
                        (missing.dir && starts(envp[i], DIR)) || (missing.folder && starts(envp[i], FOLDER));
        if (!replaced)
            entries[kept++] = envp[i];
    }
    if (missing.preload) {
        entries[kept++] = text;
        bool more = others && *others;
        char *end = join(text, PRELOAD, more ? others : "", more ? ":" : "");
        text = join(end - 1, config.shim, "", "");
    }
    if (missing.dropped) {
        char *end = join_others(join(text, PRELOAD, "", "") - 1, others);
        if (end - text > (ptrdiff_t)sizeof(PRELOAD))
            entries[kept++] = text;
        text = end;
    }
    if (missing.dir) {
        entries[kept++] = text;
        text = join(text, DIR, config.dir, "");
    }
    if (missing.folder) {
        entries[kept++] = text;
        text = put_folder(text);
    }
    for (unsigned i = 0; i < SETTINGS; i++) {
        if (!missing.settings[i])
            continue;
        entries[kept++] = text;
        text = join(text, names[i], value(i), "");
    }
    entries[kept] = NULL;
    return entries;
}
