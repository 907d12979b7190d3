/* SPDX-License-Identifier: MIT
 *
 * A socket before it is connected: made, named, set.
 */
#include "tests/targets/entry_points/entry.h"

#include <netinet/tcp.h>
#include <stddef.h>

void try_socket(void)
{
    static const int kinds[][3] = {{AF_INET, SOCK_STREAM, 0},
                                   {AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0},
                                   {AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP},
                                   {AF_UNIX, SOCK_STREAM, 0},
                                   {AF_UNIX, SOCK_SEQPACKET, 0},
                                   {AF_NETLINK, SOCK_RAW, 0}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int fd = socket(kinds[i][0], kinds[i][1], kinds[i][2]);
        MUST(fd >= 0 || errno == EAFNOSUPPORT);
        if (fd >= 0)
            MUST(close(fd) == 0);
    }
    MUST(socket(AF_INET, 77, 0) == -1 && errno == EINVAL);
    MUST(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP) == -1 && errno == EPROTONOSUPPORT);
    MUST(socket(12345, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
}

void try_socketpair(void)
{
    int fds[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    MUST(close(fds[0]) == 0 && close(fds[1]) == 0);
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0);
    MUST(close(fds[0]) == 0 && close(fds[1]) == 0);
    MUST(socketpair(AF_INET, SOCK_STREAM, 0, fds) == -1 && errno == EOPNOTSUPP);
}

void try_bind(void)
{
    struct sockaddr_in address, own = loopback(0);
    int server = entry_listener(SOCK_STREAM, &address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == EADDRINUSE);
    MUST(bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0);
    MUST(bind(-1, (struct sockaddr *)&own, sizeof(own)) == -1 && errno == EBADF);
    MUST(close(fd) == 0 && close(server) == 0);

    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "entry_points.%d", (int)getpid());
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) ==
         0);
    MUST(close(fd) == 0);

    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    fd = socket(AF_INET6, SOCK_DGRAM, 0);
    if (fd >= 0) {
        MUST(bind(fd, (struct sockaddr *)&six, sizeof(six)) == 0 || errno == EADDRNOTAVAIL);
        MUST(close(fd) == 0);
    }
}

extern int bindresvport(int fd, struct sockaddr_in *address) __attribute__((weak));

void try_bindresvport(void)
{
    struct sockaddr_in address = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bindresvport || bindresvport(fd, &address) == 0 || errno == EACCES || errno == EPERM);
    MUST(close(fd) == 0);
}

void try_listen(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    MUST(listen(fd, 5) == -1 && errno == EOPNOTSUPP);
    MUST(close(fd) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(listen(fd, 1 << 20) == 0);
    MUST(close(fd) == 0);
}

void try_setsockopt(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, size = 4096;
    struct linger linger = {.l_onoff = 1, .l_linger = 7};
    struct timeval timeout = {.tv_sec = 3, .tv_usec = 500000};
    MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    MUST(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){42}, sizeof(int)) == 0);
    MUST(setsockopt(fd, IPPROTO_IP, IP_TOS, &(int){0x10}, sizeof(int)) == 0);
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0 || errno == ENOENT);
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6) == -1);
    MUST(setsockopt(fd, SOL_SOCKET, 9999, &on, sizeof(on)) == -1 && errno == ENOPROTOOPT);
    MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, 1) == -1 && errno == EINVAL);
    MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (void *)8, sizeof(on)) == -1 && errno == EFAULT);
    MUST(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 && errno == EBADF);
    MUST(close(fd) == 0);
}
