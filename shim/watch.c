/* SPDX-License-Identifier: MIT
 *
 * A descriptor's life in this process: made or met, duplicated, closed. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/coverage.h"
#include "shim/probe.h"
#include "shim/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { TYPE_MASK = 0xf };

static bool is_tcp(const struct descriptor *entry)
{
    bool inet = entry->family == AF_INET || entry->family == AF_INET6;
    return inet && entry->type == SOCK_STREAM && (entry->protocol == IPPROTO_TCP || entry->protocol == IPPROTO_MPTCP);
}

/* What the kernel makes of protocol 0 (inet_create). */
static uint16_t protocol_of(int family, int type, int protocol)
{
    if (protocol == 0 && (family == AF_INET || family == AF_INET6))
        return type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : 0;
    return (uint16_t)protocol;
}

static uint32_t flags_of(int type)
{
    return (type & SOCK_CLOEXEC ? SOCKATLAS_CLOEXEC : 0) | (type & SOCK_NONBLOCK ? SOCKATLAS_NONBLOCK : 0);
}

static uint16_t entry_flags(uint32_t flags)
{
    return (uint16_t)((flags & SOCKATLAS_CLOEXEC ? DESCRIPTOR_CLOEXEC : 0) |
                      (flags & SOCKATLAS_NONBLOCK ? DESCRIPTOR_NONBLOCK : 0));
}

/* The socket that this thread's vfork child made or met last: the table is its parent's. */
static __thread struct descriptor child_entry;

struct descriptor *watch_adopt(int fd, const struct descriptor *from)
{
    struct identity who = process_identity();
    struct descriptor *entry = who.vforked ? &child_entry : descriptor_make(fd);
    if (!entry) {
        log_lose(SOCKATLAS_LOSS_TABLE);
        return NULL;
    }
    *entry = *from;
    entry->holder = who.pid;
    entry->forks = process_forks();
    if (!is_tcp(entry))
        descriptor_set(entry, DESCRIPTOR_COUNTED, 0);
    __atomic_store_n(&entry->state, DESCRIPTOR_SOCKET, __ATOMIC_RELEASE);
    if (!who.vforked)
        descriptor_raise_highest(fd);
    return entry;
}

static bool is_transfer(enum sockatlas_call call)
{
    return (call >= SOCKATLAS_CALL_read && call <= SOCKATLAS_CALL_splice) || call == SOCKATLAS_CALL_shutdown;
}

/* Whose an entry is once `call` has touched it: who is handed a connection has it from his first transfer on, which so
 * is news whatever touched it before. */
static uint32_t holder_after(const struct descriptor *entry, uint32_t pid, bool transfer)
{
    bool connection = (entry->flags & DESCRIPTOR_CONNECTED) && entry->type != SOCK_DGRAM;
    return connection && !transfer ? pid | DESCRIPTOR_IDLE : pid;
}

static uint32_t holder_pid(const struct descriptor *entry)
{
    return entry->holder & ~DESCRIPTOR_IDLE;
}

static struct sockatlas_body_seen seen_body(const struct descriptor *entry, enum sockatlas_how how)
{
    return (struct sockatlas_body_seen){
        .family = entry->family,
        .type = entry->type,
        .protocol = entry->protocol,
        .how = (uint8_t)how,
        .listening = (entry->flags & DESCRIPTOR_LISTENING) != 0,
        .flags = (uint8_t)((entry->flags & DESCRIPTOR_CLOEXEC ? SOCKATLAS_CLOEXEC : 0) |
                           (entry->flags & DESCRIPTOR_NONBLOCK ? SOCKATLAS_NONBLOCK : 0)),
    };
}

