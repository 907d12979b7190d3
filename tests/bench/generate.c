/* SPDX-License-Identifier: MIT
 *
 * Makes a trace of EVENTS events in DIR: CLIENTS processes that connect to SERVERS processes over loopback, files
 * interleaved in time, eight events a connection, OPEN connections at once from each client, ports used again.
 *
 *     generate DIR EVENTS [SECONDS]
 *
 * With SECONDS the clients are another host's than the servers, whose clock is ahead by so many.
 */
#include "analyzer/trace/writer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { CLIENTS = 12, SERVERS = 4, OPEN = 100, EVENTS_EACH = 8, PORT_LOW = 32768, PORTS = 28000 };

struct end {
    struct writer *writer;
    uint32_t pid;
};

static struct end clients[CLIENTS], servers[SERVERS];
static bool apart;
static uint64_t ahead_ns;
static uint64_t now = 1000000000000, cookies = 1000;

static void die(const char *what)
{
    fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(const struct end *end, unsigned kind, int fd, uint64_t cookie, const void *body, size_t body_size,
                const void *tail, size_t tail_size)
{
    struct sockatlas_common common = {
        .kind = (uint8_t)kind, .pid = end->pid, .tid = end->pid, .fd = fd, .time_ns = now += 500, .cookie = cookie};
    if (!writer_append(end->writer, &common, body, body_size, tail, tail_size))
        die("write");
}

static size_t put_address(unsigned char *tail, unsigned host, unsigned port)
{
    unsigned char bytes[6] = {(unsigned char)(port >> 8), (unsigned char)port, apart ? 10 : 127, 0, 0,
                              (unsigned char)host};
    memcpy(tail, bytes, sizeof bytes);
    return sizeof bytes;
}

static struct end make_process(const char *dir, uint32_t pid, const char *comm)
{
    bool away = apart && pid >= 200;
    struct sockatlas_header header = {.pid = pid,
                                      .ppid = 1,
                                      .writer = SOCKATLAS_WRITER_SHIM,
                                      .boottime_ns = now,
                                      .realtime_ns = now + 1700000000000000000 + (away ? ahead_ns : 0),
                                      .start_ticks = now / 10000000,
                                      .netns_inode = 1,
                                      .pidns_inode = 1};
    char name[32];
    snprintf(header.comm, sizeof header.comm, "%s", comm);
    snprintf(header.boot_id, sizeof header.boot_id, "00000000-0000-0000-0000-00000000000%d", away ? 2 : 1);
    snprintf(header.host, sizeof header.host, "%s", away ? "away" : "generated");
    snprintf(name, sizeof name, "%s.%u", comm, pid);
    struct end end = {.writer = writer_create(dir, name, &header), .pid = pid};
    if (!end.writer)
        die(name);
    return end;
}

static void open_listener(const struct end *server, unsigned port)
{
    unsigned char tail[6];
    struct sockatlas_body_socket made = {.family = AF_INET, .type = SOCK_STREAM, .protocol = IPPROTO_TCP};
    struct sockatlas_addresses one = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT};
    struct sockatlas_body_bind bound = {.addresses = one};
    struct sockatlas_body_listen listening = {.backlog = 511, .addresses = one};
    put_address(tail, 1, port);
    put(server, SOCKATLAS_SOCKET, 3, port, &made, sizeof made, NULL, 0);
    put(server, SOCKATLAS_BIND, 3, port, &bound, sizeof bound, tail, sizeof tail);
    put(server, SOCKATLAS_LISTEN, 3, port, &listening, sizeof listening, tail, sizeof tail);
}

static void option(const struct end *end, int fd, uint64_t cookie)
{
    const int on[2] = {1, 1};
    struct sockatlas_body_option body = {
        .level = IPPROTO_TCP, .name = TCP_NODELAY, .requested_size = 4, .kept_size = 4, .effective_size = 4};
    put(end, SOCKATLAS_OPTION, fd, cookie, &body, sizeof body, on, sizeof on);
}

