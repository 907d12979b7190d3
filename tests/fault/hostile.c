/* SPDX-License-Identifier: MIT
 *
 * Traces that are made to cost their reader much: each family has records that share what is looked up by (a tuple, a
 * path, a port, a hash), name large numbers, or make what was told before be gone through again.
 *
 *     hostile FAMILY N DIR    a trace of about N such records in DIR, which it makes
 *     hostile                 the families
 *
 * The time goes on with each record; logs are written side by side, so that a reader merges them.
 */
#include "analyzer/trace/writer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;
static uint64_t now = 1000000000000, cookies = 1000, pidns = 1;
static uint64_t started; /* of the process whose logs are made; 0: with each log another one starts */

struct end {
    struct writer *writer;
    uint32_t pid, tid;
};

static void die(const char *what)
{
    fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- Logs ---- */

static struct end log_named(const char *name, uint32_t pid, unsigned host, uint64_t netns, enum sockatlas_writer writer)
{
    struct sockatlas_header header = {.pid = pid,
                                      .ppid = 1,
                                      .writer = writer,
                                      .boottime_ns = now,
                                      .realtime_ns = now + 1700000000000000000,
                                      .start_ticks = (started ? started : now) / 10000000,
                                      .netns_inode = netns,
                                      .pidns_inode = pidns};
    snprintf(header.comm, sizeof header.comm, "program");
    snprintf(header.boot_id, sizeof header.boot_id, "00000000-0000-0000-0000-%012u", host);
    snprintf(header.host, sizeof header.host, "host%u", host);
    struct end end = {.writer = writer_create(folder, name, &header), .pid = pid, .tid = pid};
    if (!end.writer)
        die(name);
    return end;
}

static struct end log_of(uint32_t pid, unsigned host, uint64_t netns, enum sockatlas_writer writer)
{
    char name[64];
    snprintf(name, sizeof name, writer == SOCKATLAS_WRITER_RUN ? SOCKATLAS_RUN_NAME : "log%u_%u", host, pid);
    return log_named(name, pid, host, netns, writer);
}

static struct end process(uint32_t pid)
{
    return log_of(pid, 1, 1, SOCKATLAS_WRITER_SHIM);
}

static void done(struct end *end)
{
    if (!writer_close(end->writer))
        die("close");
}

/* ---- Records ---- */

static void put(const struct end *end, unsigned kind, int fd, uint64_t cookie, const void *body, size_t body_size,
                const void *tail, size_t tail_size)
{
    struct sockatlas_common common = {
        .kind = (uint8_t)kind, .pid = end->pid, .tid = end->tid, .fd = fd, .time_ns = now += 1000, .cookie = cookie};
    if (!writer_append(end->writer, &common, body, body_size, tail, tail_size))
        die("write");
}

/* An IPv4 address as a record has it: 10.a.b.c, or 127.a.b.c where it is `near`. */
static size_t address(unsigned char *tail, bool near, unsigned number, unsigned port)
{
    unsigned char bytes[6] = {(unsigned char)(port >> 8),    (unsigned char)port,          near ? 127 : 10,
                              (unsigned char)(number >> 16), (unsigned char)(number >> 8), (unsigned char)number};
    memcpy(tail, bytes, sizeof bytes);
    return sizeof bytes;
}

static uint64_t made(const struct end *end, int fd, unsigned family, unsigned type)
{
    struct sockatlas_body_socket body = {.family = (uint16_t)family, .type = (uint16_t)type};
    uint64_t cookie = ++cookies;
    put(end, SOCKATLAS_SOCKET, fd, cookie, &body, sizeof body, NULL, 0);
    return cookie;
}

static void closed(const struct end *end, int fd, uint64_t cookie)
{
    struct sockatlas_body_close body = {.bytes_sent = 1, .bytes_received = 1, .messages_sent = 1};
    put(end, SOCKATLAS_CLOSE, fd, cookie, &body, sizeof body, NULL, 0);
}

static void listens(const struct end *end, int fd, uint64_t cookie, bool near, unsigned number, unsigned port)
{
    unsigned char tail[6];
    struct sockatlas_addresses one = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT};
    struct sockatlas_body_bind bound = {.addresses = one};
    struct sockatlas_body_listen listening = {.backlog = 511, .addresses = one};
    address(tail, near, number, port);
    put(end, SOCKATLAS_BIND, fd, cookie, &bound, sizeof bound, tail, sizeof tail);
    put(end, SOCKATLAS_LISTEN, fd, cookie, &listening, sizeof listening, tail, sizeof tail);
}

