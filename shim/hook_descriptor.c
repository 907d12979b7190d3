/* SPDX-License-Identifier: MIT
 *
 * Wrappers that end or duplicate descriptors, or change their flags: close, dup, dup2, dup3, fcntl. Async-signal-safe,
 * as the calls themselves are.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

#include <stdarg.h>

/* The number is free again as soon as the kernel has it, so all is recorded before. */
HOOK int close(int fd)
{
    load_ready();
    watch_close(SOCKATLAS_CALL_close, fd);
    return real.close(fd);
}
HOOK_ALIAS(__close, close);

/* One more descriptor for the same socket. */
HOOK int dup(int fd)
{
    load_ready();
    int result = real.dup(fd);
    if (result >= 0)
        watch_dup(SOCKATLAS_CALL_dup, fd, result, false);
    return result;
}

/* The same, under a number of the program's choice, which is closed if it was open. */
HOOK int dup2(int from, int to)
{
    load_ready();
    watch_replace(SOCKATLAS_CALL_dup2, from, to, 0);
    int result = real.dup2(from, to);
    if (result >= 0 && from != to)
        watch_dup(SOCKATLAS_CALL_dup2, from, result, false);
    return result;
}
HOOK_ALIAS(__dup2, dup2);

/* The same, with descriptor flags. */
HOOK int dup3(int from, int to, int flags)
{
    load_ready();
    watch_replace(SOCKATLAS_CALL_dup3, from, to, flags);
    int result = real.dup3(from, to, flags);
    if (result >= 0)
        watch_dup(SOCKATLAS_CALL_dup3, from, result, (flags & O_CLOEXEC) != 0);
    return result;
}

static void watch_fcntl(enum sockatlas_call call, int fd, int command, const void *argument, int result)
{
    if (result < 0)
        return;
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        watch_dup(call, fd, result, command == F_DUPFD_CLOEXEC);
    else if (command == F_SETFD)
        watch_flag(call, fd, SOCKATLAS_CLOEXEC, (uintptr_t)argument & FD_CLOEXEC);
    else if (command == F_SETFL)
        watch_flag(call, fd, SOCKATLAS_NONBLOCK, (uintptr_t)argument & O_NONBLOCK);
}

/* Duplicates, or changes flags. The argument is a pointer, a long or absent: it is handed on as it came in its
 * register. */
HOOK int fcntl(int fd, int command, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int result = real.fcntl(fd, command, argument);
    watch_fcntl(SOCKATLAS_CALL_fcntl, fd, command, argument, result);
    return result;
}
HOOK_ALIAS(__fcntl, fcntl);

/* What programs built with _FILE_OFFSET_BITS=64 call. musl has no such name. */
HOOK int fcntl64(int fd, int command, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int result = (real.fcntl64 ? real.fcntl64 : real.fcntl)(fd, command, argument);
    watch_fcntl(SOCKATLAS_CALL_fcntl64, fd, command, argument, result);
    return result;
}
HOOK_ALIAS(__libc_fcntl64, fcntl64);
