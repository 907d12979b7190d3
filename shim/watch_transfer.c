/* SPDX-License-Identifier: MIT
 *
 * Transfers: counts for sockets whose bytes the kernel does not count, ends of pending connects, the first error of a
 * connection. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/clock.h"
#include "shim/record.h"
#include "shim/sys.h"

#include <errno.h>
#include <stddef.h>

static void count_message(struct descriptor *entry, enum watch_direction direction)
{
    __atomic_fetch_add(direction == WATCH_OUT ? &entry->messages_sent : &entry->messages_received, 1, __ATOMIC_RELAXED);
}

static uint64_t *count_of(struct descriptor *entry, enum watch_direction direction)
{
    return direction == WATCH_OUT ? &entry->sent : &entry->received;
}

/* Sends that are still to be told of, and in which process: a forked child has none of those threads. */
static unsigned expected;
static uint32_t expected_in;

void watch_expect(unsigned sends)
{
    uint32_t pid = process_identity().pid;
    if (__atomic_exchange_n(&expected_in, pid, __ATOMIC_RELAXED) != pid)
        __atomic_store_n(&expected, 0, __ATOMIC_RELAXED);
    __atomic_fetch_add(&expected, sends, __ATOMIC_RELAXED);
}

void watch_await(void)
{
    enum { MOMENT_NS = 200000 };
    uint64_t until_ns = 0;
    while ((int)__atomic_load_n(&expected, __ATOMIC_RELAXED) > 0 && expected_in == process_identity().pid) {
        uint64_t now_ns = clock_now();
        until_ns = until_ns ? until_ns : now_ns + MOMENT_NS;
        if (now_ns >= until_ns || sys(SYS_sched_yield) != 0)
            return;
    }
}

/* The descriptor was closed before the transfer was over: what it comes to is told apart from what is counted. */
static void tell_late(enum sockatlas_call call, enum watch_direction direction, int fd,
                      const struct watch_transfer *transfer, ssize_t result)
{
    struct sockatlas_body_transfer body = {.under_way = transfer->send ? -1 : 0};
    struct record record = {.kind = SOCKATLAS_TRANSFER, .call = call, .fd = fd, .cookie = transfer->cookie};
    if (result < 0 && !transfer->send)
        return;
    if (result >= 0 && direction == WATCH_OUT)
        body.bytes_sent = (uint64_t)result, body.messages_sent = 1;
    if (result >= 0 && direction == WATCH_IN)
        body.bytes_received = (uint64_t)result, body.messages_received = 1;
    record_write(&record, &body, sizeof(body), NULL, 0);
    if (transfer->send)
        __atomic_fetch_sub(&expected, 1, __ATOMIC_RELAXED);
}

bool watch_begin_first(enum sockatlas_call call, enum watch_direction direction, int fd, struct descriptor *entry)
{
    if (!config.on || process_in_vfork())
        return false;
    if (direction == WATCH_OUT)
        return watch_any_used(call, fd) == entry;
    return entry->state == DESCRIPTOR_SOCKET && (entry->flags & DESCRIPTOR_COUNTED);
}

/* What has come by now is the first that this process received by that descriptor: it is counted from there on. */
static void first_received(enum sockatlas_call call, int fd, struct watch_transfer *transfer)
{
    uint64_t *at = &transfer->entry->received;
    transfer->first = false;
    if (COUNT_WHICH(*at) == COUNT_WHICH(transfer->began) && watch_any_used(call, fd) == transfer->entry)
        transfer->began = *at;
}

/* Counts it where it was begun on a socket whose transfers are counted here. True: there is no more to be done. */
static bool ended(enum sockatlas_call call, enum watch_direction direction, int fd, struct watch_transfer *transfer,
                  ssize_t result)
{
    struct descriptor *entry = transfer->entry;
    uint64_t bytes = result > 0 ? (uint64_t)result : 0;
    if (!transfer->counted || (result < 0 && !transfer->send))
        return COUNT_WHICH(*count_of(entry, direction)) != COUNT_WHICH(transfer->began);
    transfer->late = transfer->late || !count_end(count_of(entry, direction), transfer->began, transfer->send, bytes);
    if (transfer->late)
        tell_late(call, direction, fd, transfer, result);
    else if (result >= 0)
        count_message(entry, direction);
    transfer->send = false;
    return transfer->late;
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

void watch_io_slowly(enum sockatlas_call call, enum watch_direction direction, int fd, struct watch_transfer *transfer,
                     ssize_t result, size_t requested)
{
    int error = result < 0 ? errno : 0;
    if (transfer->first && direction == WATCH_IN && result >= 0)
        first_received(call, fd, transfer);
    if (transfer->entry && ended(call, direction, fd, transfer, result))
        return;
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
    if (result >= 0 && !transfer->entry && (entry->flags & DESCRIPTOR_COUNTED)) {
        uint64_t *at = count_of(entry, direction);
        count_end(at, *at, false, (uint64_t)result);
        count_message(entry, direction);
    }
    if (config.io && error != EAGAIN) {
        struct sockatlas_body_io body = {.result = result, .requested = requested, .sent = direction == WATCH_OUT};
        record.kind = SOCKATLAS_IO;
        record_write(&record, &body, sizeof(body), NULL, 0);
    }
}
