/* SPDX-License-Identifier: MIT
 *
 * Logs and records for hostile.c, as a shim would write them; those that are asked for, not those that happen.
 */
#include "tests/fault/hostile.h"

void hostile_die(const char *what)
{
    fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct end hostile_log_named(const char *name, uint32_t pid, unsigned host, uint64_t netns,
                             enum sockatlas_writer writer)
{
    struct sockatlas_header header = {.pid = pid,
                                      .ppid = 1,
                                      .writer = writer,
                                      .boottime_ns = hostile.now,
                                      .realtime_ns = hostile.now + 1700000000000000000,
                                      .start_ticks = (hostile.started ? hostile.started : hostile.now) / 10000000,
                                      .netns_inode = netns,
                                      .pidns_inode = hostile.pidns};
    snprintf(header.comm, sizeof header.comm, "program");
    snprintf(header.boot_id, sizeof header.boot_id, "00000000-0000-0000-0000-%012u", host);
    snprintf(header.host, sizeof header.host, "host%u", host);
    struct end end = {.writer = writer_create(hostile.folder, name, &header), .pid = pid, .tid = pid};
    if (!end.writer)
        hostile_die(name);
    return end;
}

struct end hostile_log_of(uint32_t pid, unsigned host, uint64_t netns, enum sockatlas_writer writer)
{
    char name[64];
    snprintf(name, sizeof name, writer == SOCKATLAS_WRITER_RUN ? SOCKATLAS_RUN_NAME : "log%u_%u", host, pid);
    return hostile_log_named(name, pid, host, netns, writer);
}

struct end hostile_process(uint32_t pid)
{
    return hostile_log_of(pid, 1, 1, SOCKATLAS_WRITER_SHIM);
}

void hostile_done(struct end *end)
{
    if (!writer_close(end->writer))
        hostile_die("close");
}

void hostile_put(const struct end *end, unsigned kind, int fd, uint64_t cookie, const void *body, size_t body_size,
                 const void *tail, size_t tail_size)
{
    struct sockatlas_common common = {.kind = (uint8_t)kind,
                                      .pid = end->pid,
                                      .tid = end->tid,
                                      .fd = fd,
                                      .time_ns = hostile.now += 1000,
                                      .cookie = cookie};
    if (!writer_append(end->writer, &common, body, body_size, tail, tail_size))
        hostile_die("write");
}

size_t hostile_address(unsigned char *tail, bool near, unsigned number, unsigned port)
{
    unsigned char bytes[6] = {(unsigned char)(port >> 8),    (unsigned char)port,          near ? 127 : 10,
                              (unsigned char)(number >> 16), (unsigned char)(number >> 8), (unsigned char)number};
    memcpy(tail, bytes, sizeof bytes);
    return sizeof bytes;
}

uint64_t hostile_made(const struct end *end, int fd, unsigned family, unsigned type)
{
    struct sockatlas_body_socket body = {.family = (uint16_t)family, .type = (uint16_t)type};
    uint64_t cookie = ++hostile.cookies;
    hostile_put(end, SOCKATLAS_SOCKET, fd, cookie, &body, sizeof body, NULL, 0);
    return cookie;
}

void hostile_closed(const struct end *end, int fd, uint64_t cookie)
{
    struct sockatlas_body_close body = {.bytes_sent = 1, .bytes_received = 1, .messages_sent = 1};
    hostile_put(end, SOCKATLAS_CLOSE, fd, cookie, &body, sizeof body, NULL, 0);
}

void hostile_listens(const struct end *end, int fd, uint64_t cookie, bool near, unsigned number, unsigned port)
{
    unsigned char tail[6];
    struct sockatlas_addresses one = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT};
    struct sockatlas_body_bind bound = {.addresses = one};
    struct sockatlas_body_listen listening = {.backlog = 511, .addresses = one};
    hostile_address(tail, near, number, port);
    hostile_put(end, SOCKATLAS_BIND, fd, cookie, &bound, sizeof bound, tail, sizeof tail);
    hostile_put(end, SOCKATLAS_LISTEN, fd, cookie, &listening, sizeof listening, tail, sizeof tail);
}

