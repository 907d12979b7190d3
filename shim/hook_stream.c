/* SPDX-License-Identifier: MIT
 *
 * Wrappers of stdio where it meets descriptors: a stream made of one, whose transfers are libc's own from then on, and
 * formatted output straight to one.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

#include <stdarg.h>
#include <stdio.h>

/* A stream of an open descriptor. */
HOOK FILE *fdopen(int fd, const char *mode)
{
    load_ready();
    FILE *stream = real.fdopen(fd, mode);
    int error = errno;
    struct descriptor *entry = stream && config.on ? watch_any_used(SOCKATLAS_CALL_fdopen, fd) : NULL;
    if (entry && !process_in_vfork())
        descriptor_set(entry, DESCRIPTOR_STREAM, 0);
    errno = error;
    return stream;
}
HOOK_ALIAS(_IO_fdopen, fdopen);

static int printed(int fd, struct watch_transfer transfer, int result)
{
    int error = errno;
    watch_io(SOCKATLAS_CALL_dprintf, WATCH_OUT, fd, &transfer, result, result < 0 ? 0 : (size_t)result);
    errno = error;
    return result;
}

/* Formatted output. */
HOOK int vdprintf(int fd, const char *restrict format, va_list arguments)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_dprintf, WATCH_OUT, fd);
    return printed(fd, transfer, real.vdprintf(fd, format, arguments));
}

/* The same, with the arguments in the call. */
HOOK int dprintf(int fd, const char *restrict format, ...)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_dprintf, WATCH_OUT, fd);
    va_list arguments;
    va_start(arguments, format);
    int result = real.vdprintf(fd, format, arguments);
    va_end(arguments);
    return printed(fd, transfer, result);
}

/* What vdprintf() is in a fortified program. musl has no such name. */
HOOK int __vdprintf_chk(int fd, int flag, const char *restrict format, va_list arguments)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_dprintf, WATCH_OUT, fd);
    return printed(fd, transfer,
                   real.__vdprintf_chk ? real.__vdprintf_chk(fd, flag, format, arguments)
                                       : real.vdprintf(fd, format, arguments));
}

/* What dprintf() is in a fortified program. */
HOOK int __dprintf_chk(int fd, int flag, const char *restrict format, ...)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_dprintf, WATCH_OUT, fd);
    va_list arguments;
    va_start(arguments, format);
    int result =
        real.__vdprintf_chk ? real.__vdprintf_chk(fd, flag, format, arguments) : real.vdprintf(fd, format, arguments);
    va_end(arguments);
    return printed(fd, transfer, result);
}