static void close_end(const struct end *end, int fd, uint64_t cookie, uint64_t sent, uint64_t received)
{
    struct sockatlas_body_close body = {.bytes_sent = sent, .bytes_received = received};
    struct sockatlas_tcp tcp = {.state = 1, .rtt_us = 20};
    put(end, SOCKATLAS_CLOSE, fd, cookie, &body, sizeof body, &tcp, sizeof tcp);
}

struct connection {
    uint64_t client_cookie, server_cookie;
};

static void connection_open(struct connection *connection, uint64_t number)
{
    unsigned c = number % CLIENTS, s = (unsigned)(number / CLIENTS % SERVERS);
    unsigned slot = (unsigned)(number / CLIENTS % OPEN), port = PORT_LOW + (unsigned)(number / CLIENTS % PORTS);
    unsigned char tail[12];
    struct sockatlas_body_socket made = {.family = AF_INET, .type = SOCK_STREAM, .protocol = IPPROTO_TCP};
    struct sockatlas_body_connect connected = {.duration_ns = 400,
                                               .addresses = {.family = AF_INET, .first_size = 6, .second_size = 6}};
    struct sockatlas_body_accept accepted = {
        .listener_cookie = 8000 + s,
        .listener_fd = 3,
        .addresses = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT}};
    connection->client_cookie = ++cookies << 16;
    connection->server_cookie = ++cookies << 16;
    put(&clients[c], SOCKATLAS_SOCKET, 4 + (int)slot, connection->client_cookie, &made, sizeof made, NULL, 0);
    put_address(tail, 1, 8000 + s);
    put_address(tail + 6, 2 + c, port);
    put(&clients[c], SOCKATLAS_CONNECT, 4 + (int)slot, connection->client_cookie, &connected, sizeof connected, tail,
        12);
    option(&clients[c], 4 + (int)slot, connection->client_cookie);
    int fd = 4 + (int)(c * OPEN + slot);
    put(&servers[s], SOCKATLAS_ACCEPT, fd, connection->server_cookie, &accepted, sizeof accepted, tail + 6, 6);
    option(&servers[s], fd, connection->server_cookie);
    option(&servers[s], fd, connection->server_cookie);
}

static void connection_close(const struct connection *connection, uint64_t number)
{
    unsigned c = number % CLIENTS, s = (unsigned)(number / CLIENTS % SERVERS),
             slot = (unsigned)(number / CLIENTS % OPEN);
    close_end(&clients[c], 4 + (int)slot, connection->client_cookie, 100, 1000);
    close_end(&servers[s], 4 + (int)(c * OPEN + slot), connection->server_cookie, 1000, 100);
}

int main(int argc, char **argv)
{
    static struct connection connections[CLIENTS * OPEN];
    uint64_t count = argc == 3 || argc == 4 ? strtoull(argv[2], NULL, 10) / EVENTS_EACH : 0;
    if (!count) {
        fputs("usage: generate DIR EVENTS [SECONDS]\n", stderr);
        return 2;
    }
    apart = argc == 4;
    ahead_ns = apart ? strtoull(argv[3], NULL, 10) * 1000000000 : 0;
    if (mkdir(argv[1], 0700) != 0)
        die(argv[1]);
    for (unsigned i = 0; i < SERVERS; i++)
        servers[i] = make_process(argv[1], 100 + i, "server");
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = make_process(argv[1], 200 + i, "client");
    for (unsigned i = 0; i < SERVERS; i++)
        open_listener(&servers[i], 8000 + i);
    for (uint64_t number = 0; number < count + CLIENTS * OPEN; number++) {
        struct connection *connection = &connections[number % (CLIENTS * OPEN)];
        if (number >= CLIENTS * OPEN && number - CLIENTS * OPEN < count)
            connection_close(connection, number - CLIENTS * OPEN);
        if (number < count)
            connection_open(connection, number);
    }
    for (unsigned i = 0; i < CLIENTS + SERVERS; i++)
        if (!writer_close(i < CLIENTS ? clients[i].writer : servers[i - CLIENTS].writer))
            die("close");
    return 0;
}
