/* SPDX-License-Identifier: MIT
 *
 * A trace told in a few lines: each function makes one record as the shim would and feeds it to a model. Time goes on
 * by one microsecond a record. Sockets that are done are kept for looking at.
 */
#ifndef TESTS_UNIT_MODEL_SCRIPT_H
#define TESTS_UNIT_MODEL_SCRIPT_H

#include "analyzer/model/model.h"
#include "analyzer/trace/writer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SCRIPT_SOCKETS 64
#define SCRIPT_IMAGES  8

struct script {
    struct model *model;
    struct trace_image images[SCRIPT_IMAGES];
    unsigned images_count;
    uint64_t slots[SCRIPT_IMAGES];
    uint64_t now;
    uint32_t alive_answer; /* enum model_alive for every process */
    struct socket done[SCRIPT_SOCKETS];
    uint32_t holders[SCRIPT_SOCKETS][8];
    unsigned done_count;
};

static inline void script_done(void *context, const struct socket *socket)
{
    struct script *script = context;
    cr_assert_lt(script->done_count, SCRIPT_SOCKETS);
    script->done[script->done_count] = *socket;
    for (unsigned i = 0; i < socket->holders_count && i < 8; i++)
        script->holders[script->done_count][i] = socket->holders[i];
    script->done_count++;
}

static inline enum model_alive script_alive(void *context, const struct process *process,
                                            const struct sockatlas_header *header)
{
    (void)process;
    (void)header;
    return ((struct script *)context)->alive_answer;
}

static inline void script_begin(struct script *script)
{
    *script = (struct script){.now = 1000000000000};
    struct model_callbacks callbacks = {.context = script, .socket_done = script_done, .alive = script_alive};
    script->model = model_new(&callbacks);
}

/* A process image's file; netns is the namespace's inode. */
static inline unsigned script_image(struct script *script, uint32_t pid, const char *comm, unsigned host,
                                    uint64_t netns)
{
    unsigned id = script->images_count++;
    struct trace_image *image = &script->images[id];
    *image = (struct trace_image){.id = id, .host = host, .offset_ns = 0, .path = "test.atlas"};
    image->header.writer = SOCKATLAS_WRITER_SHIM;
    image->header.pid = pid;
    image->header.start_ticks = script->now / 10000000;
    image->header.boottime_ns = script->now;
    image->header.netns_inode = netns;
    image->header.pidns_inode = 4026531836;
    snprintf(image->header.comm, sizeof image->header.comm, "%s", comm);
    snprintf(image->header.boot_id, sizeof image->header.boot_id, "host-%c", host ? 'b' : 'a');
    return id;
}

struct who {
    unsigned image;
    uint32_t pid;
};

static inline uint64_t script_record(struct script *script, struct who who, struct sockatlas_common common,
                                     const void *body, size_t body_size, const void *tail, size_t tail_size)
{
    static _Alignas(8) unsigned char capacity[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    script->now += 1000;
    common.pid = who.pid;
    common.tid = common.tid ? common.tid : who.pid;
    common.time_ns = script->now;
    memset(capacity, 0, sizeof capacity);
    unsigned slots = writer_record(capacity, &common, body, body_size, tail, tail_size);
    cr_assert_neq(slots, 0);
    struct event event = {.image = &script->images[who.image],
                          .slot = script->slots[who.image],
                          .record = capacity,
                          .slots = slots,
                          .kind = common.kind,
                          .call = common.call,
                          .error = common.error,
                          .pid = common.pid,
                          .tid = common.tid,
                          .fd = common.fd,
                          .time_ns = common.time_ns,
                          .cookie = common.cookie};
    model_event(script->model, &event);
    uint64_t slot = script->slots[who.image];
    script->slots[who.image] += slots;
    return slot;
}

static inline void script_finish(struct script *script)
{
    model_finish(script->model);
}

/* ---- Addresses: "127.0.0.1:80", "[::1]:80", "/path", "@abstract", "" unnamed, NULL absent ---- */

static inline uint8_t script_encode(const char *text, uint8_t *family, unsigned char *out)
{
    char host[64];
    if (!text)
        return SOCKATLAS_ABSENT;
    if (text[0] == '/' || text[0] == '.' || text[0] == '@' || !text[0]) {
        *family = AF_UNIX;
        memcpy(out, text, strlen(text));
        if (text[0] == '@')
            out[0] = '\0';
        return (uint8_t)strlen(text);
    }
    const char *colon = strrchr(text, ':');
    bool six = text[0] == '[';
    size_t size = (size_t)(colon - text) - (six ? 2 : 0);
    memcpy(host, text + six, size);
    host[size] = '\0';
    *family = six ? AF_INET6 : AF_INET;
    uint16_t port = htons((uint16_t)atoi(colon + 1));
    memcpy(out, &port, 2);
    memset(out + 2, 0, 20);
    cr_assert_eq(inet_pton(*family, host, out + 2), 1, "%s", host);
    return six ? 22 : 6;
}

static inline size_t script_tail(struct sockatlas_addresses *addresses, unsigned char *tail, const char *first,
                                 const char *second)
{
    addresses->first_size = script_encode(first, &addresses->family, tail);
    size_t size = addresses->first_size == SOCKATLAS_ABSENT ? 0 : addresses->first_size;
    addresses->second_size = script_encode(second, &addresses->family, tail + size);
    return size + (addresses->second_size == SOCKATLAS_ABSENT ? 0 : addresses->second_size);
}

/* ---- Records ---- */

static inline void t_socket(struct script *script, struct who who, int fd, uint64_t cookie, int family, int type,
                            unsigned flags)
{
    struct sockatlas_body_socket body = {.family = (uint16_t)family, .type = (uint16_t)type, .flags = flags};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_SOCKET, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, NULL, 0);
}

