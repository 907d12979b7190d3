/* SPDX-License-Identifier: MIT
 *
 * Transfers: counts for sockets whose bytes the kernel does not count, ends of pending connects, the first error of a
 * connection. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/record.h"

#include <errno.h>
#include <stddef.h>

static void count(struct descriptor *entry, const struct watch_transfer *transfer)
{
    bool out = transfer->direction == WATCH_OUT;
    __atomic_fetch_add(out ? &entry->bytes_sent : &entry->bytes_received, (uint64_t)transfer->result, __ATOMIC_RELAXED);
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

static void record_io(const struct watch_transfer *transfer, uint64_t cookie)
{
    struct sockatlas_body_io body = {
        .result = transfer->result, .requested = transfer->requested, .sent = transfer->direction == WATCH_OUT};
    struct record record = {
        .kind = SOCKATLAS_IO, .call = transfer->call, .error = transfer->error, .fd = transfer->fd, .cookie = cookie};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

void watch_transfer_slowly(const struct watch_transfer *transfer)
{
    if (transfer->error == EBADF || transfer->error == ENOTSOCK)
        return;
    struct descriptor *entry = watch_any_used(transfer->call, transfer->fd);
    if (!entry)
        return;
    int error = transfer->error;
    if ((entry->flags & DESCRIPTOR_CONNECTING) && (error == 0 || ends_connection(error)))
        watch_connected(transfer->call, transfer->fd, entry, error);
    else if (ends_connection(error) &&
             !(__atomic_fetch_or(&entry->flags, DESCRIPTOR_ERROR_SEEN, __ATOMIC_RELAXED) & DESCRIPTOR_ERROR_SEEN)) {
        struct record record = {.kind = SOCKATLAS_ERROR,
                                .call = transfer->call,
                                .error = error,
                                .fd = transfer->fd,
                                .cookie = entry->cookie};
        record_write(&record, "", 0, NULL, 0);
    }
    if (transfer->result >= 0 && (entry->flags & DESCRIPTOR_COUNTED))
        count(entry, transfer);
    if (config.io && error != EAGAIN)
        record_io(transfer, entry->cookie);
}
