/* SPDX-License-Identifier: MIT
 *
 * Lays out records in slots. Callable from anywhere. A record is complete before its kind is stored, so a reader never
 * sees half of one, whenever the writer dies.
 */
#include "shim/record.h"

#include "shim/clock.h"
#include "shim/config.h"
#include "shim/image.h"
#include "shim/listener.h"
#include "shim/log.h"
#include "shim/probe.h"
#include "shim/sandbox.h"
#include "shim/sys.h"

#include <string.h>

enum { HEAD_ROOM = SOCKATLAS_SLOT_SIZE - sizeof(struct sockatlas_common) };

static void head(struct sockatlas_common *slot, const struct record *record, struct identity who, uint64_t time_ns,
                 size_t body_size, unsigned slots, uint32_t use)
{
    struct sockatlas_common fresh = {.call = (uint8_t)record->call,
                                     .error = (uint16_t)record->error & 0xfff,
                                     .use = (uint16_t)(use & 15),
                                     .pid = who.pid & 0xffffff,
                                     .body_size = (uint8_t)body_size,
                                     .tid = who.tid & 0xffffff,
                                     .slots = (uint8_t)slots,
                                     .fd = record->fd,
                                     .time_ns = time_ns,
                                     .cookie = record->cookie};
    /* `kind` and `use` in one store: a slot that bears this use and a former kind would be taken for a record. */
    uint32_t first;
    memcpy(&first, &fresh, sizeof(first));
    __atomic_store_n((uint32_t *)(void *)slot, first, __ATOMIC_RELAXED);
    memcpy((char *)slot + sizeof(first), (const char *)&fresh + sizeof(first), sizeof(fresh) - sizeof(first));
}

/* Slots hold what they held in their section's former use: clears all behind the common fields. */
static inline void clear(unsigned char *body, unsigned slots)
{
    memset(body, 0, HEAD_ROOM);
    for (body += HEAD_ROOM; --slots; body += SOCKATLAS_SLOT_SIZE)
        memset(body, 0, SOCKATLAS_SLOT_SIZE);
}

/* What the process is called, for when it cannot be asked, or by a thread that has a name of its own. */
static char known_comm[16];

/* A child's first record. */
static void tell_birth(struct identity child)
{
    struct process_newborn born = process_newborn;
    process_newborn.pid = 0;
    if (born.pid != child.pid || !log_is_open())
        return;
    struct sockatlas_body_start body = {
        .fork_slot = born.fork_slot, .ppid = (uint32_t)sys(SYS_getppid), .vforked = child.vforked};
    image_comm(body.comm);
    struct record record = {.kind = SOCKATLAS_START, .fd = -1};
    uint64_t time_ns = clock_now();
    struct log_slots slots = log_take(1);
    if (!slots.at)
        return;
    head(slots.at, &record, child, time_ns, sizeof(body), 1, slots.use);
    record_copy((unsigned char *)(slots.at + 1), (const unsigned char *)&body, sizeof(body));
    record_commit(slots.at + 1, record.kind);
    memcpy(known_comm, body.comm, sizeof(known_comm));
    if (!child.vforked)
        process_page()->told = slots.section + 1;
}

/* The caller, of whom all is told that comes before a record of his. */
static __attribute__((noinline, cold)) struct identity writer(void)
{
    struct identity who = process_identity();
    if (process_newborn.pid)
        tell_birth(who);
    if (clock_warm())
        process_settle();
    return who;
}

void record_self(void)
{
    if (log_is_open())
        writer();
}

/* Gives up what place() took: it is as if nothing stood there. */
static __attribute__((noinline, cold)) void drop(struct sockatlas_common *body)
{
    struct sockatlas_common *slot = body - 1;
    log_pad((struct log_slots){.at = slot, .use = slot->use}, slot->slots);
}

void record_birth(void)
{
    if (!log_is_open())
        return;
    process_forked();
    writer();
}