static inline void t_pair(struct script *script, struct who who, int fd, uint64_t cookie, int fd2, uint64_t cookie2)
{
    struct sockatlas_body_socketpair body = {.family = AF_UNIX, .type = SOCK_STREAM, .fd2 = fd2, .cookie2 = cookie2};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_SOCKETPAIR, .fd = fd, .cookie = cookie},
                  &body, sizeof body, NULL, 0);
}

static inline void t_bind(struct script *script, struct who who, int fd, uint64_t cookie, const char *local)
{
    unsigned char tail[256];
    struct sockatlas_body_bind body = {.addresses = {.family = 0}};
    size_t size = script_tail(&body.addresses, tail, local, NULL);
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_BIND, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, tail, size);
}

/* Which file the path names of the bind(), or connect(), that follows. */
static inline void t_file(struct script *script, struct who who, int fd, uint64_t cookie, bool peer, uint64_t inode)
{
    struct sockatlas_body_file body = {.device = 8, .inode = inode, .peer = peer};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_FILE, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, NULL, 0);
}

static inline void t_listen(struct script *script, struct who who, int fd, uint64_t cookie, const char *local)
{
    unsigned char tail[256];
    struct sockatlas_body_listen body = {.backlog = 5};
    size_t size = script_tail(&body.addresses, tail, local, NULL);
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_LISTEN, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, tail, size);
}

static inline void t_server(struct script *script, struct who who, int fd, uint64_t cookie, const char *local)
{
    int family = local[0] == '[' ? AF_INET6 : local[0] == '/' || local[0] == '.' || local[0] == '@' ? AF_UNIX : AF_INET;
    t_socket(script, who, fd, cookie, family, SOCK_STREAM, 0);
    t_bind(script, who, fd, cookie, local);
    t_listen(script, who, fd, cookie, local);
}

static inline void t_connect(struct script *script, struct who who, int fd, uint64_t cookie, const char *peer,
                             const char *local, int error, uint32_t peer_pid)
{
    unsigned char tail[256];
    struct sockatlas_body_connect body = {.duration_ns = 500, .peer_pid = peer_pid};
    size_t size = script_tail(&body.addresses, tail, peer, local);
    script_record(
        script, who,
        (struct sockatlas_common){.kind = SOCKATLAS_CONNECT, .fd = fd, .cookie = cookie, .error = (uint16_t)error},
        &body, sizeof body, tail, size);
}

static inline void t_client(struct script *script, struct who who, int fd, uint64_t cookie, const char *peer,
                            const char *local)
{
    t_socket(script, who, fd, cookie, peer[0] == '[' ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    t_connect(script, who, fd, cookie, peer, local, 0, 0);
}

static inline void t_accept(struct script *script, struct who who, int fd, uint64_t cookie, int listener_fd,
                            uint64_t listener_cookie, const char *peer, const char *local, uint32_t peer_pid)
{
    unsigned char tail[256];
    struct sockatlas_addresses addresses = {.family = 0};
    size_t size = script_tail(&addresses, tail, peer, local);
    struct sockatlas_body_accept body = {
        .listener_fd = listener_fd, .listener_cookie = listener_cookie, .peer_pid = peer_pid, .addresses = addresses};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_ACCEPT, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, tail, size);
}