/* Both addresses are of the same kind. */
static void connects(const struct end *end, int fd, uint64_t cookie, bool near, unsigned to, unsigned to_port,
                     unsigned from, unsigned from_port)
{
    unsigned char tail[12];
    struct sockatlas_body_connect body = {.duration_ns = 400,
                                          .addresses = {.family = AF_INET, .first_size = 6, .second_size = 6}};
    address(tail, near, to, to_port);
    address(tail + 6, near, from, from_port);
    put(end, SOCKATLAS_CONNECT, fd, cookie, &body, sizeof body, tail, sizeof tail);
}

static uint64_t accepts(const struct end *end, int fd, int listener_fd, uint64_t listener, bool near, unsigned from,
                        unsigned from_port)
{
    unsigned char tail[6];
    struct sockatlas_body_accept body = {
        .listener_cookie = listener,
        .listener_fd = listener_fd,
        .addresses = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT}};
    uint64_t cookie = ++cookies;
    address(tail, near, from, from_port);
    put(end, SOCKATLAS_ACCEPT, fd, cookie, &body, sizeof body, tail, sizeof tail);
    return cookie;
}

/* Over a unix socket: the client named the listener `to`, which was bound as `path`. */
static void connects_path(const struct end *end, int fd, uint64_t cookie, const char *to, uint32_t listener_pid)
{
    struct sockatlas_body_connect body = {
        .duration_ns = 400,
        .peer_pid = listener_pid,
        .addresses = {.family = AF_UNIX, .first_size = (uint8_t)strlen(to), .second_size = 0}};
    put(end, SOCKATLAS_CONNECT, fd, cookie, &body, sizeof body, to, strlen(to));
}

static uint64_t listens_path(const struct end *end, int fd, const char *path)
{
    struct sockatlas_addresses one = {
        .family = AF_UNIX, .first_size = (uint8_t)strlen(path), .second_size = SOCKATLAS_ABSENT};
    struct sockatlas_body_bind bound = {.addresses = one};
    struct sockatlas_body_listen listening = {.backlog = 511, .addresses = one};
    uint64_t cookie = made(end, fd, AF_UNIX, SOCK_STREAM);
    put(end, SOCKATLAS_BIND, fd, cookie, &bound, sizeof bound, path, strlen(path));
    put(end, SOCKATLAS_LISTEN, fd, cookie, &listening, sizeof listening, path, strlen(path));
    return cookie;
}

static void forks(const struct end *end, uint32_t child)
{
    struct sockatlas_body_fork body = {.child_pid = child};
    put(end, SOCKATLAS_FORK, -1, 0, &body, sizeof body, NULL, 0);
}

static void exits(const struct end *end, uint32_t pid)
{
    struct end at = {.writer = end->writer, .pid = pid, .tid = pid};
    struct sockatlas_body_exit body = {.status = 0};
    put(&at, SOCKATLAS_EXIT, -1, 0, &body, sizeof body, NULL, 0);
}

static void sends_to(const struct end *end, int fd, uint64_t cookie, unsigned peer, unsigned port, unsigned own_port)
{
    unsigned char tail[12];
    struct sockatlas_body_peer body = {.sent = 1, .addresses = {.family = AF_INET, .first_size = 6, .second_size = 6}};
    address(tail, false, peer, port);
    memset(tail + 6, 0, 6);
    tail[6] = (unsigned char)(own_port >> 8);
    tail[7] = (unsigned char)own_port;
    put(end, SOCKATLAS_PEER, fd, cookie, &body, sizeof body, tail, sizeof tail);
}

/* ---- Families: descriptors and processes ---- */

static void descriptors(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        struct end child = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        forks(&end, child.pid);
        made(&child, 1048575, AF_INET, SOCK_STREAM);
    }
    done(&end);
}

