/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the data path. Each adds one look at the descriptor's entry to an established TCP connection's call.
 * Callable from anywhere.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

static void watch_io(enum sockatlas_call call, enum watch_direction direction, int fd, ssize_t result, size_t requested)
{
    int error = hook_error(result);
    struct watch_transfer transfer = {
        .call = call, .direction = direction, .fd = fd, .error = error, .result = result, .requested = requested};
    watch_transfer(&transfer);
    if (error)
        errno = error;
}

static size_t vector_size(const struct iovec *vector, int count, ssize_t result)
{
    size_t size = 0;
    for (int i = 0; result >= 0 && i < count; i++)
        size += vector[i].iov_len;
    return size;
}

/* Bytes in. */
HOOK ssize_t read(int fd, void *buffer, size_t size)
{
    load_ready();
    ssize_t result = real.read(fd, buffer, size);
    watch_io(SOCKATLAS_CALL_read, WATCH_IN, fd, result, size);
    return result;
}

/* What read() is in a fortified program. */
HOOK ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room)
{
    load_ready();
    ssize_t result = real.__read_chk ? real.__read_chk(fd, buffer, size, room) : real.read(fd, buffer, size);
    watch_io(SOCKATLAS_CALL_read, WATCH_IN, fd, result, size);
    return result;
}

/* Bytes out. */
HOOK ssize_t write(int fd, const void *buffer, size_t size)
{
    load_ready();
    ssize_t result = real.write(fd, buffer, size);
    watch_io(SOCKATLAS_CALL_write, WATCH_OUT, fd, result, size);
    return result;
}

/* Bytes in, scattered. */
HOOK ssize_t readv(int fd, const struct iovec *vector, int count)
{
    load_ready();
    ssize_t result = real.readv(fd, vector, count);
    watch_io(SOCKATLAS_CALL_readv, WATCH_IN, fd, result, config.io ? vector_size(vector, count, result) : 0);
    return result;
}

/* Bytes out, gathered. */
HOOK ssize_t writev(int fd, const struct iovec *vector, int count)
{
    load_ready();
    ssize_t result = real.writev(fd, vector, count);
    watch_io(SOCKATLAS_CALL_writev, WATCH_OUT, fd, result, config.io ? vector_size(vector, count, result) : 0);
    return result;
}

/* Bytes out. */
HOOK ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
    load_ready();
    ssize_t result = real.send(fd, buffer, size, flags);
    watch_io(SOCKATLAS_CALL_send, WATCH_OUT, fd, result, size);
    return result;
}

/* Bytes in. */
HOOK ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    load_ready();
    ssize_t result = real.recv(fd, buffer, size, flags);
    watch_io(SOCKATLAS_CALL_recv, WATCH_IN, fd, flags & MSG_PEEK && result > 0 ? 0 : result, size);
    return result;
}

/* What recv() is in a fortified program. */
HOOK ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags)
{
    load_ready();
    ssize_t result =
        real.__recv_chk ? real.__recv_chk(fd, buffer, size, room, flags) : real.recv(fd, buffer, size, flags);
    watch_io(SOCKATLAS_CALL_recv, WATCH_IN, fd, flags & MSG_PEEK && result > 0 ? 0 : result, size);
    return result;
}

/* Bytes out, to an address or the connected one. */
HOOK ssize_t sendto(int fd, const void *buffer, size_t size, int flags, __CONST_SOCKADDR_ARG address,
                    socklen_t address_size)
{
    load_ready();
    ssize_t result = real.sendto(fd, buffer, size, flags, address, address_size);
    watch_io(SOCKATLAS_CALL_sendto, WATCH_OUT, fd, result, size);
    return result;
}

/* Bytes in, with the sender's address. */
HOOK ssize_t recvfrom(int fd, void *restrict buffer, size_t size, int flags, __SOCKADDR_ARG address,
                      socklen_t *restrict address_size)
{
    load_ready();
    ssize_t result = real.recvfrom(fd, buffer, size, flags, address, address_size);
    watch_io(SOCKATLAS_CALL_recvfrom, WATCH_IN, fd, flags & MSG_PEEK && result > 0 ? 0 : result, size);
    return result;
}

/* What recvfrom() is in a fortified program. */
HOOK ssize_t __recvfrom_chk(int fd, void *restrict buffer, size_t size, size_t room, int flags, __SOCKADDR_ARG address,
                            socklen_t *restrict address_size)
{
    load_ready();
    ssize_t result = real.__recvfrom_chk ? real.__recvfrom_chk(fd, buffer, size, room, flags, address, address_size)
                                         : real.recvfrom(fd, buffer, size, flags, address, address_size);
    watch_io(SOCKATLAS_CALL_recvfrom, WATCH_IN, fd, flags & MSG_PEEK && result > 0 ? 0 : result, size);
    return result;
}

/* A message out. */
HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    load_ready();
    ssize_t result = real.sendmsg(fd, message, flags);
    watch_io(SOCKATLAS_CALL_sendmsg, WATCH_OUT, fd, result, 0);
    return result;
}

/* A message in. */
HOOK ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    load_ready();
    ssize_t result = real.recvmsg(fd, message, flags);
    watch_io(SOCKATLAS_CALL_recvmsg, WATCH_IN, fd, flags & MSG_PEEK && result > 0 ? 0 : result, 0);
    return result;
}
