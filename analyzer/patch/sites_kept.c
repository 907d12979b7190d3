/* SPDX-License-Identifier: MIT
 *
 * Which sites are kept, and where. For sites_go.c and sites_static.c.
 */
#include "analyzer/patch/internal.h"

#include <stdlib.h>
#include <sys/syscall.h>

bool sites_add(struct sites *sites, const struct site *site)
{
    enum { STEP = 16 };
    if (sites->count % STEP == 0) {
        struct site *more = realloc(sites->items, (sites->count + STEP) * sizeof(*more));
        if (!more)
            return false;
        sites->items = more;
    }
    sites->items[sites->count++] = *site;
    return true;
}

bool sites_want(long number)
{
    static const short watched[] = {
#define SYSCALL(name, kind) SYS_##name,
#include "shim/syscall.def"
#undef SYSCALL
    };
    for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++)
        if (number == watched[i])
            return true;
    return number == SITE_ANY_NUMBER;
}