static void descriptors_apart(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++)
        made(&end, (int)(INT32_MAX / n * i), AF_INET, SOCK_STREAM);
    done(&end);
}

static void duplicates(unsigned n)
{
    struct end end = process(100);
    uint64_t cookie = made(&end, 3, AF_INET, SOCK_STREAM);
    struct sockatlas_body_dup body = {.old_fd = 3};
    forks(&end, 101);
    for (unsigned i = 0; i < n; i++)
        put(&end, SOCKATLAS_DUP, (int)(4 + i), cookie, &body, sizeof body, NULL, 0);
    for (unsigned i = 0; i < n; i++)
        closed(&end, (int)(4 + i), cookie);
    done(&end);
}

/* One descriptor, which means another socket each time: no close was seen. */
static void reused(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++)
        made(&end, 3, AF_INET, SOCK_STREAM);
    done(&end);
}

static void workers(unsigned n)
{
    struct end end = process(100);
    uint64_t cookie = made(&end, 3, AF_INET, SOCK_STREAM);
    listens(&end, 3, cookie, true, 1, 80);
    for (unsigned i = 0; i < n; i++)
        forks(&end, 101 + i);
    for (unsigned i = 0; i < n; i++) {
        struct end worker = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        closed(&worker, 3, cookie);
    }
    done(&end);
}

/* As many forks as sockets: what they hand on is the product. */
static void forks_of_many(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++)
        made(&end, (int)(3 + i), AF_INET, SOCK_STREAM);
    for (unsigned i = 0; i < n; i++)
        forks(&end, 101 + i);
    done(&end);
}

static void forks_and_exits_of_many(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++)
        made(&end, (int)(3 + i), AF_INET, SOCK_STREAM);
    for (unsigned i = 0; i < n; i++) {
        forks(&end, 101 + i);
        exits(&end, 101 + i);
    }
    done(&end);
}

/* A process with many sockets that executes one image after the other, each with a log. */
static void execs_of_many(unsigned n)
{
    started = now;
    struct end end = process(100);
    struct sockatlas_body_exec body = {.path_size = 5};
    for (unsigned i = 0; i < 4 * n; i++)
        made(&end, (int)(3 + i), AF_INET, SOCK_STREAM);
    for (unsigned i = 0; i < n / 4; i++) {
        char name[32];
        put(&end, SOCKATLAS_EXEC, -1, 0, &body, sizeof body, "/prog", 5);
        done(&end);
        now += 100000000;
        snprintf(name, sizeof name, "image%u", i);
        end = log_named(name, 100, 1, 1, SOCKATLAS_WRITER_SHIM);
        made(&end, 2, AF_INET, SOCK_STREAM);
    }
    done(&end);
}

/* Children whose forks are told before the children are, of as many threads. */
static void vforks(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        end.tid = 1000 + i;
        forks(&end, 0);
    }
    for (unsigned i = 0; i < n; i++) {
        end.tid = 100;
        closed(&end, 3, made(&end, 3, AF_INET, SOCK_STREAM));
    }
    done(&end);
}

static void execs(unsigned n)
{
    struct end end = process(100);
    struct sockatlas_body_exec body = {.path_size = 5};
    for (unsigned i = 0; i < n; i++) {
        struct end child = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        forks(&end, child.pid);
        put(&child, SOCKATLAS_EXEC, -1, 0, &body, sizeof body, "/prog", 5);
    }
    for (unsigned i = n; i-- > 0;) {
        struct end child = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        put(&child, SOCKATLAS_EXEC_FAILED, -1, 0, NULL, 0, NULL, 0);
    }
    done(&end);
}

static void threads(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_netns body = {.netns_inode = 1 + i % 2};
        end.tid = 1000 + i;
        put(&end, SOCKATLAS_NETNS, -1, 0, &body, sizeof body, NULL, 0);
    }
    for (unsigned i = 0; i < n; i++) {
        end.tid = 1000 + i;
        made(&end, 3, AF_INET, SOCK_STREAM);
    }
    done(&end);
}

