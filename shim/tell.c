/* SPDX-License-Identifier: MIT
 *
 * A socket as it is told again, see tell.h: who it is, its addresses, what it came out of and what the program has set.
 * Asks the kernel only for what is not kept (detail.h), or may have been changed by others who hold the socket.
 */
#include "shim/tell.h"

#include "shim/detail.h"
#include "shim/listener.h"
#include "shim/probe.h"
#include "shim/sandbox.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static uint8_t tcp_state_of(const struct descriptor *entry, uint16_t flags)
{
    enum { ESTABLISHED = 1, SYN_SENT = 2, CLOSE = 7, LISTEN = 10 }; /* include/net/tcp_states.h */
    if (!descriptor_is_tcp(entry))
        return 0;
    return flags & DESCRIPTOR_LISTENING    ? LISTEN
           : flags & DESCRIPTOR_CONNECTED  ? ESTABLISHED
           : flags & DESCRIPTOR_CONNECTING ? SYN_SENT
                                           : CLOSE;
}

/* How long ago its connection began, in milliseconds; 0 unknown. */
static uint32_t age_of(const struct descriptor *entry, uint16_t flags, uint64_t time_ns)
{
    bool known = (flags & (DESCRIPTOR_ACCEPTED | DESCRIPTOR_CALLED)) && !(flags & DESCRIPTOR_CONNECT_TIMED) &&
                 entry->connect_ns && entry->connect_ns < time_ns;
    uint64_t age = known ? (time_ns - entry->connect_ns) / 1000000 : 0;
    return age < UINT32_MAX ? (uint32_t)age + known : UINT32_MAX;
}

/* Others may hold it, and so have changed what is kept here. */
static bool is_shared(const struct descriptor *entry)
{
    return (entry->flags & DESCRIPTOR_SHARED) || entry->forks != process_forks();
}

static void find_addresses(const struct record *about, const struct detail *detail, uint16_t flags,
                           struct endpoint *local, struct endpoint *peer)
{
    const struct descriptor *entry = about->about;
    const struct detail *kept = is_shared(entry) && !sandbox_inside() ? NULL : detail;
    endpoint_clear(peer);
    if (!kept || !detail_local(kept, entry, local))
        probe_local(about->about_fd, local);
    if (!endpoint_known(local) && (flags & DESCRIPTOR_LISTENING))
        listener_local(entry->cookie, local);
    if ((flags & (DESCRIPTOR_CONNECTED | DESCRIPTOR_CONNECTING)) && (!kept || !detail_peer(kept, entry, peer)))
        probe_peer(about->about_fd, peer);
}

/* Writes the SEEN record; the section that has it, 0: none. */
static uint32_t tell_standing(const struct record *about, struct identity who, const struct detail *detail)
{
    const struct descriptor *entry = about->about;
    int fd = about->about_fd;
    uint16_t flags = entry->flags & (uint16_t)~about->brings;
    struct endpoint local, peer;
    find_addresses(about, detail, flags, &local, &peer);
    uint8_t origin = detail && detail->origin_cookie ? detail->origin : SOCKATLAS_ORIGIN_NONE;
    struct sockatlas_body_seen seen = {
        .family = entry->family,
        .type = entry->type,
        .protocol = entry->protocol,
        .flags = (uint8_t)((flags & DESCRIPTOR_CLOEXEC ? SOCKATLAS_CLOEXEC : 0) |
                           (flags & DESCRIPTOR_NONBLOCK ? SOCKATLAS_NONBLOCK : 0)),
        .tcp_state = tcp_state_of(entry, flags),
        .netns_cookie = process_netns_changed() ? probe_netns_cookie(fd) : 0,
        .peer_pid = entry->family == AF_UNIX ? probe_peer_pid(fd) : 0,
        .listening = (flags & DESCRIPTOR_LISTENING) != 0,
        .how = SOCKATLAS_HOW_TOLD,
        .role = flags & DESCRIPTOR_ACCEPTED ? SOCKATLAS_ROLE_SERVER
                : flags & DESCRIPTOR_CALLED ? SOCKATLAS_ROLE_CLIENT
                                            : SOCKATLAS_ROLE_UNKNOWN,
        .origin = origin,
        .connected_ms = age_of(entry, flags, about->time_ns),
    };
    struct record record = {.fd = fd, .cookie = entry->cookie, .time_ns = about->time_ns};
    uint64_t from = origin ? detail->origin_cookie : 0;
    struct sockatlas_body_seen *body =
        record_place(&record, who, sizeof(*body), record_addresses_size(&local, &peer) + (from ? sizeof(from) : 0));
    if (!body)
        return 0;
    *body = seen;
    record_addresses_and(body, sizeof(*body), &body->addresses, &local, &peer, from);
    record_commit(body, SOCKATLAS_SEEN);
    return record.section;
}

/* Of no option that the kernel alters is the value longer; it stands on the program's stack. */
enum { ASKED_MAX = 32 };

/* What is in force now, where that may be another value than the one asked for. SO_GET_FILTER has the number of
 * SO_ATTACH_FILTER and takes a size for a count; only what the kernel returns as a plain number is asked for. */
static unsigned ask_setting(int fd, const struct sockatlas_body_option *option, bool shared, void *out)
{
    enum { PLAIN_NAMES = 64 };
    int name;
    if (probe_alters(option->level, option->name, &name))
        return probe_option(fd, option->level, name, out, ASKED_MAX);
    bool level = option->level == SOL_SOCKET || option->level == IPPROTO_TCP || option->level == IPPROTO_IP ||
                 option->level == IPPROTO_IPV6;
    bool plain = level && option->name < PLAIN_NAMES && option->kept_size == sizeof(int) &&
                 !(option->level == SOL_SOCKET && option->name == SO_ATTACH_FILTER);
    return shared && plain ? probe_option(fd, option->level, option->name, out, sizeof(int)) : 0;
}

static __attribute__((noinline)) void tell_setting(const struct record *about, struct identity who, uint64_t key,
                                                   uint64_t value)
{
    struct sockatlas_body_option option = {.level = (int32_t)(key >> 48),
                                           .name = (int32_t)(key >> 32 & UINT16_MAX),
                                           .requested_size = key >> 16 & UINT16_MAX,
                                           .kept_size = key & UINT16_MAX};
    unsigned char both[DETAIL_VALUE_MAX + ASKED_MAX];
    bool shared = is_shared(about->about);
    memcpy(both, &value, option.kept_size);
    option.effective_size = (uint16_t)ask_setting(about->about_fd, &option, shared, both + option.kept_size);
    if (!option.effective_size && (shared || !option.kept_size))
        return; /* not known what is in force */
    size_t size = (size_t)option.kept_size + option.effective_size;
    struct record record = {.fd = about->about_fd, .cookie = about->about->cookie, .time_ns = about->time_ns};
    struct sockatlas_body_option *body = record_place(&record, who, sizeof(*body), size);
    if (!body)
        return;
    *body = option;
    record_tail(body, sizeof(*body), both, size);
    record_commit(body, SOCKATLAS_OPTION);
}

void tell_socket(const struct record *about, struct identity who)
{
    const struct detail *detail = detail_of(about->about_fd, about->about);
    uint32_t section = tell_standing(about, who, detail);
    if (!section)
        return;
    unsigned count = detail ? __atomic_load_n(&detail->settings, __ATOMIC_ACQUIRE) : 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t key = __atomic_load_n(&detail->setting[i].key, __ATOMIC_ACQUIRE);
        if (key)
            tell_setting(about, who, key, __atomic_load_n(&detail->setting[i].value, __ATOMIC_RELAXED));
    }
    about->about->told = section;
}
