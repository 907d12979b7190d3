/* SPDX-License-Identifier: MIT
 *
 * Wrappers that only look at a socket, by which one that was inherited or passed is first met, and those that bring
 * sockets in from elsewhere. Callable from anywhere.
 */
#include "shim/caller.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <sys/ioctl.h>

/* The local address is asked for. */
HOOK int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *restrict size)
{
    load_ready();
    socklen_t capacity = sandbox_inside() ? caller_capacity(size) : 0;
    int result = real.getsockname(fd, address, size);
    if (result == 0)
        watch_told(SOCKATLAS_CALL_getsockname, fd, address.__sockaddr__,
                   capacity ? caller_whole(address.__sockaddr__, size, capacity) : 0);
    return result;
}

/* The peer's address is asked for. */
HOOK int getpeername(int fd, __SOCKADDR_ARG address, socklen_t *restrict size)
{
    load_ready();
    socklen_t capacity = sandbox_inside() ? caller_capacity(size) : 0;
    int result = real.getpeername(fd, address, size);
    if (result == 0)
        watch_told(SOCKATLAS_CALL_getpeername, fd, address.__sockaddr__,
                   capacity ? caller_whole(address.__sockaddr__, size, capacity) : 0);
    return result;
}

/* A bind() to a reserved port of libc's choice. musl has no such name. */
HOOK int bindresvport(int fd, struct sockaddr_in *address)
{
    load_ready();
    int result = real.bindresvport ? real.bindresvport(fd, address) : hook_missing();
    int error = hook_error(result);
    watch_bind(SOCKATLAS_CALL_bindresvport, fd, error, NULL, 0);
    return result;
}

/* A descriptor is taken from another process. In glibc since 2.36. */
HOOK int pidfd_getfd(int pidfd, int target, unsigned flags)
{
    load_ready();
    int result = real.pidfd_getfd ? real.pidfd_getfd(pidfd, target, flags) : hook_missing();
    if (result >= 0)
        watch_received(SOCKATLAS_CALL_pidfd_getfd, result);
    return result;
}

/* Descriptor flags by another function. The argument is handed on as it came in its register. */
HOOK int ioctl(int fd, unsigned long request, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int result = real.ioctl(fd, request, argument);
    if (result == 0 && (request == FIONBIO || request == FIOCLEX || request == FIONCLEX))
        watch_flags(SOCKATLAS_CALL_ioctl, fd);
    return result;
}
