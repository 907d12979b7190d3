/* SPDX-License-Identifier: MIT
 *
 * The parts of hostile.c: logs, records, and the families of hostile.def.
 */
#ifndef TESTS_FAULT_HOSTILE_H
#define TESTS_FAULT_HOSTILE_H

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

struct end {
    struct writer *writer;
    uint32_t pid, tid;
};

/* What is made next. */
extern struct hostile {
    const char *folder;
    uint64_t now, cookies, pidns;
    uint64_t started; /* of the process whose logs are made; 0: with each log another one starts */
} hostile;

void hostile_die(const char *what);
struct end hostile_log_named(const char *name, uint32_t pid, unsigned host, uint64_t netns,
                             enum sockatlas_writer writer);
struct end hostile_log_of(uint32_t pid, unsigned host, uint64_t netns, enum sockatlas_writer writer);
struct end hostile_process(uint32_t pid);
void hostile_done(struct end *end);
void hostile_put(const struct end *end, unsigned kind, int fd, uint64_t cookie, const void *body, size_t body_size,
                 const void *tail, size_t tail_size);
/* An IPv4 address as a record has it: 10.a.b.c, or 127.a.b.c where it is `near`. */
size_t hostile_address(unsigned char *tail, bool near, unsigned number, unsigned port);
uint64_t hostile_made(const struct end *end, int fd, unsigned family, unsigned type);
void hostile_closed(const struct end *end, int fd, uint64_t cookie);
void hostile_listens(const struct end *end, int fd, uint64_t cookie, bool near, unsigned number, unsigned port);
/* Both addresses are of the same kind. */
void hostile_connects(const struct end *end, int fd, uint64_t cookie, bool near, unsigned to, unsigned to_port,
                      unsigned from, unsigned from_port);
uint64_t hostile_accepts(const struct end *end, int fd, int listener_fd, uint64_t listener, bool near, unsigned from,
                         unsigned from_port);
/* Over a unix socket: the client named the listener `to`, which was bound as `path`. */
void hostile_connects_path(const struct end *end, int fd, uint64_t cookie, const char *to, uint32_t listener_pid);
uint64_t hostile_listens_path(const struct end *end, int fd, const char *path);
void hostile_forks(const struct end *end, uint32_t child);
void hostile_exits(const struct end *end, uint32_t pid);
void hostile_sends_to(const struct end *end, int fd, uint64_t cookie, unsigned peer, unsigned port, unsigned own_port);

#define FAMILY(name) void family_##name(unsigned n);
#include "tests/fault/hostile.def"
#undef FAMILY

#endif