static inline void t_accept_failed(struct script *script, struct who who, int listener_fd, uint64_t listener_cookie,
                                   int error)
{
    struct sockatlas_body_accept body = {.listener_fd = listener_fd, .listener_cookie = listener_cookie};
    struct sockatlas_common common = {.kind = SOCKATLAS_ACCEPT, .error = (uint16_t)error, .fd = -1};
    script_record(script, who, common, &body, sizeof body, NULL, 0);
}

static inline void t_close_call(struct script *script, struct who who, int fd, uint64_t cookie, int call, uint64_t sent,
                                uint64_t received, bool tcp)
{
    struct sockatlas_body_close body = {
        .bytes_sent = sent, .bytes_received = received, .messages_sent = sent != 0, .messages_received = received != 0};
    struct sockatlas_tcp info = {.state = 1, .rtt_us = 7};
    script_record(script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_CLOSE, .call = (uint8_t)call, .fd = fd, .cookie = cookie},
                  &body, sizeof body, tcp ? &info : NULL, tcp ? sizeof info : 0);
}

/* A TCP socket that has sent and received nothing. */
static inline void t_close_state(struct script *script, struct who who, int fd, uint64_t cookie, uint8_t state)
{
    struct sockatlas_body_close body = {.bytes_sent = 0};
    struct sockatlas_tcp info = {.state = state};
    script_record(
        script, who,
        (struct sockatlas_common){.kind = SOCKATLAS_CLOSE, .call = SOCKATLAS_CALL_close, .fd = fd, .cookie = cookie},
        &body, sizeof body, &info, sizeof info);
}

static inline void t_close(struct script *script, struct who who, int fd, uint64_t cookie)
{
    t_close_call(script, who, fd, cookie, SOCKATLAS_CALL_close, 0, 0, false);
}

static inline void t_close_tcp(struct script *script, struct who who, int fd, uint64_t cookie, uint64_t sent,
                               uint64_t received)
{
    t_close_call(script, who, fd, cookie, SOCKATLAS_CALL_close, sent, received, true);
}

static inline void t_dup(struct script *script, struct who who, int fd, uint64_t cookie, int old_fd, unsigned flags)
{
    struct sockatlas_body_dup body = {.old_fd = old_fd, .flags = flags};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_DUP, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, NULL, 0);
}

static inline uint64_t t_fork(struct script *script, struct who who, uint32_t child)
{
    struct sockatlas_body_fork body = {.child_pid = child};
    return script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_FORK, .fd = -1}, &body, sizeof body,
                         NULL, 0);
}

static inline struct who t_start(struct script *script, struct who parent, uint32_t pid, uint64_t slot, bool vforked)
{
    struct who who = {parent.image, pid};
    struct sockatlas_body_start body = {.fork_slot = slot, .ppid = parent.pid, .vforked = vforked, .comm = "child"};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_START, .fd = -1}, &body, sizeof body, NULL,
                  0);
    return who;
}

/* A child forked by `parent`, which begins at once. */
static inline struct who t_child(struct script *script, struct who parent, uint32_t pid)
{
    return t_start(script, parent, pid, t_fork(script, parent, pid), false);
}

static inline void t_exec(struct script *script, struct who who, const char *path)
{
    struct sockatlas_body_exec body = {.path_size = (uint16_t)strlen(path)};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_EXEC, .fd = -1}, &body, sizeof body, path,
                  strlen(path));
}

static inline void t_exec_failed(struct script *script, struct who who)
{
    struct sockatlas_body_none body = {0};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_EXEC_FAILED, .fd = -1, .error = ENOENT},
                  &body, sizeof body, NULL, 0);
}

static inline void t_exit(struct script *script, struct who who)
{
    struct sockatlas_body_exit body = {.status = 0};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_EXIT, .fd = -1}, &body, sizeof body, NULL,
                  0);
}

