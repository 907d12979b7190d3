/* SPDX-License-Identifier: MIT
 *
 * What the wrappers hand over: something happened to a descriptor. Each function keeps the descriptor table, asks the
 * probe for what is still unknown, and writes the records. They never touch errno. Callable from anywhere; in a vfork
 * child they leave the table alone. `error` is 0 or the call's errno; `call` names the entry point.
 */
#ifndef SHIM_WATCH_H
#define SHIM_WATCH_H

#include "shim/config.h"
#include "shim/count.h"
#include "shim/descriptor.h"
#include "shim/endpoint.h"
#include "shim/log.h"
#include "shim/process.h"
#include "shim/sandbox.h"
#include "shim/trace_format.h"

#include <sys/types.h>

/* ---- watch_entry.c ---- */

/* The entry of a descriptor that a socket call was made on. One not known as a socket is asked for now (and recorded as
 * seen first); NULL when it is none. Marks it as used by this process. */
struct descriptor *watch_socket_used_slowly(enum sockatlas_call call, int fd);
static inline struct descriptor *watch_socket_used(enum sockatlas_call call, int fd)
{
    struct descriptor *entry = descriptor_find(fd);
    if (__builtin_expect(entry && entry->state == DESCRIPTOR_SOCKET && process_settled_as(entry->holder), 1))
        return entry;
    return watch_socket_used_slowly(call, fd);
}
/* The same for a call that any descriptor may be given: only one never met before is asked for. */
struct descriptor *watch_any_used(enum sockatlas_call call, int fd);
/* A descriptor that came in from outside: over a unix socket or by pidfd_getfd. */
void watch_received(enum sockatlas_call call, int fd);
/* Records that it is used, and addresses of it that have become known; NULL none. */
void watch_addresses(enum sockatlas_call call, int fd, struct descriptor *entry, const struct endpoint *local,
                     const struct endpoint *peer);
/* A number without a known socket: asks whether there is one now, and records it as seen. NULL: none. */
struct descriptor *watch_meet(enum sockatlas_call call, int fd, enum sockatlas_how how);
/* The same in a vfork child, where the parent's table holds only what the kernel says too. */
struct descriptor *watch_find_in_child(enum sockatlas_call call, int fd, enum sockatlas_how how);
/* Makes `entry` a socket's. NULL where the table cannot hold it. In a vfork child the last few are kept. */
struct descriptor *watch_adopt(int fd, const struct descriptor *entry);
/* The highest number that was a socket of this vfork child's own; -1: none, or this is no vfork child. */
int watch_child_highest(void);

/* ---- watch_close.c ---- */

/* Whether a close_range() with these arguments, without CLOSE_RANGE_CLOEXEC, will close anything: a kernel that does
 * not know the call, or a flag of it, closes nothing. One system call. */
bool watch_will_close(unsigned first, unsigned last, int flags);
/* Descriptors first..last are about to be closed: those known as sockets are as by watch_close(). */
void watch_close_range(enum sockatlas_call call, unsigned first, unsigned last);
/* Before the real close: takes the entry out, then asks and records how the socket ended. */
void watch_close(enum sockatlas_call call, int fd);
/* Before a dup2 or dup3: the socket that `to` is goes, unless the call will fail or both are one. */
void watch_replace(enum sockatlas_call call, int from, int to, int flags);
/* The process ends now: records the state of each socket it used. */
void watch_exit(enum sockatlas_call call, int status);

/* ---- watch_descriptor.c ---- */

void watch_socket(enum sockatlas_call call, int fd, int error, int family, int type, int protocol);
void watch_socketpair(enum sockatlas_call call, const int fds[2], int error, int family, int type, int protocol);
/* After a dup: `fd` now is what `old` is. What `fd` was before has been through watch_close(). */
void watch_dup(enum sockatlas_call call, int old, int fd, bool cloexec);
/* Descriptor or status flags may have changed (fcntl, ioctl). */
void watch_flags(enum sockatlas_call call, int fd);
/* One of them (SOCKATLAS_CLOEXEC or SOCKATLAS_NONBLOCK) was set or cleared. Asks the kernel only where others may hold
 * the socket too. */
