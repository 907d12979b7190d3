/* SPDX-License-Identifier: MIT
 *
 * Loads that send 64 bytes to another process and wait for them to come back.
 */
#include "tests/bench/load.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 64 };

static int client;
static struct sockaddr_in address;

static void serve_tcp(int listener)
{
    char ball[SIZE];
    int server = accept(listener, NULL, NULL);
    load_must(server >= 0, "accept");
    load_option(server, IPPROTO_TCP, TCP_NODELAY, 1);
    while (recv(server, ball, SIZE, MSG_WAITALL) == SIZE)
        send(server, ball, SIZE, MSG_NOSIGNAL);
}

void tcp_pingpong_prepare(const char *argument)
{
    (void)argument;
    int listener = load_listener(SOCK_STREAM, &address);
    load_server(serve_tcp, listener);
    close(listener);
    client = load_connect(&address);
    load_option(client, IPPROTO_TCP, TCP_NODELAY, 1);
}

void tcp_pingpong_run(unsigned long count, struct stopwatch *watch)
{
    char ball[SIZE] = {0};
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++)
        load_must(send(client, ball, SIZE, 0) == SIZE && recv(client, ball, SIZE, MSG_WAITALL) == SIZE, "exchange");
    stopwatch_stop(watch);
}

static void serve_udp(int fd)
{
    char ball[SIZE];
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        ssize_t got = recvfrom(fd, ball, SIZE, 0, (struct sockaddr *)&from, &size);
        if (got > 0)
            sendto(fd, ball, (size_t)got, 0, (struct sockaddr *)&from, size);
    }
}

void udp_pingpong_prepare(const char *argument)
{
    (void)argument;
    int server = load_listener(SOCK_DGRAM, &address);
    load_server(serve_udp, server);
    close(server);
    client = socket(AF_INET, SOCK_DGRAM, 0);
    load_must(client >= 0, "socket");
}

void udp_pingpong_run(unsigned long count, struct stopwatch *watch)
{
    char ball[SIZE] = {0};
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++)
        load_must(sendto(client, ball, SIZE, 0, (struct sockaddr *)&address, sizeof(address)) == SIZE &&
                      recvfrom(client, ball, SIZE, 0, NULL, NULL) == SIZE,
                  "exchange");
    stopwatch_stop(watch);
}