/* record_begin() without a look at what the section tells. */
static inline void *place(struct record *record, struct identity who, size_t body_size, size_t tail_size,
                          struct log_slots (*take)(unsigned count))
{
    size_t size = body_size + tail_size;
    unsigned count = 1;
    if (size > HEAD_ROOM)
        count += (unsigned)((size - HEAD_ROOM + SOCKATLAS_CONTINUATION_BYTES - 1) / SOCKATLAS_CONTINUATION_BYTES);
    struct log_slots slots = take(count);
    if (__builtin_expect(!slots.at, 0))
        return NULL;
    record->section = slots.section + 1;
    head(slots.at, record, who, record->time_ns, body_size, count, slots.use);
    clear((unsigned char *)(slots.at + 1), count);
    return slots.at + 1;
}

static void place_whole(struct record *record, struct identity who, const void *body, size_t body_size,
                        const void *tail, size_t tail_size)
{
    unsigned char *at = place(record, who, body_size, tail_size, log_take_uncounted);
    if (!at)
        return;
    record_copy(at, body, body_size);
    record_tail(at, body_size, tail, tail_size);
    record_commit(at, record->kind);
}

/* What the process is called now and whose it is. */
static void tell_process(struct identity who, uint64_t time_ns)
{
    const struct sockatlas_header *header = log_header();
    struct sockatlas_body_process body = {.ppid = 0};
    if (who.tid == who.pid && !sandbox_inside())
        image_comm(known_comm);
    if (!known_comm[0] && header && header->pid == who.pid)
        memcpy(known_comm, header->comm, sizeof(known_comm));
    memcpy(body.comm, known_comm, sizeof(body.comm));
    long ppid = sys(SYS_getppid), uid = sys(SYS_geteuid);
    body.ppid = ppid > 0 ? (uint32_t)ppid : 0;
    body.uid = uid >= 0 ? (uint32_t)uid : header ? header->uid : 0;
    struct record record = {.kind = SOCKATLAS_PROCESS, .fd = -1, .time_ns = time_ns};
    place_whole(&record, who, &body, sizeof(body), NULL, 0);
    if (record.section)
        process_page()->told = record.section;
}

void record_process(void)
{
    if (!config.on || !log_is_open() || !log_section())
        return;
    struct identity who = writer();
    if (who.pid && !who.vforked)
        tell_process(who, clock_now());
}

void record_renamed(void)
{
    char comm[16];
    struct identity who = process_identity();
    const struct sockatlas_header *header = log_header();
    if (!known_comm[0] && header && header->pid == who.pid)
        memcpy(known_comm, header->comm, sizeof(known_comm));
    if (!known_comm[0] || who.tid != who.pid || sandbox_inside())
        return;
    image_comm(comm);
    if (memcmp(comm, known_comm, sizeof(comm)) != 0)
        record_process();
}

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

/* What is known of a socket, and what the kernel says of it now. */
static void tell_socket(const struct record *about, struct identity who)
{
    struct descriptor *entry = about->about;
    int fd = about->about_fd;
    uint64_t time_ns = about->time_ns;
    uint16_t flags = entry->flags & (uint16_t)~about->brings;
    struct endpoint local, peer;
    endpoint_clear(&peer);
    probe_local(fd, &local);
    if (!endpoint_known(&local) && (flags & DESCRIPTOR_LISTENING))
        listener_local(entry->cookie, &local);
    if (flags & (DESCRIPTOR_CONNECTED | DESCRIPTOR_CONNECTING))
        probe_peer(fd, &peer);
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
        .connected_ms = age_of(entry, flags, time_ns),
    };
    struct record record = {.fd = fd, .cookie = entry->cookie, .time_ns = time_ns};
    struct sockatlas_body_seen *body =
        place(&record, who, sizeof(*body), record_addresses_size(&local, &peer), log_take_uncounted);
    if (!body)
        return;
    *body = seen;
    record_addresses(body, sizeof(*body), &body->addresses, &local, &peer, 0);
    record_commit(body, SOCKATLAS_SEEN);
    entry->told = record.section;
}

static inline bool is_told(const struct record *record, uint32_t section)
{
    return (record->about ? record->about->told : process_page()->told) == section;
}

/* Tells in the present section what the record takes to be known. */
static __attribute__((noinline, cold)) void tell(const struct record *record, struct identity who)
{
    uint32_t section = log_section();
    if (log_is_failing())
        return;
    if (process_page()->told != section)
        tell_process(who, record->time_ns);
    if (record->about && record->about->told != process_page()->told)
        tell_socket(record, who);
}

