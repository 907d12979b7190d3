/* SPDX-License-Identifier: MIT
 *
 * Connects to a port of 127.0.0.1 that nobody listens on; nearly: tries it again when somebody does. `stopped`: a child
 * listened there and ended, and three others try; `later`: one begins to listen there afterwards.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <sys/wait.h>

static void refused(const struct sockaddr_in *address)
{
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must_fail(connect(fd, (const struct sockaddr *)address, sizeof *address), ECONNREFUSED, "connect");
    close(fd);
}

/* 0 in a child; its end is waited for. */
static int child(void)
{
    int pid = must(fork(), "fork");
    if (pid > 0)
        must(waitpid(pid, NULL, 0), "waitpid");
    return pid;
}

static int stopped(void)
{
    struct sockaddr_in address;
    int bound = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(bound, &address);
    close(bound);
    if (child() == 0) {
        bound = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        must(bind(bound, (struct sockaddr *)&address, sizeof address), "bind");
        must(listen(bound, 1), "listen");
        exit(0);
    }
    for (int i = 0; i < 3; i++)
        if (child() == 0) {
            refused(&address);
            refused(&address);
            exit(0);
        }
    return 0;
}

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    if (argc > 1 && strcmp(argv[1], "stopped") == 0)
        return stopped();
    struct sockaddr_in address;
    int bound = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(bound, &address);
    refused(&address);
    if (argc > 1)
        must(listen(bound, SOMAXCONN), "listen");
    if (nearly)
        close(connect_to(&address));
    return close(bound);
}
