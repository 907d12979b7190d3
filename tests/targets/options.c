/* SPDX-License-Identifier: MIT
 *
 * Options that are taken, doubled, clamped and refused.
 */
#include "tests/targets/target.h"

#include <netinet/tcp.h>

int main(void)
{
    int on = 1, small = 8192, huge = 0x3fffffff;
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    must(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), "SO_SNDBUF");
    must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &huge, sizeof huge), "SO_RCVBUF");
    must_fail(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, 1), EINVAL, "SO_KEEPALIVE");
    must_fail(setsockopt(fd, SOL_SOCKET, 9999, &on, sizeof on), ENOPROTOOPT, "9999");
    must(close(fd), "close");
    return 0;
}
