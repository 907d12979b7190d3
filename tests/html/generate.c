/* SPDX-License-Identifier: MIT
 *
 * Makes the trace of a large system in DIR: SERVERS servers of several programs, CLIENTS clients that connect to some
 * of them over loopback, CONNECTIONS connections, now and then a refused one.
 *
 *     html-generate DIR SERVERS CLIENTS CONNECTIONS
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

enum { PROCESSES_MOST = 1000, REFUSED_EACH = 97, PORT_LOW = 20000, OPEN = 50 };

struct end {
    struct writer *writer;
    uint32_t pid;
};

static struct end ends[PROCESSES_MOST];
static unsigned servers = 1, clients = 1, connections = 1;
static uint64_t now = 1000000000000;

static void die(const char *what)
{
    fprintf(stderr, "html-generate: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(const struct end *end, unsigned kind, unsigned error, int fd, uint64_t cookie, const void *body,
                size_t body_size, const void *tail, size_t tail_size)
{
    struct sockatlas_common common = {.kind = (uint8_t)kind,
                                      .error = (uint16_t)error,
                                      .pid = end->pid,
                                      .tid = end->pid,
                                      .fd = fd,
                                      .time_ns = now += 20000,
                                      .cookie = cookie};
    if (!writer_append(end->writer, &common, body, body_size, tail, tail_size))
        die("write");
}

static void put_address(unsigned char *tail, unsigned host, unsigned port)
{
    unsigned char bytes[6] = {(unsigned char)(port >> 8), (unsigned char)port, 127, 0,
                              (unsigned char)(host >> 8), (unsigned char)host};
    memcpy(tail, bytes, sizeof bytes);
}

static void make_process(const char *dir, unsigned index)
{
    static const char *const programs[] = {"gateway", "accounts", "orders", "search", "mailer"};
    struct sockatlas_header header = {.pid = 1000 + index,
                                      .ppid = 1,
                                      .writer = SOCKATLAS_WRITER_SHIM,
                                      .boottime_ns = now,
                                      .realtime_ns = now + 1700000000000000000,
                                      .start_ticks = now / 10000000,
                                      .netns_inode = 1,
                                      .pidns_inode = 1};
    char name[32];
    snprintf(header.comm, sizeof header.comm, "%s", index < servers ? programs[index % 5] : "client");
    snprintf(header.boot_id, sizeof header.boot_id, "00000000-0000-0000-0000-000000000002");
    snprintf(header.host, sizeof header.host, "generated");
    snprintf(name, sizeof name, "%s.%u", header.comm, header.pid);
    ends[index] = (struct end){.writer = writer_create(dir, name, &header), .pid = header.pid};
    if (!ends[index].writer)
        die(name);
}

static const struct sockatlas_body_socket stream = {.family = AF_INET, .type = SOCK_STREAM, .protocol = IPPROTO_TCP};

static void listen_on(unsigned server)
{
    unsigned char tail[6];
    struct sockatlas_addresses one = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT};
    struct sockatlas_body_bind bound = {.addresses = one};
    struct sockatlas_body_listen listening = {.backlog = 511, .addresses = one};
    put_address(tail, 1, 8000 + server);
    put(&ends[server], SOCKATLAS_SOCKET, 0, 3, 8000 + server, &stream, sizeof stream, NULL, 0);
    put(&ends[server], SOCKATLAS_BIND, 0, 3, 8000 + server, &bound, sizeof bound, tail, sizeof tail);
    put(&ends[server], SOCKATLAS_LISTEN, 0, 3, 8000 + server, &listening, sizeof listening, tail, sizeof tail);
}

static unsigned client_of(unsigned number)
{
    return servers + number % clients;
}

/* A client knows three servers; servers know the next one. */
static unsigned server_of(unsigned number)
{
    return (number % clients * 7 + number / clients % 3) % servers;
}

static bool refused(unsigned number)
{
    return number % REFUSED_EACH == REFUSED_EACH - 1;
}

static void open_connection(unsigned number)
{
    unsigned client = client_of(number), server = server_of(number);
    unsigned char tail[12];
    const int buffers[2] = {8 << 20, 425984};
    uint64_t cookie = 100000 + number * 2;
    int fd = 10 + (int)(number / clients % OPEN);
    struct sockatlas_body_connect connected = {.duration_ns = 40000 + number % 50 * 3000,
                                               .addresses = {.family = AF_INET, .first_size = 6, .second_size = 6}};
    struct sockatlas_body_accept accepted = {
        .listener_cookie = 8000 + server,
        .listener_fd = 3,
        .addresses = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT}};
    struct sockatlas_body_option option = {
        .level = SOL_SOCKET, .name = SO_RCVBUF, .requested_size = 4, .kept_size = 4, .effective_size = 4};
    put(&ends[client], SOCKATLAS_SOCKET, 0, fd, cookie, &stream, sizeof stream, NULL, 0);
    put(&ends[client], SOCKATLAS_OPTION, 0, fd, cookie, &option, sizeof option, buffers, sizeof buffers);
    put_address(tail, 1, refused(number) ? 9 : 8000 + server);
    put_address(tail + 6, 2 + client, PORT_LOW + number % 40000);
    put(&ends[client], SOCKATLAS_CONNECT, refused(number) ? ECONNREFUSED : 0, fd, cookie, &connected, sizeof connected,
        tail, sizeof tail);
    if (!refused(number))
        put(&ends[server], SOCKATLAS_ACCEPT, 0, 10 + (int)(number % 4096), cookie + 1, &accepted, sizeof accepted,
            tail + 6, 6);
}

static void close_connection(unsigned number)
{
    struct sockatlas_body_close body = {.bytes_sent = 300 + number % 700, .bytes_received = 5000};
    struct sockatlas_tcp tcp = {.state = 1, .rtt_us = 80, .snd_mss = 1448};
    uint64_t cookie = 100000 + number * 2;
    put(&ends[client_of(number)], SOCKATLAS_CLOSE, 0, 10 + (int)(number / clients % OPEN), cookie, &body, sizeof body,
        &tcp, sizeof tcp);
    if (refused(number))
        return;
    body = (struct sockatlas_body_close){.bytes_sent = 5000, .bytes_received = 300 + number % 700};
    put(&ends[server_of(number)], SOCKATLAS_CLOSE, 0, 10 + (int)(number % 4096), cookie + 1, &body, sizeof body, &tcp,
        sizeof tcp);
}

int main(int argc, char **argv)
{
    if (argc == 5) {
        servers = (unsigned)strtoul(argv[2], NULL, 10);
        clients = (unsigned)strtoul(argv[3], NULL, 10);
        connections = (unsigned)strtoul(argv[4], NULL, 10);
    }
    if (!servers || !clients || !connections || servers + clients > PROCESSES_MOST) {
        fputs("usage: html-generate DIR SERVERS CLIENTS CONNECTIONS\n", stderr);
        return 2;
    }
    if (mkdir(argv[1], 0700) != 0)
        die(argv[1]);
    for (unsigned i = 0; i < servers + clients; i++)
        make_process(argv[1], i);
    for (unsigned i = 0; i < servers; i++)
        listen_on(i);
    unsigned lag = clients * 5;
    for (unsigned i = 0; i < connections + lag; i++) {
        if (i >= lag)
            close_connection(i - lag);
        if (i < connections)
            open_connection(i);
    }
    for (unsigned i = 0; i < servers + clients; i++)
        if (!writer_close(ends[i].writer))
            die("close");
    return 0;
}