/* As containers are: all alike but for their namespace. */
static void namespaces(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_netns body = {.netns_cookie = 5000 + i, .netns_inode = 9000 + i};
        put(&end, SOCKATLAS_NETNS, -1, 0, &body, sizeof body, NULL, 0);
        uint64_t listener = made(&end, 3, AF_INET, SOCK_STREAM);
        listens(&end, 3, listener, true, 1, 80);
        uint64_t client = made(&end, 4, AF_INET, SOCK_STREAM);
        connects(&end, 4, client, true, 1, 80, 2, 40000);
        closed(&end, 5, accepts(&end, 5, 3, listener, true, 2, 40000));
        closed(&end, 4, client);
    }
    done(&end);
}

static void passes(unsigned n)
{
    struct end end = process(100), other = process(101);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&end, (int)(10 + i), AF_INET, SOCK_STREAM);
        struct sockatlas_body_pass pass = {.passed_fd = (int)(10 + i), .passed_cookie = cookie};
        struct sockatlas_body_seen seen = {
            .family = AF_INET,
            .type = SOCK_STREAM,
            .how = SOCKATLAS_HOW_RECEIVED,
            .addresses = {.family = AF_INET, .first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT}};
        put(&end, SOCKATLAS_PASS, 3, 1, &pass, sizeof pass, NULL, 0);
        put(&other, SOCKATLAS_SEEN, (int)(10 + i), cookie, &seen, sizeof seen, NULL, 0);
        closed(&end, (int)(10 + i), cookie);
    }
    done(&end);
    done(&other);
}

static void socket_pairs(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_socketpair body = {
            .family = AF_UNIX, .type = SOCK_STREAM, .fd2 = (int)(4 + 2 * i), .cookie2 = ++cookies};
        uint64_t cookie = ++cookies;
        put(&end, SOCKATLAS_SOCKETPAIR, (int)(3 + 2 * i), cookie, &body, sizeof body, NULL, 0);
    }
    for (unsigned i = 0; i < n; i++) {
        closed(&end, (int)(3 + 2 * i), 0);
        closed(&end, (int)(4 + 2 * i), 0);
    }
    done(&end);
}

/* ---- Families: who talks to whom ---- */

static void same_tuple(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&end, 3, AF_INET, SOCK_STREAM);
        connects(&end, 3, cookie, true, 1, 80, 1, 40000);
        closed(&end, 3, cookie);
    }
    done(&end);
}

/* Between two hosts, all clients before the first server. */
static void same_tuple_apart(unsigned n)
{
    struct end client = log_of(100, 1, 1, SOCKATLAS_WRITER_SHIM), server = log_of(200, 2, 1, SOCKATLAS_WRITER_SHIM);
    uint64_t listener = made(&server, 3, AF_INET, SOCK_STREAM);
    listens(&server, 3, listener, false, 1, 80);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, 3, AF_INET, SOCK_STREAM);
        connects(&client, 3, cookie, false, 1, 80, 2, 40000);
        closed(&client, 3, cookie);
    }
    for (unsigned i = 0; i < n; i++)
        closed(&server, 4, accepts(&server, 4, 3, listener, false, 2, 40000));
    done(&client);
    done(&server);
}

/* The other way round: servers that no client of the same tuple can belong to, and clients after them. */
static void same_tuple_late(unsigned n)
{
    struct end client = process(100), server = process(200), away = log_of(300, 2, 1, SOCKATLAS_WRITER_SHIM);
    uint64_t listener = made(&server, 3, AF_INET, SOCK_STREAM);
    listens(&server, 3, listener, false, 1, 80);
    made(&away, 3, AF_INET, SOCK_STREAM);
    for (unsigned i = 0; i < n; i++)
        closed(&server, 4, accepts(&server, 4, 3, listener, false, 2, 40000));
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, 3, AF_INET, SOCK_STREAM);
        connects(&client, 3, cookie, false, 1, 80, 2, 40000);
        closed(&client, 3, cookie);
    }
    done(&client);
    done(&server);
    done(&away);
}

/* Both ends of one tuple connect, again and again. */
static void both_connect(unsigned n)
{
    struct end one = process(100), other = process(200);
    for (unsigned i = 0; i < n; i++) {
        uint64_t first = made(&one, 3, AF_INET, SOCK_STREAM), second = made(&other, 3, AF_INET, SOCK_STREAM);
        connects(&one, 3, first, true, 1, 80, 2, 40000);
        connects(&other, 3, second, true, 2, 40000, 1, 80);
        closed(&one, 3, first);
        closed(&other, 3, second);
    }
    done(&one);
    done(&other);
}

