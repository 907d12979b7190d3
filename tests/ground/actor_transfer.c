/* SPDX-License-Identifier: MIT
 *
 * All the ways in which bytes go through a socket, by libc's calls and by syscall(2). Called by actor.c.
 */
#include "tests/ground/actor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[65536];

/* ---- Sending ---- */

static long by_vector(int fd, struct iovec *vector, int way, bool raw)
{
    struct mmsghdr several = {.msg_hdr = {.msg_iov = vector, .msg_iovlen = 1}};
    switch (way) {
    case WAY_VECTOR:
        return raw ? syscall(SYS_writev, fd, vector, 1) : writev(fd, vector, 1);
    case WAY_VECTOR2:
        return raw ? syscall(SYS_pwritev2, fd, vector, 1, -1L, -1L, 0) : pwritev2(fd, vector, 1, -1, 0);
    case WAY_MESSAGE:
        return raw ? syscall(SYS_sendmsg, fd, &several.msg_hdr, MSG_NOSIGNAL)
                   : sendmsg(fd, &several.msg_hdr, MSG_NOSIGNAL);
    default:
        if ((raw ? syscall(SYS_sendmmsg, fd, &several, 1, MSG_NOSIGNAL) : sendmmsg(fd, &several, 1, MSG_NOSIGNAL)) != 1)
            return -1;
        return several.msg_len;
    }
}

static long by_file(int fd, size_t bytes, bool raw)
{
    int file = memfd_create("bytes", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)bytes) < 0)
        return -1;
    long sent = raw ? syscall(SYS_sendfile, fd, file, NULL, bytes) : sendfile(fd, file, NULL, bytes);
    int error = errno;
    close(file);
    errno = error;
    return sent;
}

static long by_pipe(int fd, size_t bytes, bool raw)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], buffer, bytes) != (ssize_t)bytes)
        return -1;
    long sent =
        raw ? syscall(SYS_splice, ends[0], NULL, fd, NULL, bytes, 0) : splice(ends[0], NULL, fd, NULL, bytes, 0);
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    errno = error;
    return sent;
}

long actor_send(int fd, int bytes, int way, bool raw)
{
    struct iovec vector = {buffer, (size_t)bytes};
    switch (way) {
    case WAY_PLAIN:
        return raw ? syscall(SYS_sendto, fd, buffer, bytes, MSG_NOSIGNAL, NULL, 0)
                   : send(fd, buffer, (size_t)bytes, MSG_NOSIGNAL);
    case WAY_FILE:
        return raw ? syscall(SYS_write, fd, buffer, bytes) : write(fd, buffer, (size_t)bytes);
    case WAY_SENDFILE:
        return by_file(fd, (size_t)bytes, raw);
    case WAY_SPLICE:
        return by_pipe(fd, (size_t)bytes, raw);
    default:
        return by_vector(fd, &vector, way, raw);
    }
}

/* ---- Receiving ---- */

static long into_pipe(int fd, size_t bytes, bool raw)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    long got = raw ? syscall(SYS_splice, fd, NULL, ends[1], NULL, bytes, 0) : splice(fd, NULL, ends[1], NULL, bytes, 0);
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    errno = error;
    return got;
}

static long into_vector(int fd, struct iovec *vector, int way, bool raw)
{
    struct mmsghdr several = {.msg_hdr = {.msg_iov = vector, .msg_iovlen = 1}};
    switch (way) {
    case WAY_VECTOR:
        return raw ? syscall(SYS_readv, fd, vector, 1) : readv(fd, vector, 1);
    case WAY_VECTOR2:
        return raw ? syscall(SYS_preadv2, fd, vector, 1, -1L, -1L, 0) : preadv2(fd, vector, 1, -1, 0);
    case WAY_MESSAGE:
        return raw ? syscall(SYS_recvmsg, fd, &several.msg_hdr, 0) : recvmsg(fd, &several.msg_hdr, 0);
    default:
        if ((raw ? syscall(SYS_recvmmsg, fd, &several, 1, 0, NULL) : recvmmsg(fd, &several, 1, 0, NULL)) != 1)
            return -1;
        return several.msg_len;
    }
}

static long receive(int fd, size_t bytes, int way, bool raw)
{
    struct iovec vector = {buffer, bytes};
    switch (way) {
    case WAY_PLAIN:
        return raw ? syscall(SYS_recvfrom, fd, buffer, bytes, 0, NULL, NULL) : recv(fd, buffer, bytes, 0);
    case WAY_FILE:
        return raw ? syscall(SYS_read, fd, buffer, bytes) : read(fd, buffer, bytes);
    case WAY_SENDFILE: /* only out of files */
    case WAY_SPLICE:
        return into_pipe(fd, bytes, raw);
    default:
        return into_vector(fd, &vector, way, raw);
    }
}

long actor_receive(int fd, int bytes, int way, bool raw)
{
    int received = 0;
    while (received < bytes) {
        size_t capacity = (size_t)(bytes - received);
        long got = receive(fd, capacity < sizeof buffer ? capacity : sizeof buffer, way, raw);
        if (got < 0 && errno == EAGAIN) {
            if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000) != 1)
                return -1;
            continue;
        }
        if (got <= 0)
            return got < 0 ? -1 : received;
        received += (int)got;
    }
    return received;
}

/* ---- Sends that are told of late, or not at all ---- */

long actor_gone(int fd)
{
    struct pollfd gone = {.fd = fd, .events = 0};
    do { /* the reset is on its way */
        if (poll(&gone, 1, 10000) != 1)
            return -1;
    } while (!(gone.revents & POLLERR));
    return 0;
}

long actor_buffer(int fd, int bytes)
{
    FILE *stream = fdopen(fd, "w");
    if (!stream || setvbuf(stream, NULL, _IOFBF, 65536) != 0)
        return -1;
    return (long)fwrite(buffer, 1, (size_t)bytes, stream);
}

static struct {
    pthread_t thread;
    pid_t tid;
    int fd, bytes;
    long result;
} crossing;

static void *cross(void *unused)
{
    (void)unused;
    char *bytes = calloc(1, (size_t)crossing.bytes);
    __atomic_store_n(&crossing.tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    crossing.result = send(crossing.fd, bytes, (size_t)crossing.bytes, MSG_NOSIGNAL);
    free(bytes);
    return NULL;
}

static bool sleeps(pid_t tid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *file = tid ? fopen(path, "re") : NULL;
    char state = '?';
    if (file && fgets(line, sizeof line, file))
        (void)sscanf(line, "%*d (%*[^)]) %c", &state); /* NOLINT(cert-err34-c): no number */
    if (file)
        fclose(file);
    return state == 'S';
}

/* It waits for space once it sleeps with bytes on their way. */
static bool is_under_way(int fd)
{
    int queued = 0;
    return sleeps(__atomic_load_n(&crossing.tid, __ATOMIC_ACQUIRE)) && ioctl(fd, SIOCOUTQ, &queued) == 0 && queued &&
           poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 0) == 0;
}

long actor_cross(int fd, int bytes)
{
    crossing.fd = fd;
    crossing.bytes = bytes;
    crossing.tid = 0;
    if (pthread_create(&crossing.thread, NULL, cross, NULL) != 0)
        return -1;
    while (!is_under_way(fd))
        poll(NULL, 0, 1);
    close(fd);
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

long actor_join(void)
{
    pthread_join(crossing.thread, NULL);
    return crossing.result;
}
