/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the names that only a 32-bit glibc has: those that programs built with _TIME_BITS=64 or
 * _FILE_OFFSET_BITS=64 call. They record what their namesakes do. Callable from anywhere.
 */
#if defined(__i386__)
#include "shim/caller.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/message.h"
#include "shim/pending.h"
#include "shim/watch.h"

#include <sys/ioctl.h>

/* A parameter is set. */
HOOK int __setsockopt64(int fd, int level, int name, const void *value, socklen_t size)
{
    load_ready();
    int result = real.__setsockopt64(fd, level, name, value, size);
    watch_setsockopt(SOCKATLAS_CALL_setsockopt, fd, hook_error(result), level, name, value, size);
    return result;
}

/* A parameter is asked for. */
HOOK int __getsockopt64(int fd, int level, int name, void *value, socklen_t *size)
{
    load_ready();
    int result = real.__getsockopt64(fd, level, name, value, size);
    watch_getsockopt(SOCKATLAS_CALL_getsockopt, fd, hook_error(result), level, name, value, size);
    return result;
}

/* A message out. */
HOOK ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags)
{
    load_ready();
    return message_send(SOCKATLAS_CALL_sendmsg, real.__sendmsg64, fd, message, flags);
}

/* A message in. */
HOOK ssize_t __recvmsg64(int fd, struct msghdr *message, int flags)
{
    load_ready();
    return message_receive(SOCKATLAS_CALL_recvmsg, real.__recvmsg64, fd, message, flags);
}

/* Several messages out. */
HOOK int __sendmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_sendmmsg, WATCH_OUT, fd);
    int result = real.__sendmmsg64(fd, messages, count, flags);
    message_all_sent(SOCKATLAS_CALL_sendmmsg, fd, &transfer, messages, result);
    return result;
}

/* Several messages in. */
HOOK int __recvmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags, void *timeout)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_recvmmsg, WATCH_IN, fd);
    struct message_capacities capacities =
        watch_may_want_peer(fd) ? message_capacities(messages, count) : (struct message_capacities){0};
    int result = real.__recvmmsg64(fd, messages, count, flags, timeout);
    message_all_received(SOCKATLAS_CALL_recvmmsg, fd, &transfer, messages, &capacities, flags, result);
    return result;
}

/* As hook_wait.c has it. */
static int waited(enum sockatlas_call call, int result)
{
    if (result > 0 && pending_count() > 0)
        watch_pending(call);
    return result;
}

/* Waits for descriptors. */
HOOK int __ppoll64(struct pollfd *fds, nfds_t count, const void *timeout, const sigset_t *mask)
{
    load_ready();
    return waited(SOCKATLAS_CALL_ppoll, real.__ppoll64(fds, count, timeout, mask));
}

/* Waits for descriptors below 1024. */
HOOK int __select64(int count, void *in, void *out, void *except, void *timeout)
{
    load_ready();
    return waited(SOCKATLAS_CALL_select, real.__select64(count, in, out, except, timeout));
}

/* With a signal mask. */
HOOK int __pselect64(int count, void *in, void *out, void *except, const void *timeout, const sigset_t *mask)
{
    load_ready();
    return waited(SOCKATLAS_CALL_pselect, real.__pselect64(count, in, out, except, timeout, mask));
}

/* Waits for a set kept in the kernel. */
HOOK int __epoll_pwait2_time64(int fd, struct epoll_event *events, int capacity, const void *timeout,
                               const sigset_t *mask)
{
    load_ready();
    return waited(SOCKATLAS_CALL_epoll_pwait2, real.__epoll_pwait2_time64(fd, events, capacity, timeout, mask));
}

/* glibc's second name for fcntl64(). */
HOOK int __fcntl_time64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return fcntl64(fd, command, argument);
}

/* Descriptor flags by another function. */
HOOK int __ioctl_time64(int fd, unsigned long request, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int result = real.__ioctl_time64(fd, request, argument);
    if (result == 0 && (request == FIONBIO || request == FIOCLEX || request == FIONCLEX))
        watch_flags(SOCKATLAS_CALL_ioctl, fd);
    return result;
}

/* glibc's second name for prctl(). */
HOOK int __prctl_time64(int option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    unsigned long a = va_arg(arguments, unsigned long), b = va_arg(arguments, unsigned long);
    unsigned long c = va_arg(arguments, unsigned long), d = va_arg(arguments, unsigned long);
    va_end(arguments);
    return prctl(option, a, b, c, d);
}

/* Bytes in, scattered, with flags. */
HOOK ssize_t preadv64v2(int fd, const struct iovec *vector, int count, off64_t offset, int flags)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_preadv2, WATCH_IN, fd);
    ssize_t result = real.preadv64v2(fd, vector, count, offset, flags);
    watch_io(SOCKATLAS_CALL_preadv2, WATCH_IN, fd, &transfer, result, caller_vector(vector, (size_t)count, result));
    return result;
}

/* Bytes out, gathered, with flags. */
HOOK ssize_t pwritev64v2(int fd, const struct iovec *vector, int count, off64_t offset, int flags)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_pwritev2, WATCH_OUT, fd);
    ssize_t result = real.pwritev64v2(fd, vector, count, offset, flags);
    watch_io(SOCKATLAS_CALL_pwritev2, WATCH_OUT, fd, &transfer, result, caller_vector(vector, (size_t)count, result));
    return result;
}
#endif
