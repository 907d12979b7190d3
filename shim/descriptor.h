/* SPDX-License-Identifier: MIT
 *
 * The descriptor table: what this process knows of each descriptor number, one cache line each. No lock: a number
 * belongs to whoever the kernel gave it to, and its entry is taken out before the number is given back. Callable from
 * anywhere; a vfork child may read it but must not change it.
 */
#ifndef SHIM_DESCRIPTOR_H
#define SHIM_DESCRIPTOR_H

#include "shim/trace_format.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum descriptor_state {
    DESCRIPTOR_UNKNOWN = 0, /* never met */
    DESCRIPTOR_OTHER = 1,   /* was not a socket when last met, or has been closed since */
    DESCRIPTOR_SOCKET = 2,
};

enum descriptor_flag {
    DESCRIPTOR_CONNECTING = 1,  /* a connect() returned EINPROGRESS and its end is not known */
    DESCRIPTOR_CONNECTED = 2,   /* is or was connected: TCP_INFO is worth asking */
    DESCRIPTOR_LOCAL_KNOWN = 4, /* its local address is recorded and can not change */
    DESCRIPTOR_SHARED = 8,      /* other descriptors or processes may hold the same socket */
    DESCRIPTOR_COUNTED = 16,    /* its transfers are counted here: no TCP */
    DESCRIPTOR_ERROR_SEEN = 32, /* an ERROR record was made */
    DESCRIPTOR_NONBLOCK = 64,
    DESCRIPTOR_CLOEXEC = 128,
    DESCRIPTOR_SHUT = 256,          /* the program has shut down its sending side */
    DESCRIPTOR_CONNECT_TIMED = 512, /* the pending connect() is over, its error not fetched yet */
    DESCRIPTOR_BUFFERS = 1024,      /* the program has set a buffer size */
    DESCRIPTOR_LISTENING = 2048,
    DESCRIPTOR_STREAM = 4096, /* a stream of stdio's was made of it, whose transfers nobody sees */
    DESCRIPTOR_ACCEPTED = 8192,
    DESCRIPTOR_CALLED = 16384, /* connect() was called on it, and went on or through */
    DESCRIPTOR_TOLD = 32768,   /* its peer's address is recorded because the program was told it in a sandbox */
};

/* In `holder`: a connection that came from another process or image, and on which this one has not sent or received. */
#define DESCRIPTOR_IDLE 0x80000000u

struct descriptor {
    uint64_t cookie;
    uint64_t sent; /* count.h's words: by this process, since `holder` became it */
    uint64_t received;
    uint32_t messages_sent;
    uint32_t messages_received;
    uint64_t
        connect_ns;  /* when connect() was called, or it was accepted; with CONNECT_TIMED, how long connect() took */
    uint32_t holder; /* pid the counts belong to (a forked child starts at 0 again) | DESCRIPTOR_IDLE */
    uint32_t peers;  /* datagram peers: index of its set, 0 none */
    uint16_t protocol;
    uint16_t flags; /* enum descriptor_flag */
    uint8_t family;
    uint8_t type;
    uint8_t state;  /* enum descriptor_state */
    uint8_t error;  /* with ERROR_SEEN: which was seen first */
    uint32_t forks; /* process_forks() when it was made: if that differs now, a child may hold it too */
    uint32_t told;  /* the section of the ring that tells of it, as struct record has it; 0 none */
} __attribute__((aligned(64)));

/* The process whose entry it is. */
static inline uint32_t descriptor_holder(const struct descriptor *entry)
{
    return entry->holder & ~DESCRIPTOR_IDLE;
}

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Whether the kernel counts its bytes. */
static inline bool descriptor_is_tcp(const struct descriptor *entry)
{
    bool inet = entry->family == AF_INET || entry->family == AF_INET6;
    return inet && entry->type == SOCK_STREAM && (entry->protocol == IPPROTO_TCP || entry->protocol == IPPROTO_MPTCP);
}

/* enum sockatlas_flag as the entry's. */
static inline uint16_t descriptor_flags_of(uint32_t flags)
{
    return (uint16_t)((flags & SOCKATLAS_CLOEXEC ? DESCRIPTOR_CLOEXEC : 0) |
                      (flags & SOCKATLAS_NONBLOCK ? DESCRIPTOR_NONBLOCK : 0));
}

/* Takes down an error of the connection's that the program was told of. True: the first. */
static inline bool descriptor_error(struct descriptor *entry, int error)
{
    if (__atomic_fetch_or(&entry->flags, DESCRIPTOR_ERROR_SEEN, __ATOMIC_RELAXED) & DESCRIPTOR_ERROR_SEEN)
        return false;
    entry->error = error < UINT8_MAX ? (uint8_t)error : 0;
    return true;
}

/* Where the entries of small numbers are, and how others are found. For descriptor_find() alone. */
enum { DESCRIPTOR_FIRST = 512 };
extern struct descriptor descriptor_first[DESCRIPTOR_FIRST];
struct descriptor *descriptor_find_far(int fd);

/* The entry, or NULL where none was ever made (state UNKNOWN) or the number is outside the table. */
static inline struct descriptor *descriptor_find(int fd)
{
    return __builtin_expect((unsigned)fd < DESCRIPTOR_FIRST, 1) ? &descriptor_first[fd] : descriptor_find_far(fd);
}
/* The entry, made if need be. NULL: outside the table, or no memory. */
struct descriptor *descriptor_make(int fd);
/* Sets and clears flags of an entry that other threads may be changing too. */
static inline void descriptor_set(struct descriptor *entry, uint16_t set, uint16_t clear)
{
    if ((entry->flags & (set | clear)) == set)
        return;
    if (clear)
        __atomic_fetch_and(&entry->flags, (uint16_t)~clear, __ATOMIC_ACQ_REL);
    if (set)
        __atomic_fetch_or(&entry->flags, set, __ATOMIC_ACQ_REL);
}

/* Which chunks of DESCRIPTOR_FIRST numbers may hold sockets, and one past the highest number that ever was one. For
 * descriptor_come() alone. */
extern uint8_t descriptor_marks[];
extern int descriptor_end;
void descriptor_reach(int fd);

/* The entry is a socket's from now on. In this order: see unmark() in descriptor.c. */
static inline void descriptor_come(int fd, struct descriptor *entry)
{
    if (__builtin_expect(fd >= __atomic_load_n(&descriptor_end, __ATOMIC_RELAXED), 0))
        descriptor_reach(fd);
    __atomic_store_n(&entry->state, DESCRIPTOR_SOCKET, __ATOMIC_RELEASE);
    __atomic_store_n(&descriptor_marks[(unsigned)fd / DESCRIPTOR_FIRST], 1, __ATOMIC_RELEASE);
}
/* The lowest number from `from` on that is a socket's, -1 none. To walk them all takes a glance for every 512 numbers
 * below the highest that ever was one, and a look at each of the 512 where there is one, or has been since the last
 * walk. */
int descriptor_next(int from);

#endif