/* Asks the kernel for all of a socket's standing, makes its entry and records it. */
static struct descriptor *snapshot(enum sockatlas_call call, int fd, uint64_t cookie, enum sockatlas_how how)
{
    struct descriptor found = {
        .cookie = cookie,
        .family = (uint8_t)probe_int(fd, SOL_SOCKET, SO_DOMAIN, 0),
        .type = (uint8_t)probe_int(fd, SOL_SOCKET, SO_TYPE, 0),
        .protocol = (uint16_t)probe_int(fd, SOL_SOCKET, SO_PROTOCOL, 0),
        .flags = (uint16_t)(entry_flags(probe_flags(fd)) | DESCRIPTOR_SHARED),
    };
    struct endpoint local, peer;
    probe_local(fd, &local);
    probe_peer(fd, &peer);
    if (endpoint_known(&peer))
        found.flags |= DESCRIPTOR_CONNECTED;
    if (endpoint_is_specific(&local))
        found.flags |= DESCRIPTOR_LOCAL_KNOWN;
    struct sockatlas_body_seen body = seen_body(&found, how);
    body.netns_cookie = probe_netns_cookie(fd);
    body.listening = (uint8_t)probe_int(fd, SOL_SOCKET, SO_ACCEPTCONN, 0);
    if (body.listening)
        found.flags |= DESCRIPTOR_LISTENING;
    body.peer_pid = found.family == AF_UNIX ? probe_peer_pid(fd) : 0;
    struct sockatlas_tcp tcp;
    uint64_t sent, received;
    if (is_tcp(&found) && probe_tcp(fd, &tcp, &sent, &received)) {
        body.tcp_state = tcp.state;
        if (tcp.segs_out || tcp.segs_in)
            found.flags |= DESCRIPTOR_CONNECTED; /* also if it has been reset since */
    }
    unsigned char tail[RECORD_ADDRESSES_MAX];
    size_t size = record_addresses(&body.addresses, tail, &local, &peer, 0);
    struct record record = {.kind = SOCKATLAS_SEEN, .call = call, .fd = fd, .cookie = cookie};
    struct descriptor *entry = watch_adopt(fd, &found);
    if (entry)
        entry->holder = holder_after(entry, entry->holder, how == SOCKATLAS_HOW_USED && is_transfer(call));
    record_write(&record, &body, sizeof(body), tail, size);
    return entry;
}

