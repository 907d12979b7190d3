/* SPDX-License-Identifier: MIT
 *
 * A waiting call has returned: which of the connects under way have ended? Callable from anywhere; a vfork child leaves
 * them alone.
 */
#include "shim/watch.h"

#include "shim/clock.h"
#include "shim/pending.h"
#include "shim/probe.h"
#include "shim/sys.h"

#include <poll.h>
#include <stddef.h>

/* By itself, so that its list is off the stack when a record is made. */
static __attribute__((noinline)) unsigned list(struct pollfd fds[PENDING_MAX])
{
    int under_way[PENDING_MAX];
    unsigned count = pending_list(under_way);
    for (unsigned i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = under_way[i], .events = POLLOUT};
    return count;
}

/* One poll(2) for all of them, without waiting. One that failed keeps its error for the program to fetch; only its time
 * is taken. */
void watch_pending(enum sockatlas_call call)
{
    struct pollfd fds[PENDING_MAX];
    unsigned count = list(fds);
    struct timespec none = {0};
    if (process_identity().vforked || sys(SYS_ppoll, fds, count, &none, NULL, 8) <= 0)
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
        pending_remove(fds[i].fd);
    }
}
