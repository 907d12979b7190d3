/* SPDX-License-Identifier: MIT
 *
 * A descriptor's end, by whatever closes it or because the process ends: how the socket stands, asked at the last
 * moment at which it can be. Callable from anywhere; in a vfork child the parent's table is only read.
 */
#include "shim/watch.h"

#include "shim/count.h"
#include "shim/pending.h"
#include "shim/probe.h"
#include "shim/record.h"
#include "shim/stream.h"
#include "shim/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stddef.h>

enum { TCP_STATE_CLOSED = 7 }; /* include/net/tcp_states.h */

/* What this process has read of the socket of `entry`, a copy, by all descriptors that it has for it. False: not all of
 * it was counted. */
static bool read_in_all(int fd, const struct descriptor *entry, uint64_t *bytes)
{
    *bytes = count_bytes(entry->received);
    bool all = entry->messages_received < WATCH_YOUNG;
    for (int at = entry->cookie ? descriptor_next(0) : -1; at >= 0; at = descriptor_next(at + 1)) {
        const struct descriptor *other = descriptor_find(at);
        if (at == fd || other->cookie != entry->cookie || other->holder != entry->holder)
            continue;
        *bytes += count_bytes(other->received);
        all = all && other->messages_received < WATCH_YOUNG;
    }
    return all;
}

/* What was read and what was not leave of the kernel's count its FIN or nothing. More: others read, too. */
static enum probe_fin fin_by_count(int fd, const struct descriptor *entry, uint64_t received)
{
    uint64_t bytes;
    if (!read_in_all(fd, entry, &bytes))
        return PROBE_FIN_UNKNOWN;
    uint64_t rest = received - bytes - probe_unread(fd);
    return rest == 0 ? PROBE_FIN_NONE : rest == 1 ? PROBE_FIN_CAME : PROBE_FIN_UNKNOWN;
}

/* The same for a connection in TCP_CLOSE, which both FINs or a reset may have brought there. Where the kernel does not
 * say: only a reset before the peer's FIN leaves ECONNRESET (tcp_reset()), unless we had sent a FIN as well. Nothing
 * follows from any other error, or from none: the kernel tells it once, perhaps to another who holds the socket. For
 * that reason it is not asked for here, either. */
static enum probe_fin fin_when_closed(int fd, const struct descriptor *entry, uint64_t received)
{
    enum probe_fin fin = probe_fin(fd);
    if (fin != PROBE_FIN_UNKNOWN)
        return fin;
    if ((entry->flags & DESCRIPTOR_ERROR_SEEN) && entry->error == ECONNRESET && !(entry->flags & DESCRIPTOR_SHUT))
        return PROBE_FIN_NONE;
    return fin_by_count(fd, entry, received);
}

/* The kernel counts a FIN that was received as a byte (net/ipv4/tcp_input.c, tcp_rcv_nxt_update()). Whether one was
 * follows from the state; in TCP_CLOSE only from how the connection came to its end. */
static enum probe_fin fin_received(int fd, const struct descriptor *entry, uint8_t tcp_state, uint64_t received)
{
    enum { CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 }; /* include/net/tcp_states.h */
    if (tcp_state == TCP_STATE_CLOSED)
        return fin_when_closed(fd, entry, received);
    return tcp_state == CLOSE_WAIT || tcp_state == LAST_ACK || tcp_state == CLOSING ? PROBE_FIN_CAME : PROBE_FIN_NONE;
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
    return bytes == 0 || (entry->protocol == IPPROTO_TCP && count_bytes(entry->received) == bytes);
}

/* The buffer sizes in force are worth a system call where the program set them, or where enough went through for the
 * kernel to have tuned them; elsewhere they are the namespace's defaults. */
static bool buffers_matter(const struct descriptor *entry, uint64_t sent, uint64_t received)
{
    enum { TUNED = 64 << 10 };
    return (entry->flags & DESCRIPTOR_BUFFERS) || sent >= TUNED || received >= TUNED;
}

