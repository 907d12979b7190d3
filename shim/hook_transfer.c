/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the data path. Each adds one look at the descriptor's entry to an established TCP connection's call.
 * Callable from anywhere.
 */
#include "shim/caller.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

#include <sys/sendfile.h>

/* Bytes in. */
HOOK ssize_t read(int fd, void *buffer, size_t size)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_read, WATCH_IN, fd);
    ssize_t result = real.read(fd, buffer, size);
    watch_io(SOCKATLAS_CALL_read, WATCH_IN, fd, &transfer, result, size);
    return result;
}
HOOK_ALIAS(__read, read);

/* What read() is in a fortified program. */
HOOK ssize_t __read_chk(int fd, void *buffer, size_t size, size_t capacity)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_read, WATCH_IN, fd);
    ssize_t result = real.__read_chk ? real.__read_chk(fd, buffer, size, capacity) : real.read(fd, buffer, size);
    watch_io(SOCKATLAS_CALL_read, WATCH_IN, fd, &transfer, result, size);
    return result;
}

/* Bytes out. */
HOOK ssize_t write(int fd, const void *buffer, size_t size)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_write, WATCH_OUT, fd);
    ssize_t result = real.write(fd, buffer, size);
    watch_io(SOCKATLAS_CALL_write, WATCH_OUT, fd, &transfer, result, size);
    return result;
}
HOOK_ALIAS(__write, write);

/* Bytes in, scattered. */
HOOK ssize_t readv(int fd, const struct iovec *vector, int count)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_readv, WATCH_IN, fd);
    ssize_t result = real.readv(fd, vector, count);
    watch_io(SOCKATLAS_CALL_readv, WATCH_IN, fd, &transfer, result, caller_vector(vector, (size_t)count, result));
    return result;
}

/* Bytes out, gathered. */
HOOK ssize_t writev(int fd, const struct iovec *vector, int count)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_writev, WATCH_OUT, fd);
    ssize_t result = real.writev(fd, vector, count);
    watch_io(SOCKATLAS_CALL_writev, WATCH_OUT, fd, &transfer, result, caller_vector(vector, (size_t)count, result));
    return result;
}

/* Bytes out. */
HOOK ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_send, WATCH_OUT, fd);
    ssize_t result = real.send(fd, buffer, size, flags);
    watch_io(SOCKATLAS_CALL_send, WATCH_OUT, fd, &transfer, result, size);
    return result;
}
HOOK_ALIAS(__send, send);

/* Bytes from or to a file, without passing through the program. */
HOOK ssize_t sendfile(int out, int in, off_t *offset, size_t size)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_sendfile, WATCH_OUT, out);
    ssize_t result = real.sendfile(out, in, offset, size);
    watch_io(SOCKATLAS_CALL_sendfile, WATCH_OUT, out, &transfer, result, size);
    return result;
}

/* The same, as programs built with _FILE_OFFSET_BITS=64 call it. */
HOOK ssize_t sendfile64(int out, int in, off64_t *offset, size_t size)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_sendfile64, WATCH_OUT, out);
    /* musl's has 64-bit offsets everywhere. */
    ssize_t result =
        real.sendfile64 ? real.sendfile64(out, in, offset, size) : real.sendfile(out, in, (off_t *)offset, size);
    watch_io(SOCKATLAS_CALL_sendfile64, WATCH_OUT, out, &transfer, result, size);
    return result;
}

/* Bytes between a pipe and a socket: either end may be ours. */
HOOK ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size, unsigned flags)
{
    load_ready();
    struct watch_transfer from = watch_begin(SOCKATLAS_CALL_splice, WATCH_IN, in),
                          to = watch_begin(SOCKATLAS_CALL_splice, WATCH_OUT, out);
    ssize_t result = real.splice(in, in_offset, out, out_offset, size, flags);
    watch_io(SOCKATLAS_CALL_splice, WATCH_IN, in, &from, result, size);
    watch_io(SOCKATLAS_CALL_splice, WATCH_OUT, out, &to, result, size);
    return result;
}

/* Bytes in, scattered, with flags. musl has no such name. */
HOOK ssize_t preadv2(int fd, const struct iovec *vector, int count, off_t offset, int flags)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_preadv2, WATCH_IN, fd);
    ssize_t result = real.preadv2 ? real.preadv2(fd, vector, count, offset, flags) : hook_missing();
    watch_io(SOCKATLAS_CALL_preadv2, WATCH_IN, fd, &transfer, result, caller_vector(vector, (size_t)count, result));
    return result;
}
#if __WORDSIZE == 64 /* hook_32.c has the other */
HOOK_ALIAS(preadv64v2, preadv2);
#endif

/* Bytes out, gathered, with flags. musl has no such name. */
HOOK ssize_t pwritev2(int fd, const struct iovec *vector, int count, off_t offset, int flags)
{
    load_ready();
    struct watch_transfer transfer = watch_begin(SOCKATLAS_CALL_pwritev2, WATCH_OUT, fd);
    ssize_t result = real.pwritev2 ? real.pwritev2(fd, vector, count, offset, flags) : hook_missing();
    watch_io(SOCKATLAS_CALL_pwritev2, WATCH_OUT, fd, &transfer, result, caller_vector(vector, (size_t)count, result));
    return result;
}
#if __WORDSIZE == 64 /* hook_32.c has the other */
HOOK_ALIAS(pwritev64v2, pwritev2);
#endif
