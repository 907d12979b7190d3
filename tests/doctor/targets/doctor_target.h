/* SPDX-License-Identifier: MIT
 *
 * What the doctor's target programs share. Each makes a mistake, or with the argument `nearly` nearly makes it:
 *
 *     int main(int argc, char **argv) { bool nearly = is_nearly(argc, argv); ... }
 */
#ifndef TESTS_DOCTOR_TARGETS_DOCTOR_TARGET_H
#define TESTS_DOCTOR_TARGETS_DOCTOR_TARGET_H

#include "tests/targets/target.h"

#include <stdbool.h>

static inline bool is_nearly(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "nearly") == 0;
}

static inline void set_option(int fd, int level, int name, int value)
{
    must(setsockopt(fd, level, name, &value, sizeof value), "setsockopt");
}

/* A listener with a backlog that nobody minds. */
static inline int serve(struct sockaddr_in *address)
{
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(fd, address);
    must(listen(fd, SOMAXCONN), "listen");
    return fd;
}

static inline int accept_one(int listener)
{
    return must(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4");
}

#endif
