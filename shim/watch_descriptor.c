/* SPDX-License-Identifier: MIT
 *
 * A descriptor's life between its beginning and its end: made, duplicated, its flags changed, its process sandboxed.
 * Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/clock.h"
#include "shim/coverage.h"
#include "shim/detail.h"
#include "shim/listener.h"
#include "shim/probe.h"
#include "shim/record.h"
#include "shim/sandbox.h"

#include <netinet/in.h>
#include <stddef.h>

enum { TYPE_MASK = 0xf };

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
        .flags = descriptor_flags_of(flags_of(type)),
    };
    struct descriptor *adopted = NULL;
    uint64_t netns_cookie = 0;
    if (fd >= 0) {
        probe_cookie(fd, &entry.cookie);
        netns_cookie = netns_of(fd);
        adopted = watch_adopt(fd, &entry);
    }
    struct record record = {.call = call, .error = error, .fd = fd, .cookie = entry.cookie};
    struct sockatlas_body_socket *body = record_begin(&record, sizeof(*body), 0);
    if (!body)
        return;
    *body = (struct sockatlas_body_socket){.family = (uint16_t)family,
                                           .type = entry.type,
                                           .flags = flags_of(type),
                                           .protocol = entry.protocol,
                                           .netns_cookie = netns_cookie};
    record_commit(body, SOCKATLAS_SOCKET);
    if (adopted)
        adopted->told = record.section;
}

void watch_socketpair(enum sockatlas_call call, const int fds[2], int error, int family, int type, int protocol)
{
    if (!config.on)
        return;
    struct descriptor entry = {
        .family = (uint8_t)family,
        .type = (uint8_t)(type & TYPE_MASK),
        .protocol = (uint16_t)protocol,
        .flags = (uint16_t)(descriptor_flags_of(flags_of(type)) | DESCRIPTOR_CONNECTED),
    };
    struct sockatlas_body_socketpair body = {
        .family = (uint16_t)family, .type = entry.type, .flags = flags_of(type), .protocol = protocol, .fd2 = -1};
    struct record record = {.kind = SOCKATLAS_SOCKETPAIR, .call = call, .error = error, .fd = -1};
    struct descriptor *ends[2] = {NULL, NULL};
    if (!error) {
        probe_cookie(fds[1], &entry.cookie);
        ends[1] = watch_adopt(fds[1], &entry);
        body.fd2 = fds[1];
        body.cookie2 = entry.cookie;
        probe_cookie(fds[0], &entry.cookie);
        ends[0] = watch_adopt(fds[0], &entry);
        record.fd = fds[0];
        record.cookie = entry.cookie;
    }
    record_write(&record, &body, sizeof(body), NULL, 0);
    for (int i = 0; i < 2; i++)
        if (ends[i]) {
            ends[i]->told = record.section;
            detail_paired(fds[i], ends[i], i == 0 ? body.cookie2 : record.cookie);
        }
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
    copy.flags =
        (uint16_t)((copy.flags & ~(DESCRIPTOR_CLOEXEC | DESCRIPTOR_STREAM)) | (cloexec ? DESCRIPTOR_CLOEXEC : 0));
    copy.messages_sent = copy.messages_received = 0;
    copy.peers = 0;
    struct descriptor *made = watch_adopt(fd, &copy);
    if (made) {
        made->holder |= copy.holder & DESCRIPTOR_IDLE;
        detail_copy(old, fd, made);
    }
    struct sockatlas_body_dup body = {.old_fd = old, .flags = cloexec ? SOCKATLAS_CLOEXEC : 0};
    struct record record = {
        .kind = SOCKATLAS_DUP, .call = call, .fd = fd, .cookie = copy.cookie, .about = entry, .about_fd = old};
    record_write(&record, &body, sizeof(body), NULL, 0);
    if (made)
        made->told = record.section;
}

/* What a descriptor's flags are now, where that is news. */
static void note_flags(enum sockatlas_call call, int fd, struct descriptor *entry, uint32_t now)
{
    uint16_t flags = descriptor_flags_of(now);
    if ((entry->flags & (DESCRIPTOR_CLOEXEC | DESCRIPTOR_NONBLOCK)) == flags)
        return;
    if (!process_identity().vforked)
        descriptor_set(entry, flags, (uint16_t)((DESCRIPTOR_CLOEXEC | DESCRIPTOR_NONBLOCK) & ~flags));
    struct sockatlas_body_flags body = {.flags = now};
    struct record record = {
        .kind = SOCKATLAS_FLAGS, .call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    record_write(&record, &body, sizeof(body), NULL, 0);
}

void watch_flags(enum sockatlas_call call, int fd)
{
    struct descriptor *entry = config.on && !sandbox_inside() ? watch_any_used(call, fd) : NULL;
    if (entry)
        note_flags(call, fd, entry, probe_flags(fd));
}

void watch_flag(enum sockatlas_call call, int fd, uint32_t flag, bool set)
{
    struct descriptor *entry = config.on ? watch_any_used(call, fd) : NULL;
    if (!entry)
        return;
    /* Another descriptor of the socket may have changed what they share. */
    if (!sandbox_inside() && ((entry->flags & DESCRIPTOR_SHARED) || entry->forks != process_forks())) {
        note_flags(call, fd, entry, probe_flags(fd));
        return;
    }
    uint32_t now = (entry->flags & DESCRIPTOR_CLOEXEC ? SOCKATLAS_CLOEXEC : 0) |
                   (entry->flags & DESCRIPTOR_NONBLOCK ? SOCKATLAS_NONBLOCK : 0);
    note_flags(call, fd, entry, set ? now | flag : now & ~flag);
}

/* Makes the log and space in it, for inside neither can be made. */
struct sandbox_entering watch_sandbox(enum watch_sandbox kind)
{
    uint64_t confined = 0;
    if (config.on) {
        log_prepare();
        process_identity();
        record_self();
        confined = log_confine();
        listener_note_all();
        clock_sandbox(kind == WATCH_SANDBOX_STRICT);
    }
    struct sandbox_entering entering = sandbox_enter(kind == WATCH_SANDBOX_FILTER_ALL, process_in_vfork());
    entering.confined = confined;
    return entering;
}

void watch_sandboxed(enum sockatlas_call call, const struct sandbox_entering *entering, bool entered)
{
    if (!entered) {
        sandbox_refused(entering);
        if (config.on && !sandbox_inside())
            log_unconfine(entering->confined);
    } else if (!entering->was || entering->all)
        coverage_record(call, SOCKATLAS_COVERAGE_SECCOMP,
                        entering->all ? "sandboxed: from here on nothing is asked of the kernel"
                                      : "sandboxed: this thread and what it starts ask nothing of the kernel");
}