void watch_flag(enum sockatlas_call call, int fd, uint32_t flag, bool set);
/* The calling thread, or each thread of the process, is about to enter a seccomp sandbox; and then, whether it did. */
enum watch_sandbox { WATCH_SANDBOX_STRICT, WATCH_SANDBOX_FILTER, WATCH_SANDBOX_FILTER_ALL };
struct sandbox_entering watch_sandbox(enum watch_sandbox kind);
void watch_sandboxed(enum sockatlas_call call, const struct sandbox_entering *entering, bool entered);

/* ---- watch_connection.c ---- */

void watch_bind(enum sockatlas_call call, int fd, int error, const struct sockaddr *address, socklen_t size);
void watch_listen(enum sockatlas_call call, int fd, int error, int backlog);
/* Before a connect(), or what does the same: where it may wait, the attempt is recorded now, since the call need not
 * return. The result is for watch_connect(). */
struct watch_attempt {
    uint64_t started_ns; /* 0: nothing is recorded in this process */
    bool recorded;
};
struct watch_attempt watch_connecting(enum sockatlas_call call, int fd, const struct sockaddr *address, socklen_t size);
/* After it. */
void watch_connect(enum sockatlas_call call, int fd, int error, const struct sockaddr *address, socklen_t size,
                   struct watch_attempt attempt);
/* A send with MSG_FASTOPEN, which connects to `address` too. */
void watch_fast_open(enum sockatlas_call call, int fd, int error, const struct sockaddr *address, socklen_t size,
                     struct watch_attempt attempt);
/* A pending connect is known to have ended with `error` (0: established). */
void watch_connected(enum sockatlas_call call, int fd, struct descriptor *entry, int error);
/* A descriptor with a pending connect is about to go: finds out how the connect stands. */
void watch_connect_settle(enum sockatlas_call call, int fd, struct descriptor *entry);
/* `fd`: the new socket or -1; `peer`: its address as accept() gave it, `flags`: SOCK_CLOEXEC | SOCK_NONBLOCK. */
void watch_accept(enum sockatlas_call call, int listener, int fd, int error, const struct sockaddr *peer,
                  socklen_t size, int flags);
void watch_shutdown(enum sockatlas_call call, int fd, int error, int how);
/* getsockname() or getpeername() succeeded. In a sandbox, where nobody else tells, the address that the program was
 * told is recorded; size 0: it is not known whole. */
void watch_told(enum sockatlas_call call, int fd, const struct sockaddr *address, socklen_t size);

/* ---- watch_pending.c ---- */

/* A waiting call has returned: records the connects that have ended. */
void watch_pending(enum sockatlas_call call);

/* ---- watch_option.c ---- */

void watch_setsockopt(enum sockatlas_call call, int fd, int error, int level, int name, const void *value,
                      socklen_t size);
void watch_getsockopt(enum sockatlas_call call, int fd, int error, int level, int name, const void *value,
                      const socklen_t *size);

/* ---- watch_transfer.c ---- */

enum watch_direction { WATCH_IN, WATCH_OUT };

/* A transfer that is under way, so that it is counted for the socket that it was begun on. */
struct watch_transfer {
    struct descriptor *entry; /* NULL: it is not counted here, or the socket is not known yet */
    uint64_t cookie;
    uint64_t began; /* its count's word */
    bool counted;   /* here, not by the kernel */
    bool send;      /* noted in that word */
    bool late;      /* its descriptor was closed before it was over */
    bool first;     /* the process has the socket from its parent, and may use it from now on */
};

/* The descriptor is not one that this process is known to use: it does from now on, where it sends. False: nothing is
 * noted of the transfer. */
bool watch_begin_first(enum sockatlas_call call, enum watch_direction direction, int fd, struct descriptor *entry);

/* Before a transfer call. */
static inline struct watch_transfer watch_begin(enum sockatlas_call call, enum watch_direction direction, int fd)
{
    struct watch_transfer transfer = {.entry = NULL};
    struct descriptor *entry = descriptor_find(fd);
    if (!entry || entry->state == DESCRIPTOR_OTHER)
        return transfer;
    bool known = entry->state == DESCRIPTOR_SOCKET && entry->holder == process_owner();
    if (__builtin_expect(!known, 0) && !watch_begin_first(call, direction, fd, entry))
        return transfer;
    bool counted = entry->flags & DESCRIPTOR_COUNTED;
    if ((direction == WATCH_OUT && !counted) || process_in_vfork())
        return transfer;
    transfer.first = entry->holder != process_owner();
    transfer.counted = counted;
    transfer.cookie = entry->cookie;
    transfer.began = __atomic_load_n(direction == WATCH_OUT ? &entry->sent : &entry->received, __ATOMIC_RELAXED);
    transfer.send = direction == WATCH_OUT && count_begin(&entry->sent, &transfer.began);
    transfer.entry = entry;
    return transfer;
}