static void unix_untraced(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&end, 3, AF_UNIX, SOCK_STREAM);
        connects_path(&end, 3, cookie, "/run/untraced", 77);
        closed(&end, 3, cookie);
    }
    done(&end);
}

/* Bound under another name than the clients know: by credentials. */
static void unix_renamed(unsigned n)
{
    struct end client = process(100), server = process(200);
    uint64_t listener = listens_path(&server, 3, "/run/bound");
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, 3, AF_UNIX, SOCK_STREAM);
        connects_path(&client, 3, cookie, "/run/renamed", 200);
        closed(&client, 3, cookie);
        struct sockatlas_body_accept body = {
            .listener_cookie = listener,
            .listener_fd = 3,
            .peer_pid = 100,
            .addresses = {.family = AF_UNIX, .first_size = 0, .second_size = SOCKATLAS_ABSENT}};
        put(&server, SOCKATLAS_ACCEPT, 4, ++cookies, &body, sizeof body, NULL, 0);
        closed(&server, 4, cookies);
    }
    done(&client);
    done(&server);
}

/* The ends are in two pid namespaces: by path and order. */
static void unix_across(unsigned n)
{
    struct end client = process(100);
    pidns = 2;
    struct end server = process(200);
    uint64_t listener = listens_path(&server, 3, "/run/bound");
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, 3, AF_UNIX, SOCK_STREAM);
        connects_path(&client, 3, cookie, "/run/bound", 0);
        closed(&client, 3, cookie);
    }
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_accept body = {
            .listener_cookie = listener,
            .listener_fd = 3,
            .addresses = {.family = AF_UNIX, .first_size = 0, .second_size = SOCKATLAS_ABSENT}};
        put(&server, SOCKATLAS_ACCEPT, 4, ++cookies, &body, sizeof body, NULL, 0);
        closed(&server, 4, cookies);
    }
    done(&client);
    done(&server);
}

static void unix_backlog(unsigned n)
{
    struct end client = process(100), server = process(200);
    uint64_t listener = listens_path(&server, 3, "/run/bound");
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, (int)(3 + i), AF_UNIX, SOCK_STREAM);
        connects_path(&client, (int)(3 + i), cookie, "/run/bound", 200);
    }
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_accept body = {
            .listener_cookie = listener,
            .listener_fd = 3,
            .peer_pid = 100,
            .addresses = {.family = AF_UNIX, .first_size = 0, .second_size = SOCKATLAS_ABSENT}};
        put(&server, SOCKATLAS_ACCEPT, (int)(4 + i), ++cookies, &body, sizeof body, NULL, 0);
    }
    done(&client);
    done(&server);
}

static void one_port(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&end, 3, AF_INET, SOCK_STREAM);
        connects(&end, 3, cookie, false, 1000 + i, 80, 2, 40000);
        closed(&end, 3, cookie);
    }
    done(&end);
}

static void peers(unsigned n)
{
    struct end end = process(100);
    uint64_t cookie = made(&end, 3, AF_INET, SOCK_DGRAM);
    for (unsigned i = 0; i < n; i++)
        sends_to(&end, 3, cookie, 1000 + i, 6881, 6881);
    closed(&end, 3, cookie);
    done(&end);
}

/* Two such: each peer of one could be the other. */
static void peers_of_two(unsigned n)
{
    struct end one = process(100), other = log_of(200, 2, 1, SOCKATLAS_WRITER_SHIM);
    uint64_t first = made(&one, 3, AF_INET, SOCK_DGRAM), second = made(&other, 3, AF_INET, SOCK_DGRAM);
    for (unsigned i = 0; i < n; i++) {
        sends_to(&one, 3, first, 1000 + i, 6881, 6881);
        sends_to(&other, 3, second, 1000 + i, 6881, 6881);
    }
    closed(&one, 3, first);
    closed(&other, 3, second);
    done(&one);
    done(&other);
}