void *record_begin(struct record *record, size_t body_size, size_t tail_size)
{
    struct identity who;
    if (__builtin_expect(process_settled(), 1)) {
        who = process_settled_identity();
        if (!record->time_ns)
            record->time_ns = clock_settled();
    } else {
        who = writer();
        if (!who.pid) {
            log_lose(SOCKATLAS_LOSS_SANDBOX);
            return NULL;
        }
        if (!record->time_ns)
            record->time_ns = clock_now();
    }
    /* Others may go on to the next section between the look and the taking. A vfork child leaves its parent's marks
     * alone. */
    enum { TRIES = 4 };
    for (int left = TRIES;; left--) {
        uint32_t section = log_section();
        if (section && __builtin_expect(!is_told(record, section), 0) && !who.vforked)
            tell(record, who);
        struct sockatlas_common *body = place(record, who, body_size, tail_size, log_take);
        if (!body || __builtin_expect(is_told(record, record->section), 1) || who.vforked || left == 0)
            return body;
        drop(body);
    }
}

void record_tail_beyond(void *body, size_t body_size, const void *tail, size_t size)
{
    unsigned char *slot = (unsigned char *)((struct sockatlas_common *)body - 1);
    const unsigned char *from = tail;
    size_t now = HEAD_ROOM - body_size;
    record_copy((unsigned char *)body + body_size, from, now);
    for (from += now, size -= now; size; from += now, size -= now) {
        now = size < SOCKATLAS_CONTINUATION_BYTES ? size : SOCKATLAS_CONTINUATION_BYTES;
        slot += SOCKATLAS_SLOT_SIZE;
        record_copy(slot + 1, from, now);
        __atomic_store_n(slot, (unsigned char)SOCKATLAS_CONTINUATION, __ATOMIC_RELEASE);
    }
}

void record_write(struct record *record, const void *body, size_t body_size, const void *tail, size_t tail_size)
{
    unsigned char *at = record_begin(record, body_size, tail_size);
    if (!at)
        return;
    record_copy(at, body, body_size);
    record_tail(at, body_size, tail, tail_size);
    record_commit(at, record->kind);
}

struct reserved record_reserve(void)
{
    struct reserved reserved = {.index = UINT64_MAX};
    if (!process_settled() && !writer().pid) {
        log_lose(SOCKATLAS_LOSS_SANDBOX);
        return reserved;
    }
    reserved.time_ns = clock_now();
    struct record record = {.time_ns = reserved.time_ns};
    struct identity who = process_identity();
    if (log_section() && !is_told(&record, log_section()) && !who.vforked)
        tell(&record, who);
    reserved.slots = log_take(1);
    reserved.index = reserved.slots.at ? log_position(reserved.slots) : UINT64_MAX;
    return reserved;
}

void record_complete(const struct reserved *reserved, const struct record *record, const void *body, size_t body_size)
{
    struct sockatlas_common *slot = reserved->slots.at;
    if (!slot)
        return;
    head(slot, record, process_identity(), reserved->time_ns, body_size, 1, reserved->slots.use);
    clear((unsigned char *)(slot + 1), 1);
    record_copy((unsigned char *)(slot + 1), body, body_size);
    record_commit(slot + 1, record->kind);
}

void record_addresses(void *body, size_t body_size, struct sockatlas_addresses *out, const struct endpoint *first_end,
                      const struct endpoint *second_end, uint32_t flags)
{
    unsigned char both[2 * ENDPOINT_BYTES_MAX], *at = (unsigned char *)body + body_size;
    size_t size = record_addresses_size(first_end, second_end);
    bool fits = size <= HEAD_ROOM - body_size;
    *out = (struct sockatlas_addresses){
        .first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT, .flags = (uint8_t)flags};
    if (!fits)
        at = both;
    if (first_end && endpoint_known(first_end)) {
        out->family = first_end->family;
        out->first_size = first_end->size;
        at = endpoint_put(at, first_end);
    }
    if (second_end && endpoint_known(second_end)) {
        out->family = second_end->family;
        out->second_size = second_end->size;
        endpoint_put(at, second_end);
    }
    if (!fits)
        record_tail_beyond(body, body_size, both, size);
}
