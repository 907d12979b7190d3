/* SPDX-License-Identifier: MIT
 *
 * Looks at stdio's standard streams. Callable from anywhere; changes nothing.
 */
#include "shim/stream.h"

#include "shim/real.h"

/* NULL: none of that number. */
static FILE *stream_of(int fd)
{
    FILE **const streams[] = {real.stdin, real.stdout, real.stderr};
    return fd >= 0 && fd <= 2 && streams[fd] ? *streams[fd] : NULL;
}

bool stream_holds(int fd)
{
    FILE *stream = stream_of(fd);
    return stream && real.__fpending && real.__fpending(stream) > 0;
}

/* glibc gives a stream its buffer with the first character that goes through; musl's have one from the beginning, so
 * that there nothing is to be learned from it. */
bool stream_used(int fd)
{
    FILE *stream = stream_of(fd);
    if (fd < 0 || fd > 2)
        return false;
    return !stream || !real.__vdprintf_chk || !real.__fbufsize || real.__fbufsize(stream) > 0;
}
