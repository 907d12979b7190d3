/* SPDX-License-Identifier: MIT
 *
 * The list of connects under way. Each place is taken and given back by one atomic exchange.
 */
#include "shim/pending.h"

#include "shim/sys.h"

#include <stdbool.h>

/* Descriptor + 1, 0 free. */
static int places[PENDING_MAX];
HOT static int taken;

int pending_count(void)
{
    return __atomic_load_n(&taken, __ATOMIC_RELAXED);
}

void pending_add(int fd)
{
    for (unsigned i = 0; i < PENDING_MAX; i++) {
        int none = 0;
        if (__atomic_compare_exchange_n(&places[i], &none, fd + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
            return;
        }
    }
}

void pending_remove(int fd)
{
    for (unsigned i = 0; pending_count() > 0 && i < PENDING_MAX; i++) {
        int ours = fd + 1;
        if (__atomic_compare_exchange_n(&places[i], &ours, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            __atomic_fetch_sub(&taken, 1, __ATOMIC_RELAXED);
    }
}

unsigned pending_list(int fds[PENDING_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < PENDING_MAX; i++) {
        int fd = __atomic_load_n(&places[i], __ATOMIC_ACQUIRE) - 1;
        if (fd >= 0)
            fds[count++] = fd;
    }
    return count;
}
