/* SPDX-License-Identifier: MIT
 *
 * What the calls with messages hand over, by whatever entry point they were made. For wrappers only: what a call was
 * given is read before it where memory.h lets it be, and after it where it succeeded.
 */
#ifndef SHIM_MESSAGE_H
#define SHIM_MESSAGE_H

#include "shim/caller.h"
#include "shim/hook.h"
#include "shim/watch.h"

#include <sys/socket.h>

/* What is told of a message that went out is none that came in. */
static inline void message_bytes(enum sockatlas_call call, int fd, struct watch_transfer *transfer, ssize_t result,
                                 size_t requested, int flags)
{
    bool peeked = (flags & MSG_PEEK) && result > 0, told = (flags & MSG_ERRQUEUE) && result >= 0;
    if (!peeked && !told)
        watch_io(call, WATCH_IN, fd, transfer, result, requested);
}

static inline void message_sent(enum sockatlas_call call, int fd, const struct watch_transfer *transfer,
                                const struct msghdr *message, size_t bytes)
{
    if (message->msg_name)
        watch_message(call, WATCH_OUT, fd, transfer, message->msg_name, message->msg_namelen, bytes);
    if (message->msg_controllen)
        watch_rights_sent(call, fd, message);
}

static inline void message_received(enum sockatlas_call call, int fd, const struct watch_transfer *transfer,
                                    const struct msghdr *message, socklen_t capacity, int flags, size_t bytes)
{
    if (!(flags & MSG_PEEK))
        watch_message(call, WATCH_IN, fd, transfer, message->msg_name,
                      caller_whole(message->msg_name, &message->msg_namelen, capacity), bytes);
    if (message->msg_controllen)
        watch_rights_received(call, message);
}

/* The size of the buffer for a message's address, before the call; 0: not known. */
static inline socklen_t message_capacity(const struct msghdr *message)
{
    return memory_readable(message, sizeof(*message)) == sizeof(*message) ? message->msg_namelen : 0;
}

/* The least of the buffers for the first `count` messages' addresses, which are one size in practice. */
struct message_capacities {
    socklen_t least;
    unsigned count;
};

static inline struct message_capacities message_capacities(const struct mmsghdr *messages, unsigned count)
{
    struct message_capacities capacities = {.least = sizeof(struct sockaddr_storage)};
    struct memory_walk walk = {0};
    for (unsigned most = count < 1024 ? count : 1024; capacities.count < most; capacities.count++) {
        const struct mmsghdr *message = &messages[capacities.count];
        if (!memory_walk(&walk, message) || !memory_walk(&walk, (const char *)(message + 1) - 1))
            break;
        socklen_t capacity = message->msg_hdr.msg_name ? message->msg_hdr.msg_namelen : capacities.least;
        capacities.least = capacity < capacities.least ? capacity : capacities.least;
    }
    return capacities;
}

/* Whether a send connects as well. */
static inline bool message_opens_fast(int flags, const void *address)
{
    return (flags & MSG_FASTOPEN) && address && config.on;
}

/* A message out, by `function`, libc's sendmsg() or another of its kind. */
static inline ssize_t message_send(enum sockatlas_call call, ssize_t (*function)(int, const struct msghdr *, int),
                                   int fd, const struct msghdr *message, int flags)
{
    bool known = (flags & MSG_FASTOPEN) && memory_readable(message, sizeof(*message)) == sizeof(*message);
    bool opens = known && message_opens_fast(flags, message->msg_name);
    struct watch_attempt attempt = {.recorded = false};
    if (opens)
        attempt = watch_connecting(call, fd, message->msg_name, message->msg_namelen);
    struct watch_transfer transfer = watch_begin(call, WATCH_OUT, fd);
    ssize_t result = function(fd, message, flags);
    if (!opens || result >= 0 || transfer.send)
        watch_io(call, WATCH_OUT, fd, &transfer, result, 0);
    if (opens)
        watch_fast_open(call, fd, hook_error(result), message->msg_name, message->msg_namelen, attempt);
    if (result >= 0)
        message_sent(call, fd, &transfer, message, (size_t)result);
    return result;
}

/* The same for a message in. */
static inline ssize_t message_receive(enum sockatlas_call call, ssize_t (*function)(int, struct msghdr *, int), int fd,
                                      struct msghdr *message, int flags)
{
    socklen_t capacity = watch_may_want_peer(fd) ? message_capacity(message) : 0;
    struct watch_transfer transfer = watch_begin(call, WATCH_IN, fd);
    ssize_t result = function(fd, message, flags);
    size_t requested = result >= 0 ? caller_vector(message->msg_iov, message->msg_iovlen, result) : 0;
    message_bytes(call, fd, &transfer, result, requested, flags);
    if (result >= 0)
        message_received(call, fd, &transfer, message, capacity, flags, (size_t)result);
    return result;
}

/* After sendmmsg(). */
static inline void message_all_sent(enum sockatlas_call call, int fd, struct watch_transfer *transfer,
                                    const struct mmsghdr *messages, int result)
{
    bool send = transfer->send;
    if (result < 0)
        watch_io(call, WATCH_OUT, fd, transfer, -1, 0);
    for (int i = 0; i < result; i++) {
        transfer->send = send && i == result - 1; /* the whole call's */
        watch_io(call, WATCH_OUT, fd, transfer, messages[i].msg_len, 0);
        message_sent(call, fd, transfer, &messages[i].msg_hdr, messages[i].msg_len);
    }
    if (result == 0 && send)
        count_end(&transfer->entry->sent, transfer->began, true, 0);
}

/* After recvmmsg(). */
static inline void message_all_received(enum sockatlas_call call, int fd, struct watch_transfer *transfer,
                                        const struct mmsghdr *messages, const struct message_capacities *capacities,
                                        int flags, int result)
{
    if (result < 0)
        message_bytes(call, fd, transfer, -1, 0, flags);
    for (int i = 0; i < result; i++) {
        socklen_t capacity = (unsigned)i < capacities->count ? capacities->least : 0;
        message_bytes(call, fd, transfer, messages[i].msg_len, 0, flags);
        message_received(call, fd, transfer, &messages[i].msg_hdr, capacity, flags, messages[i].msg_len);
    }
}

#endif
