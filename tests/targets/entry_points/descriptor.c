/* SPDX-License-Identifier: MIT
 *
 * Descriptors: duplicated, closed, made streams of, passed on.
 */
#include "tests/targets/entry_points/entry.h"

#include <fcntl.h>
#include <sys/syscall.h>

void try_dup(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
    int again = dup(fd);
    MUST(again >= 0 && close(again) == 0);
    MUST(dup2(fd, other) == other); /* closes it */
    MUST(dup2(fd, fd) == fd);
    MUST(dup3(fd, other, O_CLOEXEC) == other);
    MUST(dup2(-1, other) == -1 && errno == EBADF);
    MUST(dup2(1000, other) == -1 && errno == EBADF); /* nothing is closed */
    MUST(dup3(fd, other, 12345) == -1 && errno == EINVAL);
    MUST(dup3(fd, fd, 0) == -1 && errno == EINVAL);
    MUST(close(other) == 0 && close(fd) == 0);
    MUST(dup(-1) == -1 && errno == EBADF);
}

extern int fcntl64(int fd, int command, ...) __attribute__((weak));

void try_fcntl(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int again = fcntl(fd, F_DUPFD, 100);
    MUST(again >= 100 && close(again) == 0);
    again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    MUST(again >= 0 && fcntl(again, F_GETFD) == FD_CLOEXEC && close(again) == 0);
    MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    if (fcntl64) {
        again = fcntl64(fd, F_DUPFD, 50);
        MUST(again >= 50 && close(again) == 0);
    }
    MUST(close(fd) == 0);
    MUST(fcntl(-1, F_GETFD) == -1 && errno == EBADF);
}

void try_close(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(close(fd) == 0);
    MUST(close(fd) == -1 && errno == EBADF);
    MUST(close(-1) == -1 && errno == EBADF);
    fd = open("/dev/null", O_RDONLY);
    MUST(fd >= 0 && close(fd) == 0);
}

extern int close_range(unsigned first, unsigned last, int flags) __attribute__((weak));
extern void closefrom(int lowest) __attribute__((weak));

void try_close_range(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), high = fcntl(fd, F_DUPFD, 200), higher = fcntl(fd, F_DUPFD, 300);
    MUST(high >= 200 && higher >= 300);
    if (close_range) {
        MUST(close_range(200, 250, 0) == 0 || errno == ENOSYS);
        MUST(close_range(9, 1, 0) == -1);
    }
    if (closefrom)
        closefrom(200);
    MUST(fcntl(fd, F_GETFD) == 0);
    MUST(close(fd) == 0);
}

void try_stream(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    FILE *file = fdopen(fd, "r+");
    MUST(file && fclose(file) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    file = fdopen(fd, "r+");
    file = freopen("/dev/null", "r", file);
    MUST(file && fclose(file) == 0);
}

void try_passing(void)
{
    int pair[2], passed = socket(AF_INET, SOCK_STREAM, 0);
    char byte = 'x';
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    MUST(sendmsg(pair[0], &message, 0) == 1);
    message.msg_controllen = sizeof(control);
    MUST(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC) == 1);
    int received;
    memcpy(&received, CMSG_DATA(&control.header), sizeof(received));
    MUST(received != passed && fcntl(received, F_GETFD) == FD_CLOEXEC);
    MUST(close(received) == 0 && close(passed) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
}

void try_pidfd(void)
{
#ifdef SYS_pidfd_getfd
    int fd = socket(AF_INET, SOCK_STREAM, 0), self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int again = self < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, self, fd, 0);
    MUST(again < 0 || close(again) == 0);
    MUST(self < 0 || close(self) == 0);
    MUST(close(fd) == 0);
#endif
}
