/* SPDX-License-Identifier: MIT
 *
 * The table of listeners, see listener.h. Filled in before a sandbox, only read in it. Callable from anywhere.
 */
#include "shim/listener.h"

#include "shim/descriptor.h"
#include "shim/probe.h"
#include "shim/sys.h"

#include <stddef.h>

enum { LISTENERS = 32 };

static struct listener {
    _Alignas(8) uint64_t cookie; /* 0: none; stored last */
    struct endpoint local;
} listeners[LISTENERS] LARGE;

void listener_note_all(void)
{
    unsigned count = 0;
    for (int fd = descriptor_next(0); fd >= 0 && count < LISTENERS; fd = descriptor_next(fd + 1)) {
        const struct descriptor *entry = descriptor_find(fd);
        if (!(entry->flags & DESCRIPTOR_LISTENING))
            continue;
        struct listener *listener = &listeners[count++];
        __atomic_store_n(&listener->cookie, 0, __ATOMIC_RELEASE);
        probe_local(fd, &listener->local);
        if (endpoint_known(&listener->local))
            __atomic_store_n(&listener->cookie, entry->cookie, __ATOMIC_RELEASE);
    }
}

void listener_local(uint64_t cookie, struct endpoint *out)
{
    endpoint_clear(out);
    for (unsigned i = 0; cookie && i < LISTENERS; i++)
        if (__atomic_load_n(&listeners[i].cookie, __ATOMIC_ACQUIRE) == cookie)
            *out = listeners[i].local;
}