static void record_used(enum sockatlas_call call, int fd, const struct descriptor *entry)
{
    struct sockatlas_body_seen body = seen_body(entry, SOCKATLAS_HOW_USED);
    record_addresses(&body.addresses, NULL, NULL, NULL, 0);
    struct record record = {.kind = SOCKATLAS_SEEN, .call = call, .fd = fd, .cookie = entry->cookie};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

/* The first use of a socket that this process has from its parent by fork. */
static void take_over(enum sockatlas_call call, int fd, struct descriptor *entry, uint32_t pid)
{
    entry->holder = holder_after(entry, pid, is_transfer(call));
    entry->bytes_sent = entry->bytes_received = 0;
    entry->messages_sent = entry->messages_received = 0;
    entry->peers = 0;
    record_used(call, fd, entry);
}

static struct descriptor *used(enum sockatlas_call call, int fd, struct descriptor *entry)
{
    if (__builtin_expect(entry->holder == process_owner(), 1))
        return entry;
    struct identity who = process_identity();
    if (who.vforked)
        return entry;
    if (holder_pid(entry) != who.pid) {
        take_over(call, fd, entry, who.pid);
    } else if (is_transfer(call)) {
        entry->holder = who.pid;
        record_used(call, fd, entry);
    }
    return entry;
}

/* A number without a known socket: asks whether there is one now. */
static struct descriptor *meet(enum sockatlas_call call, int fd, enum sockatlas_how how)
{
    uint64_t cookie;
    int result = probe_cookie(fd, &cookie);
    if (result == 0)
        return snapshot(call, fd, cookie, how);
    struct descriptor *entry = result == -EBADF ? NULL : descriptor_find(fd);
    if (entry && entry->state == DESCRIPTOR_UNKNOWN)
        entry->state = DESCRIPTOR_OTHER;
    return NULL;
}

/* In a vfork child the parent's table holds only where the kernel says the same. */
static struct descriptor *find_in_child(enum sockatlas_call call, int fd, enum sockatlas_how how)
{
    uint64_t cookie;
    struct descriptor *entry = descriptor_find(fd);
    if (probe_cookie(fd, &cookie) != 0)
        return NULL;
    if (entry && entry->state == DESCRIPTOR_SOCKET && entry->cookie == cookie)
        return entry;
    if (child_entry.state == DESCRIPTOR_SOCKET && child_entry.cookie == cookie)
        return &child_entry;
    return snapshot(call, fd, cookie, how);
}

struct descriptor *watch_socket_used(enum sockatlas_call call, int fd)
{
    if (fd < 0 || !config.on)
        return NULL;
    if (process_in_vfork())
        return find_in_child(call, fd, SOCKATLAS_HOW_USED);
    struct descriptor *entry = descriptor_find(fd);
    if (entry && entry->state == DESCRIPTOR_SOCKET)
        return used(call, fd, entry);
    return meet(call, fd, SOCKATLAS_HOW_USED);
}

struct descriptor *watch_any_used(enum sockatlas_call call, int fd)
{
    struct descriptor *entry = descriptor_find(fd);
    if (entry && entry->state == DESCRIPTOR_OTHER && !process_in_vfork())
        return NULL;
    return watch_socket_used(call, fd);
}

void watch_received(enum sockatlas_call call, int fd)
{
    uint64_t cookie;
    if (fd >= 0 && config.on && probe_cookie(fd, &cookie) == 0)
        snapshot(call, fd, cookie, SOCKATLAS_HOW_RECEIVED);
}

/* A new socket's namespace: 0 while it can only be the header's, whose cookie the first socket tells. */
static uint64_t netns_of(int fd)
{
    struct sockatlas_header *header = log_header();
    if (process_netns_changed())
        return probe_netns_cookie(fd);
    if (header && !header->netns_cookie)
        header->netns_cookie = probe_netns_cookie(fd);
    return 0;
}

void watch_socket(enum sockatlas_call call, int fd, int error, int family, int type, int protocol)
{
    if (!config.on)
        return;
    struct descriptor entry = {
        .family = (uint8_t)family,
        .type = (uint8_t)(type & TYPE_MASK),
        .protocol = protocol_of(family, type & TYPE_MASK, protocol),
        .flags = entry_flags(flags_of(type)),
    };
    struct sockatlas_body_socket body = {
        .family = (uint16_t)family, .type = entry.type, .flags = flags_of(type), .protocol = entry.protocol};
    if (fd >= 0) {
        probe_cookie(fd, &entry.cookie);
        body.netns_cookie = netns_of(fd);
        watch_adopt(fd, &entry);
    }
    struct record record = {.kind = SOCKATLAS_SOCKET, .call = call, .error = error, .fd = fd, .cookie = entry.cookie};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

void watch_socketpair(enum sockatlas_call call, const int fds[2], int error, int family, int type, int protocol)
{
    if (!config.on)
        return;
    struct descriptor entry = {
        .family = (uint8_t)family,
        .type = (uint8_t)(type & TYPE_MASK),
        .protocol = (uint16_t)protocol,
        .flags = (uint16_t)(entry_flags(flags_of(type)) | DESCRIPTOR_CONNECTED),
    };
    struct sockatlas_body_socketpair body = {
        .family = (uint16_t)family, .type = entry.type, .flags = flags_of(type), .protocol = protocol, .fd2 = -1};
    struct record record = {.kind = SOCKATLAS_SOCKETPAIR, .call = call, .error = error, .fd = -1};
    if (!error) {
        probe_cookie(fds[1], &entry.cookie);
        watch_adopt(fds[1], &entry);
        body.fd2 = fds[1];
        body.cookie2 = entry.cookie;
        probe_cookie(fds[0], &entry.cookie);
        watch_adopt(fds[0], &entry);
        record.fd = fds[0];
        record.cookie = entry.cookie;
    }
    record_write(&record, &body, sizeof(body), NULL, 0);
}

/* Whether a connection in TCP_CLOSE got a FIN on its way there. Without an error both ends said FIN; a reset after the
 * peer's FIN leaves EPIPE, one before it ECONNRESET (tcp_reset()). Reading the error clears it: where others hold the
 * socket, only whether there is one is asked. */
static bool closed_by_fin(int fd, const struct descriptor *entry)
{
    if (entry->flags & DESCRIPTOR_ERROR_SEEN)
        return false;
    if ((entry->flags & DESCRIPTOR_SHARED) || entry->forks != process_forks())
        return !probe_failed(fd);
    int error = probe_int(fd, SOL_SOCKET, SO_ERROR, 0);
    return error == 0 || error == EPIPE;
}

/* The kernel counts a FIN that was received as a byte (net/ipv4/tcp_input.c, tcp_rcv_nxt_update()). Whether one was
 * follows from the state; in TCP_CLOSE only from how the connection came to its end. */
static bool fin_received(int fd, const struct descriptor *entry, uint8_t tcp_state)
{
    enum { CLOSE = 7, CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 }; /* include/net/tcp_states.h */
    if (tcp_state == CLOSE)
        return closed_by_fin(fd, entry);
    return tcp_state == CLOSE_WAIT || tcp_state == LAST_ACK || tcp_state == CLOSING;
}

/* For counts of a connection that seemed not to have got a FIN. tcp_get_info() reads the state first, and without the
 * lock under which it counts: a FIN that came in between is in the count. Where the state is still the same, none did;
 * else the counts are taken again. */
static bool count_again(int fd, struct sockatlas_tcp *tcp, uint64_t *sent, uint64_t *received)
{
    struct sockatlas_tcp after;
    uint64_t sent_after, received_after;
    if (!probe_tcp(fd, &after, &sent_after, &received_after) || after.state == tcp->state)
        return false;
    *tcp = after;
    *sent = sent_after;
    *received = received_after;
    return true;
}

/* The program has read, by this descriptor alone, all that came: then there was no FIN, and nothing need be asked. */
static bool all_read(const struct descriptor *entry, uint64_t bytes)
{
    return bytes == 0 || (entry->protocol == IPPROTO_TCP && entry->bytes_received == bytes);
}

/* The buffer sizes in force are worth a system call where the program set them, or where enough went through for the
 * kernel to have tuned them; elsewhere they are the namespace's defaults. */
static bool buffers_matter(const struct descriptor *entry, uint64_t bytes)
{
    enum { TUNED = 64 << 10 };
    return (entry->flags & DESCRIPTOR_BUFFERS) || bytes >= TUNED;
}

/* The CLOSE record: `entry` is a copy, the table's may be gone. One that this process only inherited and never used
 * goes on elsewhere: there is nothing to ask of it. */
static void record_end(enum sockatlas_call call, int fd, struct descriptor *entry, bool own)
{
    struct sockatlas_body_close body = {0};
    struct sockatlas_tcp tcp;
    size_t tail = 0;
    if (own && (entry->flags & DESCRIPTOR_COUNTED)) {
        body.bytes_sent = entry->bytes_sent;
        body.bytes_received = entry->bytes_received;
        body.messages_sent = entry->messages_sent;
        body.messages_received = entry->messages_received;
    }
    if (own && entry->peers)
        watch_peers_end(call, fd, entry);
    if (own && is_tcp(entry) && (entry->flags & (DESCRIPTOR_CONNECTED | DESCRIPTOR_CONNECTING)) &&
        probe_tcp(fd, &tcp, &body.bytes_sent, &body.bytes_received)) {
        tail = sizeof(tcp);
        bool doubtful = !all_read(entry, body.bytes_received);
        bool fin = doubtful && fin_received(fd, entry, tcp.state);
        if (doubtful && !fin && count_again(fd, &tcp, &body.bytes_sent, &body.bytes_received))
            fin = fin_received(fd, entry, tcp.state);
        body.bytes_received -= fin;
    }
    if (own && buffers_matter(entry, body.bytes_sent + body.bytes_received))
        probe_buffers(fd, &body.rcvbuf, &body.sndbuf);
    struct record record = {.kind = SOCKATLAS_CLOSE, .call = call, .fd = fd, .cookie = entry->cookie};
    record_write(&record, &body, sizeof(body), &tcp, tail);
}

static void close_in_child(enum sockatlas_call call, int fd)
{
    struct descriptor *entry = find_in_child(call, fd, SOCKATLAS_HOW_INHERITED);
    if (!entry)
        return;
    struct descriptor copy = *entry;
    record_end(call, fd, &copy, false);
}

void watch_close(enum sockatlas_call call, int fd)
{
    if (fd < 0 || !config.on)
        return;
    if (process_in_vfork()) {
        close_in_child(call, fd);
        return;
    }
    struct descriptor *entry = descriptor_find(fd);
    if (entry && entry->state == DESCRIPTOR_OTHER)
        return;
    if (!entry || entry->state == DESCRIPTOR_UNKNOWN)
        entry = meet(call, fd, SOCKATLAS_HOW_INHERITED);
    if (!entry)
        return;
    if (__atomic_exchange_n(&entry->state, DESCRIPTOR_OTHER, __ATOMIC_ACQ_REL) != DESCRIPTOR_SOCKET)
        return;
    struct descriptor copy = *entry;
    bool own = holder_pid(&copy) == process_identity().pid;
    if (own && (copy.flags & DESCRIPTOR_CONNECTING)) {
        watch_connect_settle(call, fd, &copy);
        watch_pending_remove(fd);
    }
    record_end(call, fd, &copy, own);
}

void watch_close_range(enum sockatlas_call call, unsigned first, unsigned last)
{
    int highest = descriptor_highest();
    for (int fd = first > INT_MAX ? INT_MAX : (int)first; fd <= highest && (unsigned)fd <= last; fd++) {
        struct descriptor *entry = descriptor_find(fd);
        if (entry && entry->state == DESCRIPTOR_SOCKET)
            watch_close(call, fd);
    }
}

void watch_replace(enum sockatlas_call call, int from, int to, int flags)
{
    if (config.on && from != to && from >= 0 && to >= 0 && !(flags & ~O_CLOEXEC) && probe_open(from))
        watch_close(call, to);
}

void watch_dup(enum sockatlas_call call, int old, int fd, bool cloexec)
{
    if (!config.on)
        return;
    struct descriptor *entry = watch_any_used(call, old);
    struct descriptor *target = descriptor_find(fd);
    if (!entry) {
        if (target && !process_identity().vforked)
            target->state = DESCRIPTOR_OTHER;
        return;
    }
    if (!process_identity().vforked)
        descriptor_set(entry, DESCRIPTOR_SHARED, 0);
    struct descriptor copy = *entry;
    copy.flags = (uint16_t)((copy.flags & ~DESCRIPTOR_CLOEXEC) | (cloexec ? DESCRIPTOR_CLOEXEC : 0));
    copy.bytes_sent = copy.bytes_received = 0;
    copy.messages_sent = copy.messages_received = 0;
    copy.peers = 0;
    struct descriptor *made = watch_adopt(fd, &copy);
    if (made)
        made->holder |= copy.holder & DESCRIPTOR_IDLE;
    struct sockatlas_body_dup body = {.old_fd = old, .flags = cloexec ? SOCKATLAS_CLOEXEC : 0};
    struct record record = {.kind = SOCKATLAS_DUP, .call = call, .fd = fd, .cookie = copy.cookie};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

/* What a descriptor's flags are now, where that is news. */
static void note_flags(enum sockatlas_call call, int fd, struct descriptor *entry, uint32_t now)
{
    uint16_t flags = entry_flags(now);
    if ((entry->flags & (DESCRIPTOR_CLOEXEC | DESCRIPTOR_NONBLOCK)) == flags)
        return;
    if (!process_identity().vforked)
        descriptor_set(entry, flags, (uint16_t)((DESCRIPTOR_CLOEXEC | DESCRIPTOR_NONBLOCK) & ~flags));
    struct sockatlas_body_flags body = {.flags = now};
    struct record record = {.kind = SOCKATLAS_FLAGS, .call = call, .fd = fd, .cookie = entry->cookie};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

void watch_flags(enum sockatlas_call call, int fd)
{
    struct descriptor *entry = config.on ? watch_any_used(call, fd) : NULL;
    if (entry)
        note_flags(call, fd, entry, probe_flags(fd));
}

void watch_flag(enum sockatlas_call call, int fd, uint32_t flag, bool set)
{
    struct descriptor *entry = config.on ? watch_any_used(call, fd) : NULL;
    if (!entry)
        return;
    /* Another descriptor of the socket may have changed what they share. */
    if ((entry->flags & DESCRIPTOR_SHARED) || entry->forks != process_forks()) {
        note_flags(call, fd, entry, probe_flags(fd));
        return;
    }
    uint32_t now = (entry->flags & DESCRIPTOR_CLOEXEC ? SOCKATLAS_CLOEXEC : 0) |
                   (entry->flags & DESCRIPTOR_NONBLOCK ? SOCKATLAS_NONBLOCK : 0);
    note_flags(call, fd, entry, set ? now | flag : now & ~flag);
}

/* Room for what a sandboxed process may still record: it can make none itself. */
void watch_confine(enum sockatlas_call call)
{
    enum { SLOTS_AHEAD = 4096 };
    if (!config.on || process_identity().vforked)
        return;
    if (log_is_open()) {
        coverage_record(call, SOCKATLAS_COVERAGE_SECCOMP, "sandboxed: from here on nothing is asked of the kernel");
        log_ahead(SLOTS_AHEAD);
    }
    process_confine();
}

void watch_exit(enum sockatlas_call call, int status)
{
    struct sockatlas_header *header = log_header();
    if (!header || __atomic_load_n(&header->cursor, __ATOMIC_RELAXED) == 0)
        return;
    struct identity who = process_identity();
    for (int fd = who.vforked ? -1 : descriptor_highest(); fd >= 0; fd--) {
        struct descriptor *entry = descriptor_find(fd);
        if (!entry || entry->state != DESCRIPTOR_SOCKET || holder_pid(entry) != who.pid)
            continue;
        if (entry->flags & DESCRIPTOR_CONNECTING)
            watch_connect_settle(call, fd, entry);
        struct descriptor copy = *entry;
        record_end(call, fd, &copy, true);
    }
    struct sockatlas_body_exit body = {.status = status};
    struct record record = {.kind = SOCKATLAS_EXIT, .call = call, .fd = -1};
    record_write(&record, &body, sizeof(body), NULL, 0);
}
