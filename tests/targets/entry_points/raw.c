/* SPDX-License-Identifier: MIT
 *
 * System calls without their wrappers.
 */
#include "tests/targets/entry_points/entry.h"

#include <sys/syscall.h>

void try_syscall(void)
{
    struct sockaddr_in address, own = loopback(0);
    int server = entry_listener(SOCK_STREAM, &address), on = 1;
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    MUST(fd >= 0);
    MUST(syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    MUST(syscall(SYS_bind, fd, &own, sizeof(own)) == 0);
    MUST(syscall(SYS_connect, fd, &address, sizeof(address)) == 0);
    int accepted = (int)syscall(SYS_accept4, server, NULL, NULL, SOCK_CLOEXEC);
    MUST(accepted >= 0);
    MUST(syscall(SYS_shutdown, fd, SHUT_WR) == 0);
    MUST(syscall(SYS_dup3, fd, accepted, 0) == accepted);
#ifdef SYS_dup2
    MUST(syscall(SYS_dup2, fd, fd) == fd && syscall(SYS_dup2, 1000, fd) == -1);
#endif
    MUST(syscall(SYS_close, accepted) == 0 && syscall(SYS_close, fd) == 0 && close(server) == 0);
    MUST(syscall(SYS_socket, 12345, 1, 0) == -1 && errno == EAFNOSUPPORT);
}
