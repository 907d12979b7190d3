/* SPDX-License-Identifier: MIT
 *
 * How a descriptor comes to be known: made here, met in use, taken over from a parent, handed in from outside. Callable
 * from anywhere; in a vfork child the parent's table is only read.
 */
#include "shim/watch.h"

#include "shim/count.h"
#include "shim/detail.h"
#include "shim/probe.h"
#include "shim/record.h"
#include "shim/thread.h"

#include <errno.h>
#include <stddef.h>

/* The sockets that this thread's vfork child made or met last: the table is its parent's. */
enum { CHILD_SOCKETS = 4 };
static THREAD struct {
    struct descriptor entries[CHILD_SOCKETS];
    unsigned next;
    uint32_t pid;
    int highest; /* number that was a socket */
} vfork_child_of;
#define vfork_child THREAD_OWN(vfork_child_of)

static struct descriptor *child_entry(uint32_t pid, int fd)
{
    if (vfork_child.pid != pid || vfork_child.highest < fd)
        vfork_child.highest = fd;
    vfork_child.pid = pid;
    return &vfork_child.entries[vfork_child.next++ % CHILD_SOCKETS];
}

static struct descriptor *child_find(uint64_t cookie)
{
    for (unsigned i = 0; i < CHILD_SOCKETS; i++)
        if (vfork_child.entries[i].state == DESCRIPTOR_SOCKET && vfork_child.entries[i].cookie == cookie)
            return &vfork_child.entries[i];
    return NULL;
}

int watch_child_highest(void)
{
    bool made = process_in_vfork() && vfork_child.pid == process_identity().pid;
    return made ? vfork_child.highest : -1;
}

struct descriptor *watch_adopt(int fd, const struct descriptor *from)
{
    struct identity who = process_identity();
    struct descriptor *entry = who.vforked ? child_entry(who.pid, fd) : descriptor_find(fd);
    if (__builtin_expect(!entry, 0))
        entry = descriptor_make(fd);
    if (!entry) {
        log_lose(SOCKATLAS_LOSS_TABLE);
        return NULL;
    }
    uint64_t sent = entry->sent, received = entry->received;
    *entry = *from;
    entry->sent = count_next(sent);
    entry->received = count_next(received);
    entry->holder = who.pid;
    entry->forks = process_forks();
    if (!descriptor_is_tcp(entry))
        descriptor_set(entry, DESCRIPTOR_COUNTED, 0);
    if (who.vforked) {
        entry->state = DESCRIPTOR_SOCKET;
    } else {
        descriptor_come(fd, entry);
        process_hold();
    }
    return entry;
}

static bool is_transfer(enum sockatlas_call call)
{
    return (call >= SOCKATLAS_CALL_read && call <= SOCKATLAS_CALL_splice) || call == SOCKATLAS_CALL_shutdown ||
           call == SOCKATLAS_CALL_dprintf;
}

/* Whose an entry is once `call` has touched it: who is handed a connection has it from his first transfer on, which so
 * is news whatever touched it before. */
