/* SPDX-License-Identifier: MIT
 *
 * One attempt or connection of each end, by one process: refused twice and without a route once (three attempts on one
 * socket each), given up by a timeout and by closing, still trying; closed in order, reset by either end, found broken
 * by a write, open. Prints the three ports: nobody's, of the queue that is full, of the listener.
 */
#include "tests/targets/target.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

static int make(void)
{
    return must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
}

static int try(int fd, const struct sockaddr_in *address)
{
    return connect(fd, (const struct sockaddr *)address, sizeof *address);
}

/* A connection; `*server` becomes its accepted end. */
static int join(int listener, const struct sockaddr_in *address, int *server)
{
    int client = connect_to(address);
    *server = must(accept(listener, NULL, NULL), "accept");
    return client;
}

static void abort_end(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), "setsockopt");
    must(close(fd), "close");
}

static void given_up(const struct sockaddr_in *full)
{
    struct timeval patience = {.tv_sec = 1, .tv_usec = 100000};
    int fd = make();
    must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), "setsockopt");
    must_fail(try(fd, full), EINPROGRESS, "connect");
    must(close(fd), "close");
    fd = make();
    must(fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
    must_fail(try(fd, full), EINPROGRESS, "connect");
    must(close(fd), "close");
}

static void refused(const struct sockaddr_in *nobody)
{
    struct sockaddr_in nowhere = *nobody;
    for (int i = 0; i < 2; i++) {
        int fd = make();
        must_fail(try(fd, nobody), ECONNREFUSED, "connect");
        must(close(fd), "close");
    }
    int fd = make();
    nowhere.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    if (try(fd, &nowhere) >= 0)
        exit(1);
    must(close(fd), "close");
}

static void established(int listener, const struct sockaddr_in *address)
{
    char byte;
    int server, client = join(listener, address, &server);
    must((int)write(client, "x", 1), "write");
    must((int)read(server, &byte, 1), "read");
    must(close(client), "close");
    must((int)read(server, &byte, 1), "read");
    must(close(server), "close");

    client = join(listener, address, &server); /* reset by the client */
    abort_end(client);
    must_fail((int)read(server, &byte, 1), ECONNRESET, "read");
    must(close(server), "close");

    client = join(listener, address, &server); /* a write finds it gone */
    must(close(server), "close");
    must((int)write(client, "x", 1), "write"); /* which is answered by a reset */
    must_fail((int)write(client, "x", 1), EPIPE, "write");
    must(close(client), "close");
}

int main(void)
{
    struct sockaddr_in address, full, nobody;
    int listener = listen_loopback(&address), filled = make(), free_one = make(), server;
    signal(SIGPIPE, SIG_IGN);
    bind_loopback(filled, &full);
    must(listen(filled, 0), "listen");
    connect_to(&full);                /* fills the queue */
    bind_loopback(free_one, &nobody); /* bound, and nobody listens */
    printf("%u %u %u\n", ntohs(nobody.sin_port), ntohs(full.sin_port), ntohs(address.sin_port));
    refused(&nobody);
    given_up(&full);
    established(listener, &address);
    join(listener, &address, &server); /* left open */
    return 0;
}
