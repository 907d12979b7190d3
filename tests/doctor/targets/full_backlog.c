/* SPDX-License-Identifier: MIT
 *
 * Listens with a backlog of 2 and accepts too late for 8 clients, of which some give up; nearly: with one of 64.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <errno.h>
#include <poll.h>

enum { CLIENTS = 8, PATIENCE_MS = 400, PAUSE_MS = 10 };

static void ask(const struct sockaddr_in *address, int said)
{
    int clients[CLIENTS], error;
    socklen_t size = sizeof error;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
        if (connect(clients[i], (const struct sockaddr *)address, sizeof *address) != 0 && errno != EINPROGRESS)
            must(-1, "connect");
        struct pollfd answered = {.fd = clients[i], .events = POLLOUT};
        if (poll(&answered, 1, PAUSE_MS) == 1)
            must(getsockopt(clients[i], SOL_SOCKET, SO_ERROR, &error, &size), "getsockopt");
    }
    must((int)write(said, "x", 1), "write");
    poll(NULL, 0, PATIENCE_MS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    int listener = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"), fd;
    bind_loopback(listener, &address);
    must(listen(listener, is_nearly(argc, argv) ? 64 : 2), "listen");
    int asked[2];
    char byte;
    must(pipe(asked), "pipe");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        close(listener);
        ask(&address, asked[1]);
        return 0;
    }
    must((int)read(asked[0], &byte, 1), "read");
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        close(fd);
    wait_for(child);
    return close(listener);
}