void hostile_connects(const struct end *end, int fd, uint64_t cookie, bool near, unsigned to, unsigned to_port,
                      unsigned from, unsigned from_port)
{
    unsigned char tail[12];
    struct sockatlas_body_connect body = {.duration_ns = 400,
                                          .addresses = {.family = AF_INET, .first_size = 6, .second_size = 6}};
    hostile_address(tail, near, to, to_port);
    hostile_address(tail + 6, near, from, from_port);
    hostile_put(end, SOCKATLAS_CONNECT, fd, cookie, &body, sizeof body, tail, sizeof tail);
}

uint64_t hostile_accepts(const struct end *end, int fd, int listener_fd, uint64_t listener, bool near, unsigned from,
                         unsigned from_port)
{
    unsigned char tail[6];
    struct sockatlas_body_accept body = {
        .listener_cookie = listener,
        .listener_fd = listener_fd,
        .addresses = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT}};
    uint64_t cookie = ++hostile.cookies;
    hostile_address(tail, near, from, from_port);
    hostile_put(end, SOCKATLAS_ACCEPT, fd, cookie, &body, sizeof body, tail, sizeof tail);
    return cookie;
}

void hostile_connects_path(const struct end *end, int fd, uint64_t cookie, const char *to, uint32_t listener_pid)
{
    struct sockatlas_body_connect body = {
        .duration_ns = 400,
        .peer_pid = listener_pid,
        .addresses = {.family = AF_UNIX, .first_size = (uint8_t)strlen(to), .second_size = 0}};
    hostile_put(end, SOCKATLAS_CONNECT, fd, cookie, &body, sizeof body, to, strlen(to));
}

uint64_t hostile_listens_path(const struct end *end, int fd, const char *path)
{
    struct sockatlas_addresses one = {
        .family = AF_UNIX, .first_size = (uint8_t)strlen(path), .second_size = SOCKATLAS_ABSENT};
    struct sockatlas_body_bind bound = {.addresses = one};
    struct sockatlas_body_listen listening = {.backlog = 511, .addresses = one};
    uint64_t cookie = hostile_made(end, fd, AF_UNIX, SOCK_STREAM);
    hostile_put(end, SOCKATLAS_BIND, fd, cookie, &bound, sizeof bound, path, strlen(path));
    hostile_put(end, SOCKATLAS_LISTEN, fd, cookie, &listening, sizeof listening, path, strlen(path));
    return cookie;
}

void hostile_forks(const struct end *end, uint32_t child)
{
    struct sockatlas_body_fork body = {.child_pid = child};
    hostile_put(end, SOCKATLAS_FORK, -1, 0, &body, sizeof body, NULL, 0);
}

void hostile_exits(const struct end *end, uint32_t pid)
{
    struct end at = {.writer = end->writer, .pid = pid, .tid = pid};
    struct sockatlas_body_exit body = {.status = 0};
    hostile_put(&at, SOCKATLAS_EXIT, -1, 0, &body, sizeof body, NULL, 0);
}

void hostile_sends_to(const struct end *end, int fd, uint64_t cookie, unsigned peer, unsigned port, unsigned own_port)
{
    unsigned char tail[12];
    struct sockatlas_body_peer body = {.sent = 1, .addresses = {.family = AF_INET, .first_size = 6, .second_size = 6}};
    hostile_address(tail, false, peer, port);
    memset(tail + 6, 0, 6);
    tail[6] = (unsigned char)(own_port >> 8);
    tail[7] = (unsigned char)own_port;
    hostile_put(end, SOCKATLAS_PEER, fd, cookie, &body, sizeof body, tail, sizeof tail);
}