/* As many sockets as datagrams, all to one service. */
static void askers(unsigned n)
{
    struct end client = process(100), server = process(200);
    uint64_t service = made(&server, 3, AF_INET, SOCK_DGRAM);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, 3, AF_INET, SOCK_DGRAM);
        sends_to(&client, 3, cookie, 1, 53, 20000 + i % 40000);
        sends_to(&server, 3, service, 2, 20000 + i % 40000, 53);
        closed(&client, 3, cookie);
    }
    done(&client);
    done(&server);
}

static void listeners(unsigned n)
{
    struct end server = process(200), client = process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t listener = made(&server, (int)(3 + i), AF_INET, SOCK_STREAM);
        listens(&server, (int)(3 + i), listener, true, 1 + i, 80);
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, 3, AF_INET, SOCK_STREAM);
        connects(&client, 3, cookie, true, 1 + i, 80, 2, 20000 + i % 40000);
        closed(&client, 3, cookie);
    }
    done(&server);
    done(&client);
}

/* Of one address (SO_REUSEPORT). */
static void listeners_alike(unsigned n)
{
    struct end server = process(200), client = process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t listener = made(&server, (int)(3 + i), AF_INET, SOCK_STREAM);
        listens(&server, (int)(3 + i), listener, true, 1, 80);
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, 3, AF_INET, SOCK_STREAM);
        connects(&client, 3, cookie, true, 1, 80, 2, 20000 + i % 40000);
        closed(&client, 3, cookie);
    }
    done(&server);
    done(&client);
}

/* Clients and servers of as many networks whose addresses were translated: only a port could tell. */
static void translated(unsigned n)
{
    struct end client = log_of(100, 1, 1, SOCKATLAS_WRITER_SHIM), server = log_of(200, 2, 1, SOCKATLAS_WRITER_SHIM);
    uint64_t listener = made(&server, 3, AF_INET, SOCK_STREAM);
    listens(&server, 3, listener, false, 1, 80);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = made(&client, 3, AF_INET, SOCK_STREAM);
        connects(&client, 3, cookie, false, 500000 + i, 80, 2, 40000);
        closed(&client, 3, cookie);
        closed(&server, 4, accepts(&server, 4, 3, listener, false, 900000 + i, 40000));
    }
    done(&client);
    done(&server);
}

/* ---- Families: what is noted of one thing ---- */

static void options(unsigned n)
{
    struct end end = process(100);
    uint64_t cookie = made(&end, 3, AF_INET, SOCK_STREAM);
    const int values[2] = {1, 1};
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_option body = {
            .level = (int)i, .name = (int)i, .requested_size = 4, .kept_size = 4, .effective_size = 4};
        put(&end, SOCKATLAS_OPTION, 3, cookie, &body, sizeof body, values, sizeof values);
    }
    done(&end);
}

static void names(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        unsigned char tail[64];
        int size = snprintf((char *)tail, sizeof tail, "name%u", i);
        struct sockatlas_body_name body = {.name_size = (uint16_t)size, .addresses_count = 1};
        tail[size] = AF_INET;
        tail[size + 1] = 10;
        tail[size + 2] = (unsigned char)(i >> 16);
        tail[size + 3] = (unsigned char)(i >> 8);
        tail[size + 4] = (unsigned char)i;
        struct end child = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        forks(&end, child.pid);
        put(&child, SOCKATLAS_NAME, -1, 0, &body, sizeof body, tail, (size_t)size + 5);
    }
    done(&end);
}

static void blind_spots(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        char detail[64];
        int size = snprintf(detail, sizeof detail, "detail %u", i);
        struct sockatlas_body_coverage body = {.what = SOCKATLAS_COVERAGE_NO_LOG, .detail_size = (uint16_t)size};
        put(&end, SOCKATLAS_COVERAGE, -1, 0, &body, sizeof body, detail, (size_t)size);
    }
    done(&end);
}