static uint32_t holder_after(const struct descriptor *entry, uint32_t pid, bool transfer)
{
    bool connection = (entry->flags & DESCRIPTOR_CONNECTED) && entry->type != SOCK_DGRAM;
    return connection && !transfer ? pid | DESCRIPTOR_IDLE : pid;
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

static inline __attribute__((always_inline)) void record_seen(struct record *record,
                                                              const struct sockatlas_body_seen *seen,
                                                              const struct endpoint *local, const struct endpoint *peer)
{
    size_t size = record_addresses_size(local, peer);
    struct sockatlas_body_seen *body =
        record->about ? record_begin(record, sizeof(*body), size) : record_begin_first(record, sizeof(*body), size);
    if (!body)
        return;
    *body = *seen;
    record_addresses(body, sizeof(*body), &body->addresses, local, peer, 0);
    record_commit(body, SOCKATLAS_SEEN);
}

/* By itself, so that its answer is off the stack when the record is made. */
static __attribute__((noinline)) void ask_tcp(int fd, struct descriptor *found, struct sockatlas_body_seen *body)
{
    struct sockatlas_tcp tcp;
    uint64_t sent, received;
    if (!probe_tcp(fd, &tcp, &sent, &received))
        return;
    body->tcp_state = tcp.state;
    if (probe_segments_out(&tcp) || probe_segments_in(&tcp))
        found->flags |= DESCRIPTOR_CONNECTED; /* also if it has been reset since */
}

/* Asks the kernel for all of a socket's standing, makes its entry and records it. */
static struct descriptor *snapshot(enum sockatlas_call call, int fd, uint64_t cookie, enum sockatlas_how how)
{
    struct descriptor found = {
        .cookie = cookie,
        .family = (uint8_t)probe_int(fd, SOL_SOCKET, SO_DOMAIN, 0),
        .type = (uint8_t)probe_int(fd, SOL_SOCKET, SO_TYPE, 0),
        .protocol = (uint16_t)probe_int(fd, SOL_SOCKET, SO_PROTOCOL, 0),
        .flags = (uint16_t)(descriptor_flags_of(probe_flags(fd)) | DESCRIPTOR_SHARED),
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
    if (descriptor_is_tcp(&found))
        ask_tcp(fd, &found, &body);
    struct descriptor *entry = watch_adopt(fd, &found);
    if (entry)
        entry->holder = holder_after(entry, entry->holder, how == SOCKATLAS_HOW_USED && is_transfer(call));
    struct record record = {.call = call, .fd = fd, .cookie = cookie};
    record_seen(&record, &body, &local, &peer);
    if (entry) {
        entry->told = record.section;
        detail_addresses(fd, entry, &local, &peer);
    }
    return entry;
}

void watch_addresses(enum sockatlas_call call, int fd, struct descriptor *entry, const struct endpoint *local,
                     const struct endpoint *peer)
{
    struct sockatlas_body_seen body = seen_body(entry, SOCKATLAS_HOW_USED);
    struct record record = {.call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    record_seen(&record, &body, local, peer);
}

/* The first use of a socket that this process has from its parent by fork. */
static void take_over(enum sockatlas_call call, int fd, struct descriptor *entry, uint32_t pid)
{
    entry->holder = holder_after(entry, pid, is_transfer(call));
    entry->sent = count_next(entry->sent);
    entry->received = count_next(entry->received);
    entry->messages_sent = entry->messages_received = 0;
    entry->peers = 0;
    process_hold();
    watch_addresses(call, fd, entry, NULL, NULL);
}

static struct descriptor *used(enum sockatlas_call call, int fd, struct descriptor *entry)
{
    if (__builtin_expect(entry->holder == process_owner(), 1))
        return entry;
    struct identity who = process_identity();
    if (who.vforked)
        return entry;
    if (descriptor_holder(entry) != who.pid) {
        take_over(call, fd, entry, who.pid);
    } else if (is_transfer(call)) {
        entry->holder = who.pid;
        watch_addresses(call, fd, entry, NULL, NULL);
    }
    return entry;
}

struct descriptor *watch_meet(enum sockatlas_call call, int fd, enum sockatlas_how how)
{
    uint64_t cookie;
    int result = probe_cookie(fd, &cookie);
    if (result == 0)
        return snapshot(call, fd, cookie, how);
    struct descriptor *entry = result == -EBADF || result == -EPERM ? NULL : descriptor_find(fd);
    if (entry && entry->state == DESCRIPTOR_UNKNOWN)
        entry->state = DESCRIPTOR_OTHER;
    return NULL;
}

struct descriptor *watch_find_in_child(enum sockatlas_call call, int fd, enum sockatlas_how how)
{
    uint64_t cookie;
    struct descriptor *entry = descriptor_find(fd);
    if (probe_cookie(fd, &cookie) != 0)
        return NULL;
    if (entry && entry->state == DESCRIPTOR_SOCKET && entry->cookie == cookie)
        return entry;
    entry = child_find(cookie);
    return entry ? entry : snapshot(call, fd, cookie, how);
}

struct descriptor *watch_socket_used_slowly(enum sockatlas_call call, int fd)
{
    if (fd < 0 || !config.on)
        return NULL;
    if (process_in_vfork())
        return watch_find_in_child(call, fd, SOCKATLAS_HOW_USED);
    struct descriptor *entry = descriptor_find(fd);
    if (entry && entry->state == DESCRIPTOR_SOCKET)
        return used(call, fd, entry);
    return watch_meet(call, fd, SOCKATLAS_HOW_USED);
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