/* Sends of other threads are under way, each of which tells what came of it (watch_io()). */
static void record_sends(enum sockatlas_call call, int fd, struct descriptor *entry)
{
    struct sockatlas_body_transfer body = {.under_way = (int32_t)count_sends(entry->sent)};
    struct record record = {
        .kind = SOCKATLAS_TRANSFER, .call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    record_write(&record, &body, sizeof(body), NULL, 0);
    watch_expect(count_sends(entry->sent));
}

/* What came over a connection and nobody has read: lost, where nobody else holds it. `received`: all that came. Where
 * this descriptor has read all of it, which is usual for a short connection, nothing is asked. */
static void record_unread(enum sockatlas_call call, int fd, struct descriptor *entry, uint64_t received)
{
    uint64_t unread = received == SOCKATLAS_BYTES_UNKNOWN || !all_read(entry, received) ? probe_unread(fd) : 0;
    if (!unread)
        return;
    struct sockatlas_body_transfer body = {.unread = unread < UINT32_MAX ? (uint32_t)unread : UINT32_MAX};
    struct record record = {
        .kind = SOCKATLAS_TRANSFER, .call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

/* The CLOSE record: `entry` is a copy, the table's may be gone. One that this process only inherited and never used
 * goes on elsewhere: there is nothing to ask of it. */
static void record_end(enum sockatlas_call call, int fd, struct descriptor *entry, bool own)
{
    struct sockatlas_body_close body = {0};
    struct sockatlas_tcp tcp;
    size_t tail = 0;
    if (own && (entry->flags & DESCRIPTOR_COUNTED)) {
        body.bytes_sent = count_bytes(entry->sent);
        body.bytes_received = count_bytes(entry->received);
        body.messages_sent = entry->messages_sent;
        body.messages_received = entry->messages_received;
    }
    if (own && entry->peers)
        watch_peers_end(call, fd, entry);
    if (own && count_sends(entry->sent))
        record_sends(call, fd, entry);
    bool ask = own && !log_is_failing(); /* what cannot be recorded is not asked for */
    if (ask && descriptor_is_tcp(entry) && (entry->flags & (DESCRIPTOR_CONNECTED | DESCRIPTOR_CONNECTING)) &&
        probe_tcp(fd, &tcp, &body.bytes_sent, &body.bytes_received)) {
        tail = sizeof(tcp);
        bool doubtful = body.bytes_received != SOCKATLAS_BYTES_UNKNOWN && !all_read(entry, body.bytes_received);
        enum probe_fin fin = doubtful ? fin_received(fd, entry, tcp.state, body.bytes_received) : PROBE_FIN_NONE;
        if (doubtful && fin == PROBE_FIN_NONE && count_again(fd, &tcp, &body.bytes_sent, &body.bytes_received))
            fin = fin_received(fd, entry, tcp.state, body.bytes_received);
        body.bytes_received =
            fin == PROBE_FIN_UNKNOWN ? SOCKATLAS_BYTES_UNKNOWN : body.bytes_received - (fin == PROBE_FIN_CAME);
        record_unread(call, fd, entry, body.bytes_received);
        /* Its subflow was made ready for another connection, and its counts with it (tcp_disconnect()). */
        if (entry->protocol == IPPROTO_MPTCP && tcp.state == TCP_STATE_CLOSED)
            body.bytes_sent = body.bytes_received = SOCKATLAS_BYTES_UNKNOWN;
    }
    /* libc writes out what its streams hold after exit() has asked all else: what comes of it is not to be known. */
    if (tail && call == SOCKATLAS_CALL_exit && ((entry->flags & DESCRIPTOR_STREAM) || stream_holds(fd)))
        body.bytes_sent = SOCKATLAS_BYTES_UNKNOWN;
    if (ask && buffers_matter(entry, body.bytes_sent, body.bytes_received))
        probe_buffers(fd, &body.rcvbuf, &body.sndbuf);
    if (own && (entry->flags & DESCRIPTOR_COUNTED) && ((entry->flags & DESCRIPTOR_STREAM) || stream_used(fd)))
        body.bytes_sent = body.bytes_received = SOCKATLAS_BYTES_UNKNOWN;
    struct record record = {.call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    struct sockatlas_body_close *at = record_begin(&record, sizeof(*at), tail);
    if (!at)
        return;
    *at = body;
    record_tail(at, sizeof(*at), &tcp, tail);
    record_commit(at, SOCKATLAS_CLOSE);
}

static void close_in_child(enum sockatlas_call call, int fd)
{
    struct descriptor *entry = watch_find_in_child(call, fd, SOCKATLAS_HOW_INHERITED);
    if (!entry)
        return;
    struct descriptor copy = *entry;
    record_end(call, fd, &copy, false);
}

/* A thread that was in accept() when its process was attached to gets the next number without a wrapper's knowing: it
 * must be asked for. */
static uint8_t state_after_close(void)
{
    return config.attached ? DESCRIPTOR_UNKNOWN : DESCRIPTOR_OTHER;
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
    if (entry && entry->state == DESCRIPTOR_OTHER) {
        if (config.attached)
            entry->state = DESCRIPTOR_UNKNOWN;
        return;
    }
    if (!entry || entry->state == DESCRIPTOR_UNKNOWN)
        entry = watch_meet(call, fd, SOCKATLAS_HOW_INHERITED);
    if (!entry)
        return;
    if (__atomic_exchange_n(&entry->state, state_after_close(), __ATOMIC_ACQ_REL) != DESCRIPTOR_SOCKET)
        return;
    struct descriptor copy = *entry;
    copy.sent = __atomic_exchange_n(&entry->sent, count_next(copy.sent), __ATOMIC_ACQ_REL);
    copy.received = __atomic_exchange_n(&entry->received, count_next(copy.received), __ATOMIC_ACQ_REL);
    copy.messages_sent = entry->messages_sent;
    copy.messages_received = entry->messages_received;
    bool own = descriptor_holder(&copy) == process_identity().pid;
    if (own && (copy.flags & DESCRIPTOR_CONNECTING)) {
        watch_connect_settle(call, fd, &copy);
        pending_remove(fd);
    }
    record_end(call, fd, &copy, own);
}

/* A range that ends before it begins closes nothing, so it serves to ask. */
bool watch_will_close(unsigned first, unsigned last, int flags)
{
    return config.on && first <= last && !(flags & ~CLOSE_RANGE_UNSHARE) && sys(SYS_close_range, 1, 0, 0) != -ENOSYS;
}

void watch_close_range(enum sockatlas_call call, unsigned first, unsigned last)
{
    if (!config.on || first > INT_MAX)
        return;
    int fd = (int)first, child = watch_child_highest();
    for (; fd <= child && (unsigned)fd <= last; fd++)
        watch_close(call, fd); /* any number may be a socket of its own */
    for (fd = descriptor_next(fd); fd >= 0 && (unsigned)fd <= last; fd = descriptor_next(fd + 1))
        watch_close(call, fd);
}

void watch_replace(enum sockatlas_call call, int from, int to, int flags)
{
    if (config.on && from != to && from >= 0 && to >= 0 && !(flags & ~O_CLOEXEC) && probe_open(from))
        watch_close(call, to);
}

void watch_exit(enum sockatlas_call call, int status)
{
    struct sockatlas_header *header = log_header();
    if (!config.on || !header || __atomic_load_n(&header->cursor, __ATOMIC_RELAXED) == 0)
        return;
    struct identity who = process_identity();
    for (int fd = who.vforked || !process_holds() ? -1 : descriptor_next(0); fd >= 0; fd = descriptor_next(fd + 1)) {
        struct descriptor *entry = descriptor_find(fd);
        if (descriptor_holder(entry) != who.pid)
            continue;
        if (entry->flags & DESCRIPTOR_CONNECTING)
            watch_connect_settle(call, fd, entry);
        struct descriptor copy = *entry;
        record_end(call, fd, &copy, true);
    }
    watch_await();
    record_renamed();
    struct sockatlas_body_exit body = {.status = status};
    struct record record = {.kind = SOCKATLAS_EXIT, .call = call, .fd = -1};
    record_write(&record, &body, sizeof(body), NULL, 0);
}
