/* SPDX-License-Identifier: MIT
 *
 * Transfers: counts for sockets whose bytes the kernel does not count, ends of pending connects, the first error of a
 * connection. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/record.h"

#include <errno.h>
#include <stddef.h>

static void count(struct descriptor *entry, enum watch_direction direction, ssize_t result)
{
    bool out = direction == WATCH_OUT;
    __atomic_fetch_add(out ? &entry->bytes_sent : &entry->bytes_received, (uint64_t)result, __ATOMIC_RELAXED);
    __atomic_fetch_add(out ? &entry->messages_sent : &entry->messages_received, 1, __ATOMIC_RELAXED);
}

/* Errors that say something of the connection, not of the call's moment or arguments. */
static bool ends_connection(int error)
{
    switch (error) {
    case ECONNRESET:
    case ECONNREFUSED:
    case ECONNABORTED:
    case ETIMEDOUT:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
        return true;
    default:
        return false;
    }
}

void watch_io_slowly(enum sockatlas_call call, enum watch_direction direction, int fd, ssize_t result, size_t requested)
{
    int error = result < 0 ? errno : 0;
    if (error == EBADF || error == ENOTSOCK)
        return;
    struct descriptor *entry = watch_any_used(call, fd);
    if (!entry)
        return;
    struct record record = {.kind = SOCKATLAS_ERROR,
                            .call = call,
                            .error = error,
                            .fd = fd,
                            .cookie = entry->cookie,
                            .about = entry,
                            .about_fd = fd};
    if ((entry->flags & DESCRIPTOR_CONNECTING) && (error == 0 || ends_connection(error)))
        watch_connected(call, fd, entry, error);
    else if (ends_connection(error) && descriptor_error(entry, error))
        record_write(&record, "", 0, NULL, 0);
    if (result >= 0 && (entry->flags & DESCRIPTOR_COUNTED))
        count(entry, direction, result);
    if (config.io && error != EAGAIN) {
        struct sockatlas_body_io body = {.result = result, .requested = requested, .sent = direction == WATCH_OUT};
        record.kind = SOCKATLAS_IO;
        record_write(&record, &body, sizeof(body), NULL, 0);
    }
}
