/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the receiving calls that can tell an address, and of the message calls, which can carry descriptors. A
 * datagram socket that is not connected is asked for each message's sender, also where the program does not want to
 * know: the kernel has it at hand. Callable from anywhere.
 */
#include "shim/caller.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/message.h"
#include "shim/watch.h"

/* Where an address that the program did not ask for is put. */
struct sender {
    union {
        struct sockaddr address;
        unsigned char bytes[128];
    } own;
    socklen_t size;
};

static void received_from(enum sockatlas_call call, int fd, struct watch_transfer *transfer, ssize_t result,
                          size_t requested, int flags, const struct sender *sender)
{
    message_bytes(call, fd, transfer, result, requested, flags);
    if (result >= 0 && !(flags & MSG_PEEK))
        watch_message(call, WATCH_IN, fd, transfer, &sender->own.address, sender->size, (size_t)result);
}

/* Bytes in. */
HOOK ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_recv, WATCH_IN, fd);
    if (!watch_wants_peer(fd) || sandbox_inside()) {
        ssize_t result = real.recv(fd, buffer, size, flags);
        message_bytes(SOCKATLAS_CALL_recv, fd, &transfer, result, size, flags);
        return result;
    }
    struct sender sender = {.size = sizeof(sender.own)};
    ssize_t result = real.recvfrom(fd, buffer, size, flags, &sender.own.address, &sender.size);
    received_from(SOCKATLAS_CALL_recv, fd, &transfer, result, size, flags, &sender);
    return result;
}
HOOK_ALIAS(__recv, recv);

/* What recv() is in a fortified program: `capacity` is checked by the real one. */
HOOK ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t capacity, int flags)
{
    load_ready();
    if (size <= capacity)
        return recv(fd, buffer, size, flags);
    return real.__recv_chk ? real.__recv_chk(fd, buffer, size, capacity, flags) : hook_missing();
}

/* Bytes in, with the sender's address. */
HOOK ssize_t recvfrom(int fd, void *restrict buffer, size_t size, int flags, __SOCKADDR_ARG address,
                      socklen_t *restrict address_size)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_recvfrom, WATCH_IN, fd);
    struct sender sender = {.size = sizeof(sender.own)};
    if (address.__sockaddr__ || address_size || !watch_wants_peer(fd) || sandbox_inside()) {
        socklen_t capacity = address.__sockaddr__ && watch_may_want_peer(fd) ? caller_capacity(address_size) : 0;
        ssize_t result = real.recvfrom(fd, buffer, size, flags, address, address_size);
        message_bytes(SOCKATLAS_CALL_recvfrom, fd, &transfer, result, size, flags);
        if (result >= 0 && !(flags & MSG_PEEK))
            watch_message(SOCKATLAS_CALL_recvfrom, WATCH_IN, fd, &transfer, address.__sockaddr__,
                          caller_whole(address.__sockaddr__, address_size, capacity), (size_t)result);
        return result;
    }
    ssize_t result = real.recvfrom(fd, buffer, size, flags, &sender.own.address, &sender.size);
    received_from(SOCKATLAS_CALL_recvfrom, fd, &transfer, result, size, flags, &sender);
    return result;
}

/* What recvfrom() is in a fortified program. */
HOOK ssize_t __recvfrom_chk(int fd, void *restrict buffer, size_t size, size_t capacity, int flags,
                            __SOCKADDR_ARG address, socklen_t *restrict address_size)
{
    load_ready();
    if (size <= capacity)
        return recvfrom(fd, buffer, size, flags, address, address_size);
    return real.__recvfrom_chk ? real.__recvfrom_chk(fd, buffer, size, capacity, flags, address, address_size)
                               : hook_missing();
}

/* Bytes out, to an address or the connected one. */
HOOK ssize_t sendto(int fd, const void *buffer, size_t size, int flags, __CONST_SOCKADDR_ARG address,
                    socklen_t address_size)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_sendto, WATCH_OUT, fd);
    enum sockatlas_call call = SOCKATLAS_CALL_sendto;
    const struct sockaddr *to = address.__sockaddr__;
    bool opens = message_opens_fast(flags, to);
    struct watch_attempt attempt = {.recorded = false};
    if (opens)
        attempt = watch_connecting(call, fd, to, address_size);
    ssize_t result = real.sendto(fd, buffer, size, flags, address, address_size);
    if (!opens || result >= 0 || transfer.send)
        watch_io(call, WATCH_OUT, fd, &transfer, result, size);
    if (opens)
        watch_fast_open(call, fd, hook_error(result), to, address_size, attempt);
    if (result >= 0 && to)
        watch_message(call, WATCH_OUT, fd, &transfer, to, address_size, (size_t)result);
    return result;
}

/* A message out. */
HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    load_ready();
    return message_send(SOCKATLAS_CALL_sendmsg, real.sendmsg, fd, message, flags);
}

/* A message in. */
HOOK ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    load_ready();
    return message_receive(SOCKATLAS_CALL_recvmsg, real.recvmsg, fd, message, flags);
}

/* Several messages out. */
HOOK int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_sendmmsg, WATCH_OUT, fd);
    int result = real.sendmmsg(fd, messages, count, flags);
    message_all_sent(SOCKATLAS_CALL_sendmmsg, fd, &transfer, messages, result);
    return result;
}
HOOK_ALIAS(__sendmmsg, sendmmsg);

/* Several messages in. */
HOOK int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_recvmmsg, WATCH_IN, fd);
    struct message_capacities capacities =
        watch_may_want_peer(fd) ? message_capacities(messages, count) : (struct message_capacities){0};
    int result = real.recvmmsg(fd, messages, count, flags, timeout);
    message_all_received(SOCKATLAS_CALL_recvmmsg, fd, &transfer, messages, &capacities, flags, result);
    return result;
}