/* What `run` says of untraced processes: all serve one address, and as many connect to it. */
static void untraced(unsigned n)
{
    struct end run = log_of(99, 1, 1, SOCKATLAS_WRITER_RUN), client = process(100);
    for (unsigned i = 0; i < n; i++) {
        unsigned char tail[64];
        size_t size = address(tail, true, 1, 80);
        struct sockatlas_body_untraced body = {
            .peer_pid = 1000 + i,
            .comm_size = 4,
            .listening = 1,
            .type = SOCK_STREAM,
            .addresses = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT}};
        memset(tail + size, 's', 4);
        put(&run, SOCKATLAS_UNTRACED, -1, 0, &body, sizeof body, tail, size + 4);
        uint64_t cookie = made(&client, 3, AF_INET, SOCK_STREAM);
        connects(&client, 3, cookie, true, 1, 80, 2, 20000 + i % 40000);
        closed(&client, 3, cookie);
    }
    done(&run);
    done(&client);
}

static void failures(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++) {
        unsigned char tail[6];
        struct sockatlas_body_connect body = {
            .duration_ns = 400, .addresses = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT}};
        uint64_t cookie = made(&end, 3, AF_INET, SOCK_STREAM);
        struct sockatlas_common common = {.kind = SOCKATLAS_CONNECT,
                                          .error = ECONNREFUSED,
                                          .pid = 100,
                                          .tid = 100,
                                          .fd = 3,
                                          .time_ns = now += 1000,
                                          .cookie = cookie};
        address(tail, false, i, 1 + i % 60000);
        if (!writer_append(end.writer, &common, &body, sizeof body, tail, sizeof tail))
            die("write");
        closed(&end, 3, cookie);
    }
    done(&end);
}

/* Cookies whose hash was one and the same in its lower half, as it was before it had a key. */
static void colliding(unsigned n)
{
    struct end end = process(100);
    uint64_t inverse = 1; /* of the factor */
    for (int i = 0; i < 6; i++)
        inverse *= 2 - 0x9e3779b97f4a7c15u * inverse;
    for (unsigned i = 0; i < n; i++) {
        uint64_t hash = (uint64_t)(i + 1) << 32, value = hash ^ hash >> 29 ^ hash >> 58;
        value *= inverse;
        value ^= value >> 32;
        struct sockatlas_body_socket body = {.family = AF_INET, .type = SOCK_STREAM};
        put(&end, SOCKATLAS_SOCKET, (int)(3 + i), value, &body, sizeof body, NULL, 0);
    }
    for (unsigned i = 0; i < n; i++)
        closed(&end, (int)(3 + i), 0);
    done(&end);
}

static void logs(unsigned n)
{
    for (unsigned i = 0; i < n / 10 + 1; i++) {
        now -= 2000000; /* each is older than the one before */
        struct end end = log_of(100 + i, 1, 1, SOCKATLAS_WRITER_SHIM);
        closed(&end, 3, made(&end, 3, AF_INET, SOCK_STREAM));
        done(&end);
    }
}

static void hosts(unsigned n)
{
    for (unsigned i = 0; i < n / 10 + 1; i++) {
        struct end end = log_of(100, i, 1, SOCKATLAS_WRITER_SHIM);
        uint64_t cookie = made(&end, 3, AF_INET, SOCK_STREAM);
        connects(&end, 3, cookie, false, 1, 80, 2, 40000);
        closed(&end, 3, cookie);
        done(&end);
    }
}

/* A log with a hole of 1 TiB in its middle, whatever N. */
static void hole(unsigned n)
{
    struct end end = process(100);
    for (unsigned i = 0; i < n; i++)
        closed(&end, 3, made(&end, 3, AF_INET, SOCK_STREAM));
    done(&end);
    char path[4200];
    uint64_t cursor = UINT64_C(1) << 34;
    snprintf(path, sizeof path, "%s/log1_100.atlas", folder);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)(SOCKATLAS_HEADER_SIZE + cursor * SOCKATLAS_SLOT_SIZE)) != 0 ||
        pwrite(fd, &cursor, sizeof cursor, offsetof(struct sockatlas_header, cursor)) != (ssize_t)sizeof cursor)
        die(path);
    close(fd);
}

static void pipes(unsigned n)
{
    struct end end = process(100);
    closed(&end, 3, made(&end, 3, AF_INET, SOCK_STREAM));
    done(&end);
    for (unsigned i = 0; i < n / 10 + 1; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/pipe%u.atlas", folder, i);
        if (mkfifo(path, 0600) != 0)
            die(path);
    }
}