/* A descriptor was closed while so many sends of other threads were under way on it. */
void watch_expect(unsigned sends);
/* The process ends: what they come to is told by threads that end with it, so they are given a moment. */
void watch_await(void);

/* As watch_io(), for what it leaves. */
void watch_io_slowly(enum sockatlas_call call, enum watch_direction direction, int fd, struct watch_transfer *transfer,
                     ssize_t result, size_t requested);

/* ---- watch_datagram.c ---- */

/* Does the descriptor exchange messages with whom it likes, so that each message's peer is worth knowing? */
static inline bool watch_wants_peer(int fd)
{
    struct descriptor *entry = descriptor_find(fd);
    return entry && entry->state == DESCRIPTOR_SOCKET && !(entry->flags & DESCRIPTOR_CONNECTED) &&
           entry->type != SOCK_STREAM && entry->type != SOCK_SEQPACKET && config.on;
}
/* Before a call that tells the peer: may it want to be known? A descriptor that was never met may turn out to be such a
 * one. */
static inline bool watch_may_want_peer(int fd)
{
    struct descriptor *entry = descriptor_find(fd);
    return config.on && (!entry || entry->state == DESCRIPTOR_UNKNOWN || watch_wants_peer(fd));
}
/* A message of `bytes` went to or came from `address` (size 0: unknown, or the connected peer). After watch_io(). */
void watch_message(enum sockatlas_call call, enum watch_direction direction, int fd,
                   const struct watch_transfer *transfer, const struct sockaddr *address, socklen_t size, size_t bytes);
/* A datagram socket goes: its peers' totals. `entry` is a copy. */
void watch_peers_end(enum sockatlas_call call, int fd, struct descriptor *entry);

/* ---- watch_rights.c ---- */

/* Descriptors sent or received with SCM_RIGHTS: walks all control messages. After the call succeeded. */
void watch_rights_sent(enum sockatlas_call call, int fd, const struct msghdr *message);
void watch_rights_received(enum sockatlas_call call, const struct msghdr *message);

/* What was read from a young TCP connection is counted: where the kernel has had no more from the peer, there was no
 * FIN (watch_close()). Not for long, so that two threads at one connection do not pass its cache line to and fro; and a
 * count lost to a race only makes it one that the kernel must be asked about. */
enum { WATCH_YOUNG = 64 };
static inline void watch_young(struct descriptor *entry, const struct watch_transfer *transfer, ssize_t received)
{
    uint64_t word = entry->received;
    bool same = !transfer->entry || COUNT_WHICH(word) == COUNT_WHICH(transfer->began);
    if (entry->messages_received < WATCH_YOUNG && same) {
        entry->messages_received++;
        entry->received = word + (uint64_t)received;
    }
}

/* After a transfer call, with errno as it left it: `result` bytes, or -1, of `requested` (0: not known). An ordinary
 * transfer on an established TCP connection ends here, after reading one cache line: the kernel counts its bytes. */
static inline void watch_io(enum sockatlas_call call, enum watch_direction direction, int fd,
                            struct watch_transfer *transfer, ssize_t result, size_t requested)
{
    struct descriptor *entry = descriptor_find(fd);
    if (!config.on || (entry && entry->state == DESCRIPTOR_OTHER && !transfer->entry))
        return;
    if (__builtin_expect(entry && entry->state == DESCRIPTOR_SOCKET && result > 0 && !config.io, 1) &&
        !(entry->flags & (DESCRIPTOR_CONNECTING | DESCRIPTOR_COUNTED)) && entry->holder == process_owner() &&
        !transfer->counted) {
        if (direction == WATCH_IN)
            watch_young(entry, transfer, result);
        return;
    }
    watch_io_slowly(call, direction, fd, transfer, result, requested);
}

#endif
