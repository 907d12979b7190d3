/* SPDX-License-Identifier: MIT
 *
 * What the target programs share: calls that must succeed, and loopback sockets.
 */
#ifndef TESTS_TARGETS_TARGET_H
#define TESTS_TARGETS_TARGET_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The result of a call that must not fail; else the program ends, and its test with it. */
static inline int must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

/* A result that must be an error, this one. */
static inline void must_fail(int result, int error, const char *what)
{
    if (result >= 0 || errno != error) {
        fprintf(stderr, "%s: %s, not %s\n", what, result < 0 ? strerror(errno) : "succeeded", strerror(error));
        exit(1);
    }
}

static inline struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
}

/* Binds to a free port of 127.0.0.1; `address` becomes what the kernel chose. */
static inline void bind_loopback(int fd, struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    *address = loopback(0);
    must(bind(fd, (struct sockaddr *)address, size), "bind");
    must(getsockname(fd, (struct sockaddr *)address, &size), "getsockname");
}

static inline int listen_loopback(struct sockaddr_in *address)
{
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(fd, address);
    must(listen(fd, 5), "listen");
    return fd;
}

static inline int connect_to(const struct sockaddr_in *address)
{
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(connect(fd, (const struct sockaddr *)address, sizeof *address), "connect");
    return fd;
}

static inline void wait_for(pid_t child)
{
    int status;
    must(waitpid(child, &status, 0), "waitpid");
}

#endif
