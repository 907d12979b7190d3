/* SPDX-License-Identifier: MIT
 *
 * Wrappers that close otherwise than one descriptor by number: ranges, and streams. libc's own do not pass through
 * close(). Callable from anywhere that the calls themselves are.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/probe.h"
#include "shim/watch.h"

#include <limits.h>
#include <linux/close_range.h>
#include <stdio.h>

/* All descriptors from..to, or their close-on-exec flags. musl has no such name. */
HOOK int close_range(unsigned from, unsigned to, int flags)
{
    load_ready();
    bool marks = (flags & CLOSE_RANGE_CLOEXEC) != 0;
    if (real.close_range && !marks && watch_will_close(from, to, flags))
        watch_close_range(SOCKATLAS_CALL_close_range, from, to);
    int result = real.close_range ? real.close_range(from, to, flags) : hook_missing();
    int fd = marks && result == 0 && from <= INT_MAX ? descriptor_next((int)from) : -1;
    for (; fd >= 0 && (unsigned)fd <= to; fd = descriptor_next(fd + 1))
        watch_flags(SOCKATLAS_CALL_close_range, fd);
    return result;
}

/* All descriptors from..infinity. musl has no such name. */
HOOK void closefrom(int from)
{
    load_ready();
    watch_close_range(SOCKATLAS_CALL_closefrom, from < 0 ? 0 : (unsigned)from, UINT_MAX);
    if (real.closefrom)
        real.closefrom(from);
}

/* A stream is about to close its descriptor. What it still holds is flushed first, as the call would itself, so that
 * the bytes recorded are all. The result is the flush's error, which libc tells once: errno has it, too. */
static int watch_stream(enum sockatlas_call call, FILE *stream)
{
    int error = errno, failure = 0;
    int fd = config.on && stream ? real.fileno(stream) : -1;
    struct descriptor *entry = fd < 0 ? NULL : watch_any_used(call, fd);
    if (entry) {
        if ((entry->flags & DESCRIPTOR_CONNECTED) && real.__fpending(stream) && real.fflush(stream) == EOF)
            failure = errno;
        watch_close(call, fd);
    }
    errno = failure ? failure : error;
    return failure;
}

/* What closing a stream comes to whose flush has been made before. */
static int closed(int result, int failure)
{
    if (!failure || result == EOF)
        return result;
    errno = failure;
    return EOF;
}

/* A stream and its descriptor. */
HOOK int fclose(FILE *stream)
{
    load_ready();
    int failure = watch_stream(SOCKATLAS_CALL_fclose, stream);
    return closed(real.fclose(stream), failure);
}
HOOK_ALIAS(_IO_fclose, fclose);

/* A stream is given another file: its old descriptor goes, and whether its flush failed libc does not tell. */
HOOK FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict stream)
{
    load_ready();
    watch_stream(SOCKATLAS_CALL_freopen, stream);
    return real.freopen(path, mode, stream);
}

/* The same, as programs built with _FILE_OFFSET_BITS=64 call it. */
HOOK FILE *freopen64(const char *restrict path, const char *restrict mode, FILE *restrict stream)
{
    load_ready();
    watch_stream(SOCKATLAS_CALL_freopen64, stream);
    return (real.freopen64 ? real.freopen64 : real.freopen)(path, mode, stream);
}

/* All streams. Which descriptors that were shows only afterwards: what is a socket no more was one of them. musl has no
 * such name. */
HOOK int fcloseall(void)
{
    load_ready();
    int result = real.fcloseall ? real.fcloseall() : hook_missing();
    int error = errno;
    for (int fd = config.on && !sandbox_inside() ? descriptor_next(0) : -1; fd >= 0; fd = descriptor_next(fd + 1)) {
        uint64_t cookie;
        if (probe_cookie(fd, &cookie) != 0)
            watch_close(SOCKATLAS_CALL_fcloseall, fd);
    }
    errno = error;
    return result;
}

/* A stream of popen(): a pipe, whose number must not be taken for the socket that may have had it before. */
HOOK int pclose(FILE *stream)
{
    load_ready();
    int failure = watch_stream(SOCKATLAS_CALL_pclose, stream);
    return closed(real.pclose(stream), failure);
}
