/* SPDX-License-Identifier: MIT
 *
 * Builds the environment for a new image. Pure but for reading `config`.
 */
#include "shim/environment.h"

#include "shim/config.h"

#include <string.h>

static const char PRELOAD[] = "LD_PRELOAD=", DIR[] = "SOCKATLAS_DIR=", LIMIT[] = "SOCKATLAS_LIMIT=",
                  IO[] = "SOCKATLAS_IO=", RUN[] = "SOCKATLAS_RUN=", OFF[] = "SOCKATLAS_OFF=";

static const char *find(char *const *envp, const char *name)
{
    size_t length = strlen(name);
    for (; envp && *envp; envp++)
        if (strncmp(*envp, name, length) == 0)
            return *envp + length;
    return NULL;
}

static bool holds_shim(const char *list)
{
    const char *name = strrchr(config.shim, '/');
    name = name ? name + 1 : config.shim;
    size_t length = strlen(name);
    while (list && *list) {
        size_t size = strcspn(list, ": ");
        if (size >= length && memcmp(list + size - length, name, length) == 0 &&
            (size == length || list[size - length - 1] == '/'))
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

/* What is missing in `envp`. */
struct missing {
    bool preload, dir, limit, io, run;
};

static struct missing look(char *const *envp)
{
    if (!config.on || !config.shim[0] || environment_refuses(envp))
        return (struct missing){0};
    return (struct missing){
        .preload = !holds_shim(find(envp, PRELOAD)),
        .dir = !find(envp, DIR) || find(envp, DIR)[0] != '/',
        .limit = config.limit_text[0] && !find(envp, LIMIT),
        .io = config.io && !find(envp, IO),
        .run = config.run_text[0] && !find(envp, RUN),
    };
}

size_t environment_size(char *const *envp)
{
    struct missing missing = look(envp);
    if (!missing.preload && !missing.dir && !missing.limit && !missing.io && !missing.run)
        return 0;
    size_t count = 0;
    while (envp && envp[count])
        count++;
    const char *others = find(envp, PRELOAD);
    size_t text = sizeof(PRELOAD) + (others ? strlen(others) : 0) + 1 + strlen(config.shim) + sizeof(DIR) +
                  strlen(config.dir) + sizeof(LIMIT) + strlen(config.limit_text) + sizeof(IO) + 2 + sizeof(RUN) +
                  strlen(config.run_text);
    return (count + 6) * sizeof(char *) + text;
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

char **environment_build(char *const *envp, void *memory)
{
    struct missing missing = look(envp);
    size_t count = 0, kept = 0;
    while (envp && envp[count])
        count++;
    char **entries = memory;
    char *text = (char *)(entries + count + 6);
    const char *others = find(envp, PRELOAD);
    for (size_t i = 0; i < count; i++) {
        bool replaced = (missing.preload && envp[i] + sizeof(PRELOAD) - 1 == others) ||
                        (missing.dir && strncmp(envp[i], DIR, sizeof(DIR) - 1) == 0);
        if (!replaced)
            entries[kept++] = envp[i];
    }
    if (missing.preload) {
        entries[kept++] = text;
        bool more = others && *others;
        char *end = join(text, PRELOAD, more ? others : "", more ? ":" : "");
        text = join(end - 1, config.shim, "", "");
    }
    if (missing.dir) {
        entries[kept++] = text;
        text = join(text, DIR, config.dir, "");
    }
    if (missing.limit) {
        entries[kept++] = text;
        text = join(text, LIMIT, config.limit_text, "");
    }
    if (missing.io) {
        entries[kept++] = text;
        text = join(text, IO, "1", "");
    }
    if (missing.run) {
        entries[kept++] = text;
        join(text, RUN, config.run_text, "");
    }
    entries[kept] = NULL;
    return entries;
}
