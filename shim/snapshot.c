/* SPDX-License-Identifier: MIT
 *
 * Walks the open descriptors of a process that is attached to, and the known ones of one that is let go. Other threads
 * may open and close descriptors meanwhile: what they open goes through the wrappers by then, what they close is gone
 * when it is asked for. Called by hook_attach.c.
 */
#include "shim/snapshot.h"

#include "shim/probe.h"
#include "shim/record.h"
#include "shim/sys.h"
#include "shim/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

/* ---- One socket ---- */

/* The kernel counts a FIN that was received as a byte; of a connection that is over, nothing tells whether one was. */
static uint64_t received_of(const struct sockatlas_tcp *tcp, uint64_t received)
{
    enum { CLOSED = 7, CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 }; /* include/net/tcp_states.h */
    if (received == SOCKATLAS_BYTES_UNKNOWN || (tcp->state == CLOSED && received))
        return SOCKATLAS_BYTES_UNKNOWN;
    bool fin = tcp->state == CLOSE_WAIT || tcp->state == LAST_ACK || tcp->state == CLOSING;
    return received - (fin && received);
}

static void record_state(enum sockatlas_call call, int fd, struct descriptor *entry)
{
    struct sockatlas_tcp tcp;
    struct sockatlas_body_close body = {.bytes_sent = SOCKATLAS_BYTES_UNKNOWN,
                                        .bytes_received = SOCKATLAS_BYTES_UNKNOWN};
    size_t tail = 0;
    if (descriptor_is_tcp(entry) && (entry->flags & DESCRIPTOR_CONNECTED) &&
        probe_tcp(fd, &tcp, &body.bytes_sent, &body.bytes_received)) {
        body.bytes_received = received_of(&tcp, body.bytes_received);
        tail = sizeof(tcp);
    }
    probe_buffers(fd, &body.rcvbuf, &body.sndbuf);
    struct record record = {
        .kind = SOCKATLAS_STATE, .call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    record_write(&record, &body, sizeof(body), &tcp, tail);
}

/* ---- Options in force ---- */

static const struct standing {
    int level, name, otherwise;
} standings[] = {
#define STANDING(level, name, otherwise) {level, name, otherwise},
#include "shim/standing.def"
#undef STANDING
};

static bool is_as_otherwise(const unsigned char *value, unsigned size, int otherwise)
{
    int first = 0;
    memcpy(&first, value, size < sizeof(first) ? size : sizeof(first));
    for (unsigned i = sizeof(first); i < size; i++)
        if (value[i])
            return false;
    return first == otherwise;
}

static bool concerns(const struct standing *standing, const struct descriptor *entry)
{
    if (standing->level == SOL_SOCKET)
        return true;
    return standing->level == IPPROTO_TCP    ? descriptor_is_tcp(entry)
           : standing->level == IPPROTO_IPV6 ? entry->family == AF_INET6
                                             : entry->family == AF_INET;
}

static void record_options(int fd, struct descriptor *entry)
{
    enum { VALUE_MAX = 32 };
    unsigned char value[VALUE_MAX];
    for (size_t i = 0; i < sizeof(standings) / sizeof(standings[0]); i++) {
        const struct standing *standing = &standings[i];
        unsigned size =
            concerns(standing, entry) ? probe_option(fd, standing->level, standing->name, value, sizeof(value)) : 0;
        if (size == 0 || is_as_otherwise(value, size, standing->otherwise))
            continue;
        struct sockatlas_body_option body = {
            .level = standing->level, .name = standing->name, .effective_size = (uint16_t)size};
        struct record record = {.kind = SOCKATLAS_OPTION,
                                .call = SOCKATLAS_CALL_attach,
                                .fd = fd,
                                .cookie = entry->cookie,
                                .about = entry,
                                .about_fd = fd};
        record_write(&record, &body, sizeof(body), value, size);
    }
}

/* ---- All of them ---- */

struct walk {
    enum sockatlas_call call;
    bool listening; /* which kind this walk is for */
    unsigned count;
};

/* What a datagram socket exchanged with whom, which else would be told at its end. */
static void tell_peers(enum sockatlas_call call, int fd, struct descriptor *entry)
{
    struct descriptor copy = *entry;
    entry->peers = 0;
    if (copy.peers)
        watch_peers_end(call, fd, &copy);
}

static void visit(struct walk *walk, int fd)
{
    uint64_t cookie;
    if (probe_cookie(fd, &cookie) != 0 || (probe_int(fd, SOL_SOCKET, SO_ACCEPTCONN, 0) != 0) != walk->listening)
        return;
    struct descriptor *entry = descriptor_find(fd);
    bool known = entry && entry->state == DESCRIPTOR_SOCKET && entry->cookie == cookie;
    if (!known)
        entry = watch_meet(walk->call, fd, SOCKATLAS_HOW_ATTACHED);
    if (!entry)
        return;
    walk->count++;
    record_state(walk->call, fd, entry);
    if (walk->call == SOCKATLAS_CALL_attach)
        record_options(fd, entry);
    else
        tell_peers(walk->call, fd, entry);
}

/* The number that a file name is; -1: none. */
static int number_of(const char *name)
{
    int number = 0;
    if (*name < '0' || *name > '9')
        return -1;
    for (; *name >= '0' && *name <= '9'; name++)
        number = number * 10 + (*name - '0');
    return number;
}

struct entry { /* struct linux_dirent64 of getdents64(2) */
    uint64_t inode, offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

static void walk_listed(struct walk *walk, int listing)
{
    char part[4096] __attribute__((aligned(8)));
    long got;
    while ((got = sys(SYS_getdents64, listing, part, sizeof(part))) > 0)
        for (long at = 0; at < got; at += ((const struct entry *)(part + at))->size) {
            int fd = number_of(((const struct entry *)(part + at))->name);
            if (fd >= 0 && fd != listing)
                visit(walk, fd);
        }
}

/* Where the list is not to be had: each number that there may be, up to a bound. */
static void walk_numbers(struct walk *walk)
{
    enum { MOST = 65536 };
    struct rlimit limit;
    if (sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0 || limit.rlim_cur > MOST)
        limit.rlim_cur = MOST;
    for (int fd = 0; fd < (int)limit.rlim_cur; fd++)
        visit(walk, fd);
}

static unsigned walk_all(enum sockatlas_call call)
{
    struct walk walk = {.call = call, .listening = true};
    for (int i = 0; i < 2; i++, walk.listening = false) {
        long listing = sys(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (listing >= 0) {
            walk_listed(&walk, (int)listing);
            sys(SYS_close, listing);
        } else {
            walk_numbers(&walk);
        }
    }
    return walk.count;
}

unsigned snapshot_begin(void)
{
    return walk_all(SOCKATLAS_CALL_attach);
}

void snapshot_end(void)
{
    walk_all(SOCKATLAS_CALL_detach);
}

void snapshot_forget(void)
{
    for (int fd = descriptor_next(0); fd >= 0; fd = descriptor_next(fd + 1))
        __atomic_store_n(&descriptor_find(fd)->state, DESCRIPTOR_UNKNOWN, __ATOMIC_RELEASE);
}
