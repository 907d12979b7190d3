/* SPDX-License-Identifier: MIT
 *
 * Connections: begun, accepted, shut.
 */
#include "tests/targets/entry_points/entry.h"

#include <poll.h>

void try_connect(void)
{
    struct connection made = entry_connection();
    entry_close(&made);

    struct sockaddr_in address = loopback(1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == ECONNREFUSED);
    MUST(close(fd) == 0);

    struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(connect(fd, (struct sockaddr *)&nowhere, sizeof(nowhere)) == -1 && errno == ENOENT);
    MUST(close(fd) == 0);
    MUST(connect(-1, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == EBADF);
}

void try_connect_later(void)
{
    struct sockaddr_in address;
    int error = -1, server = entry_listener(SOCK_STREAM, &address),
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof(error);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == EINPROGRESS);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    MUST(poll(&ready, 1, 10000) == 1);
    MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0);
    MUST(close(fd) == 0 && close(server) == 0);
}

void try_connect_datagram(void)
{
    struct sockaddr_in address;
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int server = entry_listener(SOCK_DGRAM, &address), fd = socket(AF_INET, SOCK_DGRAM, 0);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    MUST(connect(fd, &none, sizeof(none)) == 0);
    MUST(close(fd) == 0 && close(server) == 0);
}

void try_accept(void)
{
    struct sockaddr_in address, peer = {0};
    socklen_t size = sizeof(peer);
    int server = entry_listener(SOCK_STREAM, &address), client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
    int fd = accept(server, (struct sockaddr *)&peer, &size);
    MUST(fd >= 0 && size == sizeof(peer) && peer.sin_family == AF_INET);
    MUST(close(fd) == 0 && close(client) == 0);

    client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
    size = 4; /* cut */
    fd = accept4(server, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    MUST(fd >= 0 && size == sizeof(peer));
    MUST(close(fd) == 0);
    MUST(accept(client, NULL, NULL) == -1 && errno == EINVAL);
    MUST(accept4(server, NULL, NULL, 12345) == -1 && errno == EINVAL);
    MUST(close(client) == 0 && close(server) == 0);
}

void try_shutdown(void)
{
    struct connection made = entry_connection();
    MUST(shutdown(made.client, SHUT_WR) == 0);
    MUST(shutdown(made.accepted, SHUT_RDWR) == 0);
    entry_close(&made);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(shutdown(fd, SHUT_RD) == -1 && errno == ENOTCONN);
    MUST(close(fd) == 0);
}