static inline void t_pass(struct script *script, struct who who, int fd, uint64_t cookie, int passed_fd,
                          uint64_t passed)
{
    struct sockatlas_body_pass body = {.passed_cookie = passed, .passed_fd = passed_fd};
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_PASS, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, NULL, 0);
}

static inline void t_seen(struct script *script, struct who who, int fd, uint64_t cookie, enum sockatlas_how how,
                          bool listening, const char *local, const char *peer)
{
    unsigned char tail[256];
    struct sockatlas_body_seen body = {.family = AF_INET,
                                       .type = SOCK_STREAM,
                                       .how = (uint8_t)how,
                                       .listening = listening,
                                       .tcp_state = listening        ? 10
                                                    : local && !peer ? 7
                                                                     : 1};
    size_t size = script_tail(&body.addresses, tail, local, peer);
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_SEEN, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, tail, size);
}

/* A forked child's first use of what it inherited. */
static inline void t_used(struct script *script, struct who who, int fd, uint64_t cookie, enum sockatlas_call call)
{
    struct sockatlas_body_seen body = {.family = AF_INET, .type = SOCK_STREAM, .how = SOCKATLAS_HOW_USED};
    body.addresses = (struct sockatlas_addresses){.first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT};
    script_record(script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_SEEN, .call = (uint8_t)call, .fd = fd, .cookie = cookie},
                  &body, sizeof body, NULL, 0);
}

static inline void t_peer(struct script *script, struct who who, int fd, uint64_t cookie, bool sent, const char *peer,
                          const char *local)
{
    unsigned char tail[256];
    struct sockatlas_body_peer body = {.sent = sent};
    size_t size = script_tail(&body.addresses, tail, peer, local);
    script_record(script, who, (struct sockatlas_common){.kind = SOCKATLAS_PEER, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, tail, size);
}

/* Lets trace time pass: a record of somebody else, much later. */
/* `run` saw that an untraced process has a connection, or serves `local` (`peer` NULL). */
static inline void t_untraced(struct script *script, struct who run, uint32_t pid, const char *comm, const char *local,
                              const char *peer)
{
    unsigned char tail[128];
    struct sockatlas_body_untraced body = {
        .peer_pid = pid, .comm_size = (uint8_t)strlen(comm), .listening = !peer, .type = SOCK_STREAM};
    size_t size = script_tail(&body.addresses, tail, local, peer);
    memcpy(tail + size, comm, body.comm_size); /* NOLINT(bugprone-not-null-terminated-result): it has its size */
    struct sockatlas_common common = {.kind = SOCKATLAS_UNTRACED, .fd = -1};
    script_record(script, run, common, &body, sizeof body, tail, size + strlen(comm));
}

static inline void t_wait(struct script *script, struct who who, uint64_t ns)
{
    script->now += ns;
    t_fork(script, who, 0);
}

/* ---- Looking ---- */

static inline const struct socket *script_socket(const struct script *script, uint64_t cookie)
{
    const struct socket *found = NULL;
    for (unsigned i = 0; i < script->done_count; i++)
        if (script->done[i].cookie == cookie) {
            cr_expect_null(found, "socket %llx came out twice", (unsigned long long)cookie);
            found = &script->done[i];
        }
    return found;
}

static inline bool script_held(const struct script *script, const struct socket *socket, uint32_t pid)
{
    const uint32_t *holders = script->holders[socket - script->done];
    for (unsigned i = 0; i < socket->holders_count; i++)
        if (model_process(script->model, holders[i])->pid == pid)
            return true;
    return false;
}

static inline const struct edge *script_edge(const struct script *script, uint32_t from, uint32_t to)
{
    for (unsigned i = 0; i < model_edge_count(script->model); i++) {
        const struct edge *edge = model_edge(script->model, i);
        if (edge->from->pid == from && edge->to->pid == to)
            return edge;
    }
    return NULL;
}

/* Two sockets that are the ends of one conversation. */
static inline void script_mates(const struct script *script, uint64_t client, uint64_t server, enum match match)
{
    const struct socket *a = script_socket(script, client), *b = script_socket(script, server);
    cr_assert_not_null(a);
    cr_assert_not_null(b);
    cr_expect_eq(a->peer_socket, b->id);
    cr_expect_eq(b->peer_socket, a->id);
    cr_expect_eq(a->match, match);
    cr_expect_eq(b->match, match);
}

#endif
