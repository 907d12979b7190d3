/* SPDX-License-Identifier: MIT
 *
 * How a socket comes by its addresses: bind, listen, connect, accept, shutdown. Asks the kernel only for the address
 * that does not follow from what is known. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/clock.h"
#include "shim/count.h"
#include "shim/detail.h"
#include "shim/memory.h"
#include "shim/pending.h"
#include "shim/probe.h"
#include "shim/record.h"
#include "shim/sys_file.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>

enum { KERNEL_TCP_CLOSE = 7 }; /* include/net/tcp_states.h */

/* The address a program gave. One that the kernel may have refused unread is tried first. */
static void encode_given(struct endpoint *out, int error, const struct sockaddr *address, socklen_t size)
{
    bool taken = error == 0 || error == EINPROGRESS || error == ECONNREFUSED || error == EADDRINUSE;
    bool good = size <= sizeof(struct sockaddr_storage) && (taken || memory_readable(address, size) == size);
    endpoint_encode(out, good ? address : NULL, size);
}

static bool has_ports(const struct endpoint *endpoint)
{
    return endpoint->family == AF_INET || endpoint->family == AF_INET6;
}

/* Did the kernel choose a part of what was bound: the port, or a unix socket's autobind name? */
static bool kernel_chose(const struct endpoint *requested)
{
    if (!endpoint_known(requested))
        return true;
    return has_ports(requested) ? !(requested->bytes[0] || requested->bytes[1])
                                : requested->size == 0 || requested->family != AF_UNIX;
}

/* The kernel has just taken the unix path for a file: for which one. By itself, so that its buffers are off the stack
 * when what follows is recorded. */
