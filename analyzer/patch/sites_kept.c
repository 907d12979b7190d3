/* SPDX-License-Identifier: MIT
 *
 * Which sites are kept, and where. For sites_go.c and sites_static.c.
 */
#include "analyzer/patch/internal.h"

#include <stdlib.h>

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
