/* SPDX-License-Identifier: MIT
 *
 * The connects under way in this process, so that the return of a waiting call can tell when one ended. Up to PENDING
 * of them: the end of one more is found at its next use. Callable from anywhere; a vfork child leaves it alone.
 */
#include "shim/watch.h"

#include "shim/clock.h"
#include "shim/probe.h"
#include "shim/sys.h"

#include <poll.h>
#include <stddef.h>

enum { PENDING = 64 };

/* Descriptor + 1, 0 free. */
static int pending[PENDING];
HOT static int pending_count;

int watch_pending_count(void)
{
    return __atomic_load_n(&pending_count, __ATOMIC_RELAXED);
}

void watch_pending_add(int fd)
{
    for (unsigned i = 0; i < PENDING; i++) {
        int none = 0;
        if (__atomic_compare_exchange_n(&pending[i], &none, fd + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            __atomic_fetch_add(&pending_count, 1, __ATOMIC_RELAXED);
            return;
        }
    }
}

void watch_pending_remove(int fd)
{
    for (unsigned i = 0; watch_pending_count() > 0 && i < PENDING; i++) {
        int ours = fd + 1;
        if (__atomic_compare_exchange_n(&pending[i], &ours, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            __atomic_fetch_sub(&pending_count, 1, __ATOMIC_RELAXED);
    }
}

/* One poll(2) for all of them, without waiting. One that failed keeps its error for the program to fetch; only its time
 * is taken. */
void watch_pending(enum sockatlas_call call)
{
    struct pollfd fds[PENDING];
    unsigned count = 0;
    for (unsigned i = 0; i < PENDING; i++) {
        int fd = __atomic_load_n(&pending[i], __ATOMIC_ACQUIRE) - 1;
        if (fd >= 0)
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
    }
    struct timespec none = {0};
    if (!probe_allowed() || process_identity().vforked || sys(SYS_ppoll, fds, count, &none, NULL, 8) <= 0)
        return;
    for (unsigned i = 0; i < count; i++) {
        struct descriptor *entry = fds[i].revents ? descriptor_find(fds[i].fd) : NULL;
        if (!entry)
            continue;
        bool failed = fds[i].revents & (POLLERR | POLLNVAL), timed = entry->flags & DESCRIPTOR_CONNECT_TIMED;
        if (failed && !timed && (entry->flags & DESCRIPTOR_CONNECTING)) {
            entry->connect_ns = clock_now() - entry->connect_ns;
            descriptor_set(entry, DESCRIPTOR_CONNECT_TIMED, 0);
        } else if (!failed && (entry->flags & DESCRIPTOR_CONNECTING)) {
            watch_connected(call, fds[i].fd, entry, 0);
        }
        watch_pending_remove(fds[i].fd);
    }
}
