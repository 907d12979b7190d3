/* SPDX-License-Identifier: MIT
 *
 * Traces that are made to cost their reader much: each family has records that share what is looked up by (a tuple, a
 * path, a port, a hash), name large numbers, or make what was told before be gone through again.
 *
 *     hostile FAMILY N DIR    a trace of about N such records in DIR, which it makes
 *     hostile                 the families
 *
 * The time goes on with each record; logs are written side by side, so that a reader merges them.
 */
#include "tests/fault/hostile.h"

struct hostile hostile = {.now = 1000000000000, .cookies = 1000, .pidns = 1};

static const struct family {
    const char *name;
    void (*make)(unsigned n);
} families[] = {
#define FAMILY(name) {#name, family_##name},
#include "tests/fault/hostile.def"
#undef FAMILY
};
#define FAMILIES (sizeof families / sizeof *families)

int main(int argc, char **argv)
{
    if (argc == 1)
        for (size_t i = 0; i < FAMILIES; i++)
            puts(families[i].name);
    if (argc == 1)
        return 0;
    for (size_t i = 0; argc == 4 && i < FAMILIES; i++) {
        if (strcmp(argv[1], families[i].name) != 0)
            continue;
        hostile.folder = argv[3];
        if (mkdir(hostile.folder, 0700) != 0)
            hostile_die(hostile.folder);
        families[i].make((unsigned)strtoul(argv[2], NULL, 10));
        return 0;
    }
    fputs("usage: hostile [FAMILY N DIR]\n", stderr);
    return 2;
}