/* ---- JSON Lines ---- */

static FILE *lines_begin(void)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/lines.jsonl", folder);
    FILE *out = fopen(path, "wxe");
    if (!out)
        die(path);
    return out;
}

static void lines_end(FILE *out)
{
    if (fclose(out) != 0)
        die("write");
}

static void line_long(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{\"event\":\"", out);
    for (unsigned i = 0; i < n * 100; i++)
        fputc('a', out);
    fputs("\"}\n", out);
    lines_end(out);
}

static void line_nested(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{\"event\":", out);
    for (unsigned i = 0; i < n * 100; i++)
        fputc('[', out);
    lines_end(out);
}

static void line_number(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{\"event\":\"socket\",\"image\":", out);
    for (unsigned i = 0; i < n * 100; i++)
        fputc('9', out);
    fputs("}\n", out);
    lines_end(out);
}

static void line_members(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{\"event\":\"socket\"", out);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, ",\"image\":%u", i);
    fputs("}\n", out);
    lines_end(out);
}

static void lines_empty(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{}", out);
    for (unsigned i = 0; i < n * 10; i++)
        fputc('\n', out);
    lines_end(out);
}

static void lines_bad(unsigned n)
{
    FILE *out = lines_begin();
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "{\"event\":\"socket\",\"image\":%u,\"slot\":1}\n", i);
    lines_end(out);
}

static void lines_hole(unsigned n)
{
    FILE *out = lines_begin();
    (void)n;
    fputs("{\"event\":\"", out);
    if (fflush(out) != 0 || ftruncate(fileno(out), (off_t)1 << 40) != 0)
        die("lines.jsonl");
    lines_end(out);
}

/* ---- */

static const struct family {
    const char *name;
    void (*make)(unsigned n);
} families[] = {
#define FAMILY(name)                                                                                                   \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
    FAMILY(descriptors),
    FAMILY(descriptors_apart),
    FAMILY(duplicates),
    FAMILY(reused),
    FAMILY(workers),
    FAMILY(forks_of_many),
    FAMILY(forks_and_exits_of_many),
    FAMILY(execs_of_many),
    FAMILY(vforks),
    FAMILY(execs),
    FAMILY(threads),
    FAMILY(namespaces),
    FAMILY(passes),
    FAMILY(socket_pairs),
    FAMILY(same_tuple),
    FAMILY(same_tuple_apart),
    FAMILY(same_tuple_late),
    FAMILY(both_connect),
    FAMILY(unix_untraced),
    FAMILY(unix_renamed),
    FAMILY(unix_across),
    FAMILY(unix_backlog),
    FAMILY(one_port),
    FAMILY(peers),
    FAMILY(peers_of_two),
    FAMILY(askers),
    FAMILY(listeners),
    FAMILY(listeners_alike),
    FAMILY(translated),
    FAMILY(options),
    FAMILY(names),
    FAMILY(blind_spots),
    FAMILY(untraced),
    FAMILY(failures),
    FAMILY(colliding),
    FAMILY(logs),
    FAMILY(hosts),
    FAMILY(hole),
    FAMILY(pipes),
    FAMILY(line_long),
    FAMILY(line_nested),
    FAMILY(line_number),
    FAMILY(line_members),
    FAMILY(lines_empty),
    FAMILY(lines_bad),
    FAMILY(lines_hole),
#undef FAMILY
};
#define FAMILIES (sizeof families / sizeof *families)

int main(int argc, char **argv)
{
    if (argc == 1)
        for (size_t i = 0; i < FAMILIES; i++)
            puts(families[i].name);
    if (argc == 1)
        return 0;
    for (size_t i = 0; argc == 4 && i < FAMILIES; i++) {
        if (strcmp(argv[1], families[i].name) != 0)
            continue;
        folder = argv[3];
        if (mkdir(folder, 0700) != 0)
            die(folder);
        families[i].make((unsigned)strtoul(argv[2], NULL, 10));
        return 0;
    }
    fputs("usage: hostile [FAMILY N DIR]\n", stderr);
    return 2;
}