static __attribute__((noinline)) void tell_file(enum sockatlas_call call, int fd, struct descriptor *entry,
                                                const struct endpoint *path, bool peer, uint64_t time_ns)
{
    struct stat status;
    char name[ENDPOINT_BYTES_MAX + 1];
    if (!endpoint_known(path) || path->family != AF_UNIX || !path->size || !path->bytes[0])
        return;
    memcpy(name, path->bytes, path->size);
    name[path->size] = '\0';
    if (sys_fstatat(AT_FDCWD, name, &status, 0) != 0)
        return;
    struct sockatlas_body_file body = {.device = status.st_dev, .inode = status.st_ino, .peer = peer};
    struct record record = {.kind = SOCKATLAS_FILE,
                            .call = call,
                            .fd = fd,
                            .cookie = entry->cookie,
                            .about = entry,
                            .about_fd = fd,
                            .time_ns = time_ns};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

void watch_bind(enum sockatlas_call call, int fd, int error, const struct sockaddr *address, socklen_t size)
{
    struct descriptor *entry = watch_socket_used(call, fd);
    if (!entry)
        return;
    struct endpoint requested, local;
    encode_given(&requested, error, address, size);
    endpoint_clear(&local);
    if (!error && kernel_chose(&requested))
        probe_local(fd, &local);
    const struct endpoint *bound = endpoint_known(&local) ? &local : &requested;
    if (!error) {
        if (endpoint_is_specific(bound))
            descriptor_set(entry, DESCRIPTOR_LOCAL_KNOWN, 0);
        detail_addresses(fd, entry, bound, NULL);
        tell_file(call, fd, entry, &requested, false, 0);
    }
    struct record record = {
        .call = call, .error = error, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    struct sockatlas_body_bind *body = record_begin(&record, sizeof(*body), record_addresses_size(&requested, &local));
    if (!body)
        return;
    record_addresses(body, sizeof(*body), &body->addresses, &requested, &local, 0);
    record_commit(body, SOCKATLAS_BIND);
}

void watch_listen(enum sockatlas_call call, int fd, int error, int backlog)
{
    struct descriptor *entry = watch_socket_used(call, fd);
    if (!entry)
        return;
    struct endpoint local;
    endpoint_clear(&local);
    if (!error && !(entry->flags & DESCRIPTOR_LOCAL_KNOWN))
        probe_local(fd, &local);
    if (!error) {
        descriptor_set(entry, DESCRIPTOR_LISTENING, 0);
        detail_addresses(fd, entry, &local, NULL);
    }
    struct record record = {.call = call,
                            .error = error,
                            .fd = fd,
                            .cookie = entry->cookie,
                            .about = entry,
                            .about_fd = fd,
                            .brings = DESCRIPTOR_LISTENING};
    struct sockatlas_body_listen *body = record_begin(&record, sizeof(*body), record_addresses_size(&local, NULL));
    if (!body)
        return;
    body->backlog = backlog;
    record_addresses(body, sizeof(*body), &body->addresses, &local, NULL, 0);
    record_commit(body, SOCKATLAS_LISTEN);
}

/* What the entry learns from a connect() that went on or through. */
static void note_connect(struct descriptor *entry, int error, uint64_t started_ns, bool dissolves)
{
    if (dissolves) {
        /* The kernel's counts are of no connection any more. */
        descriptor_set(entry, 0,
                       DESCRIPTOR_CONNECTING | DESCRIPTOR_CONNECTED | DESCRIPTOR_LOCAL_KNOWN | DESCRIPTOR_ERROR_SEEN |
                           DESCRIPTOR_SHUT | DESCRIPTOR_ACCEPTED | DESCRIPTOR_CALLED);
        if (descriptor_is_tcp(entry))
            entry->received = count_next(entry->received), entry->messages_received = 0;
    } else if (error == EINPROGRESS) {
        entry->connect_ns = started_ns;
        descriptor_set(entry, DESCRIPTOR_CONNECTING | DESCRIPTOR_CALLED, DESCRIPTOR_CONNECT_TIMED);
    } else if (error == 0) {
        entry->connect_ns = started_ns;
        descriptor_set(entry, DESCRIPTOR_CONNECTED | DESCRIPTOR_CALLED, 0);
    }
}

/* Whether a connect() may begin an attempt and wait for its end. */
static bool may_wait(const struct descriptor *entry)
{
    enum { NOT = DESCRIPTOR_NONBLOCK | DESCRIPTOR_CONNECTING | DESCRIPTOR_CONNECTED | DESCRIPTOR_LISTENING };
    return (entry->type == SOCK_STREAM || entry->type == SOCK_SEQPACKET) && !(entry->flags & NOT);
}

/* The entry of a connect() is as that of one under way, which it stays if the call is left by siglongjmp. A send is not
 * done when it has connected. In a sandbox nobody may ask whether the address can be read, and what is recorded there
 * must not depend on where in memory it happens to lie. */
struct watch_attempt watch_connecting(enum sockatlas_call call, int fd, const struct sockaddr *address, socklen_t size)
{
    struct watch_attempt attempt = {.started_ns = config.on ? clock_now() : 0};
    struct descriptor *entry = config.on ? watch_socket_used(call, fd) : NULL;
    struct endpoint peer;
    if (!entry || sandbox_inside() || !may_wait(entry) || size > sizeof(struct sockaddr_storage) ||
        memory_readable(address, size) != size)
        return attempt;
    endpoint_encode(&peer, address, size);
    if (!endpoint_known(&peer) || peer.family == AF_UNSPEC)
        return attempt;
    struct record record = {
        .call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd, .time_ns = attempt.started_ns};
    struct sockatlas_body_connecting *body = record_begin(&record, sizeof(*body), record_addresses_size(&peer, NULL));
    if (!body)
        return attempt;
    record_addresses(body, sizeof(*body), &body->addresses, &peer, NULL, 0);
    record_commit(body, SOCKATLAS_CONNECTING);
    attempt.recorded = true;
    if (call != SOCKATLAS_CALL_sendto && call != SOCKATLAS_CALL_sendmsg) {
        entry->connect_ns = attempt.started_ns;
        descriptor_set(entry, DESCRIPTOR_CONNECTING, DESCRIPTOR_CONNECT_TIMED);
    }
    return attempt;
}

void watch_connect(enum sockatlas_call call, int fd, int error, const struct sockaddr *address, socklen_t size,
                   struct watch_attempt attempt)
{
    struct descriptor *entry = watch_socket_used(call, fd);
    uint64_t started_ns = attempt.started_ns;
    if (!entry)
        return;
    if (attempt.recorded) {
        descriptor_set(entry, 0, DESCRIPTOR_CONNECTING);
    } else if (entry->flags & DESCRIPTOR_CONNECTING) {
        /* A second connect() only asks after the first (connect(2), EALREADY and EISCONN). */
        if (error != EALREADY && error != EINPROGRESS && error != EINTR)
            watch_connected(call, fd, entry, error == EISCONN ? 0 : error);
        return;
    }
    struct endpoint peer, local;
    encode_given(&peer, error, address, size);
    endpoint_clear(&local);
    bool goes_on = error == 0 || error == EINPROGRESS,
         dissolves = error == 0 && endpoint_known(&peer) && peer.family == AF_UNSPEC;
    if (goes_on && entry->family != AF_UNIX && !dissolves && !(entry->flags & DESCRIPTOR_LOCAL_KNOWN))
        probe_local(fd, &local);
    /* Interrupted by a signal: goes on asynchronously, as if the socket had not blocked (connect(2), EINTR). */
    note_connect(entry, error == EINTR ? EINPROGRESS : error, started_ns, dissolves);
    if (dissolves)
        detail_dissolved(fd, entry);
    else if (goes_on)
        detail_addresses(fd, entry, &local, &peer);
    if (entry->flags & DESCRIPTOR_CONNECTING)
        pending_add(fd);
    uint64_t ended_ns = clock_now();
    uint32_t peer_pid = error == 0 && entry->family == AF_UNIX ? probe_peer_pid(fd) : 0;
    if (error == 0)
        tell_file(call, fd, entry, &peer, true, ended_ns);
    uint32_t flags = entry->flags & DESCRIPTOR_NONBLOCK ? SOCKATLAS_NONBLOCK : 0;
    struct record record = {.call = call,
                            .error = error,
                            .fd = fd,
                            .cookie = entry->cookie,
                            .about = entry,
                            .about_fd = fd,
                            .brings = DESCRIPTOR_CONNECTED | DESCRIPTOR_CONNECTING | DESCRIPTOR_CALLED,
                            .time_ns = ended_ns};
    struct sockatlas_body_connect *body = record_begin(&record, sizeof(*body), record_addresses_size(&peer, &local));
    if (!body)
        return;
    body->duration_ns = ended_ns - started_ns;
    body->peer_pid = peer_pid;
    record_addresses(body, sizeof(*body), &body->addresses, &peer, &local, flags);
    record_commit(body, SOCKATLAS_CONNECT);
}

/* Errors that a send with MSG_FASTOPEN has where it does not begin to connect. */
static bool not_begun(int error)
{
    return error == EISCONN || error == EALREADY || error == EOPNOTSUPP || error == EINVAL || error == EFAULT ||
           error == EBADF || error == ENOTSOCK || error == EDESTADDRREQ;
}

void watch_fast_open(enum sockatlas_call call, int fd, int error, const struct sockaddr *address, socklen_t size,
                     struct watch_attempt attempt)
{
    bool tried = attempt.recorded || !not_begun(error);
    struct descriptor *entry = tried ? watch_socket_used(call, fd) : NULL;
    if (!entry || entry->type != SOCK_STREAM ||
        (!attempt.recorded && (entry->flags & (DESCRIPTOR_CONNECTING | DESCRIPTOR_CONNECTED))))
        return;
    struct endpoint peer;
    if (error == 0)
        probe_peer(fd, &peer);
    if (error == 0 && !endpoint_known(&peer))
        error = EINPROGRESS; /* sent along with the SYN, which is not answered yet */
    watch_connect(call, fd, error, address, size, attempt);
}

/* A connect() that never returned has told nobody which address the kernel chose. */
static void tell_chosen(enum sockatlas_call call, int fd, struct descriptor *entry)
{
    struct endpoint local;
    if ((entry->flags & (DESCRIPTOR_CALLED | DESCRIPTOR_LOCAL_KNOWN)) || entry->family == AF_UNIX)
        return;
    descriptor_set(entry, DESCRIPTOR_CALLED, 0);
    probe_local(fd, &local);
    if (endpoint_is_specific(&local))
        watch_addresses(call, fd, entry, &local, NULL);
}

void watch_connected(enum sockatlas_call call, int fd, struct descriptor *entry, int error)
{
    tell_chosen(call, fd, entry);
    uint64_t since = entry->connect_ns;
    uint16_t before = __atomic_fetch_and(&entry->flags, (uint16_t)~DESCRIPTOR_CONNECTING, __ATOMIC_ACQ_REL);
    if (!(before & DESCRIPTOR_CONNECTING))
        return;
    pending_remove(fd);
    if (!error)
        descriptor_set(entry, DESCRIPTOR_CONNECTED, 0);
    struct sockatlas_body_connected body = {
        .duration_ns = before & DESCRIPTOR_CONNECT_TIMED ? since : clock_now() - since,
    };
    struct record record = {.kind = SOCKATLAS_CONNECTED,
                            .call = call,
                            .error = error,
                            .fd = fd,
                            .cookie = entry->cookie,
                            .about = entry,
                            .about_fd = fd,
                            .brings = DESCRIPTOR_CONNECTED};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

/* Asking for SO_ERROR would take the error from whoever else may hold the socket, which nobody can know, so it is
 * worked out. Where something came back, it was an acknowledgement, of which the kernel has a round trip's time, or a
 * refusal. All other ends stay unknown. */
void watch_connect_settle(enum sockatlas_call call, int fd, struct descriptor *entry)
{
    struct endpoint peer;
    tell_chosen(call, fd, entry);
    probe_peer(fd, &peer);
    if (endpoint_known(&peer)) {
        watch_connected(call, fd, entry, 0);
        return;
    }
    struct sockatlas_tcp tcp;
    uint64_t sent, received;
    if (probe_tcp(fd, &tcp, &sent, &received) && tcp.state == KERNEL_TCP_CLOSE && probe_segments_in(&tcp))
        watch_connected(call, fd, entry, tcp.rtt_us ? 0 : ECONNREFUSED);
}

/* What the new socket inherits from its listener, and what accept() said. */
static struct descriptor accepted(const struct descriptor *listener, int fd, int flags)
{
    struct descriptor entry = {
        .family = listener->family,
        .type = listener->type,
        .protocol = listener->protocol,
        .flags = (uint16_t)(DESCRIPTOR_CONNECTED | DESCRIPTOR_ACCEPTED | DESCRIPTOR_LOCAL_KNOWN |
                            (flags & SOCK_CLOEXEC ? DESCRIPTOR_CLOEXEC : 0) |
                            (flags & SOCK_NONBLOCK ? DESCRIPTOR_NONBLOCK : 0)),
    };
    probe_cookie(fd, &entry.cookie);
    /* Linux gives an accepted MPTCP socket its listener's cookie (seen on 6.18): better none than another's. */
    if (entry.cookie == listener->cookie)
        entry.cookie = 0;
    return entry;
}

void watch_accept(enum sockatlas_call call, int listener, int fd, int error, const struct sockaddr *address,
                  socklen_t size, int flags)
{
    if (error == EAGAIN || error == EINTR)
        return;
    struct descriptor *from = watch_socket_used(call, listener);
    if (!from)
        return;
    struct endpoint peer, local;
    struct descriptor entry = {0}, *adopted = NULL;
    uint32_t peer_pid = 0;
    endpoint_clear(&peer);
    endpoint_clear(&local);
    if (fd >= 0) {
        entry = accepted(from, fd, flags);
        endpoint_encode(&peer, address, size);
        if (!endpoint_known(&peer))
            probe_peer(fd, &peer);
        if (!(from->flags & DESCRIPTOR_LOCAL_KNOWN) && entry.family != AF_UNIX)
            probe_local(fd, &local);
        if (entry.family == AF_UNIX)
            peer_pid = probe_peer_pid(fd);
        adopted = watch_adopt(fd, &entry);
        if (adopted)
            detail_accepted(fd, adopted, listener, from, &local, &peer);
    }
    uint32_t descriptor_flags =
        (flags & SOCK_CLOEXEC ? SOCKATLAS_CLOEXEC : 0) | (flags & SOCK_NONBLOCK ? SOCKATLAS_NONBLOCK : 0);
    struct record record = {
        .call = call, .error = error, .fd = fd, .cookie = entry.cookie, .about = from, .about_fd = listener};
    struct sockatlas_body_accept *body = record_begin(&record, sizeof(*body), record_addresses_size(&peer, &local));
    if (!body)
        return;
    body->listener_cookie = from->cookie;
    body->listener_fd = listener;
    body->peer_pid = peer_pid;
    record_addresses(body, sizeof(*body), &body->addresses, &peer, &local, descriptor_flags);
    record_commit(body, SOCKATLAS_ACCEPT);
    if (adopted) {
        adopted->told = record.section;
        adopted->connect_ns = record.time_ns;
    }
}

void watch_shutdown(enum sockatlas_call call, int fd, int error, int how)
{
    /* By syscall(2), too: who is handed a connection and shuts it down has it from then on. */
    struct descriptor *entry = watch_socket_used(SOCKATLAS_CALL_shutdown, fd);
    if (!entry)
        return;
    if (!error && (how == SHUT_WR || how == SHUT_RDWR))
        descriptor_set(entry, DESCRIPTOR_SHUT, 0);
    struct sockatlas_body_shutdown body = {.how = how};
    struct record record = {.kind = SOCKATLAS_SHUTDOWN,
                            .call = call,
                            .error = error,
                            .fd = fd,
                            .cookie = entry->cookie,
                            .about = entry,
                            .about_fd = fd};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

void watch_told(enum sockatlas_call call, int fd, const struct sockaddr *address, socklen_t size)
{
    bool is_peer = call == SOCKATLAS_CALL_getpeername;
    struct descriptor *entry = watch_socket_used(call, fd);
    if (!entry || !sandbox_inside())
        return;
    if (is_peer && (entry->flags & DESCRIPTOR_CONNECTING))
        watch_connected(call, fd, entry, 0);
    if (!size || (entry->flags & (is_peer ? DESCRIPTOR_TOLD : DESCRIPTOR_LOCAL_KNOWN)))
        return;
    struct endpoint told;
    endpoint_encode(&told, address, size);
    if (is_peer)
        descriptor_set(entry, DESCRIPTOR_TOLD, 0);
    else if (endpoint_is_specific(&told))
        descriptor_set(entry, DESCRIPTOR_LOCAL_KNOWN, 0);
    watch_addresses(call, fd, entry, is_peer ? NULL : &told, is_peer ? &told : NULL);
}
