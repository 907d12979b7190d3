/* SPDX-License-Identifier: MIT
 *
 * Lays out records in slots. Callable from anywhere. A record is complete before its kind is stored, so a reader never
 * sees half of one, whenever the writer dies.
 */
#include "shim/record.h"

#include "shim/clock.h"
#include "shim/config.h"
#include "shim/image.h"
#include "shim/log.h"
#include "shim/record_place.h"
#include "shim/sandbox.h"
#include "shim/sys.h"
#include "shim/tell.h"

#include <string.h>

/* What the process is called, for when it cannot be asked, or by a thread that has a name of its own. */
static char known_comm[16];

/* A child's first record. */
static void tell_birth(struct identity child)
{
    struct newborn born = process_newborn;
    process_newborn.pid = 0;
    if (born.pid != child.pid || !log_is_open())
        return;
    struct sockatlas_body_start body = {
        .fork_slot = born.fork_slot, .ppid = (uint32_t)sys(SYS_getppid), .vforked = child.vforked};
    image_comm(body.comm);
    struct record record = {.kind = SOCKATLAS_START, .fd = -1};
    uint64_t time_ns = clock_now();
    struct sockatlas_header *header = log_header();
    /* What a new process has in /proc is made when it is asked for. Its parent is who forked it: one namespace. */
    if (!header->other_pids && process_orphaned() && image_pidns() != header->pidns_inode)
        __atomic_store_n(&header->other_pids, 1, __ATOMIC_RELEASE);
    struct log_slots slots = log_take(1);
    if (!slots.at)
        return;
    record_head(slots.at, &record, child, time_ns, sizeof(body), 1, slots.use);
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

/* Gives up what record_put() took: it is as if nothing stood there. */
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

static void place_whole(struct record *record, struct identity who, const void *body, size_t body_size,
                        const void *tail, size_t tail_size)
{
    unsigned char *at = record_place(record, who, body_size, tail_size);
    if (!at)
        return;
    record_copy(at, body, body_size);
    record_tail(at, body_size, tail, tail_size);
    record_commit(at, record->kind);
}

/* Where it is another than the header's, or has been: the process's cgroup. */
static char known_cgroup[IMAGE_CGROUP] LARGE;

/* To ask takes a descriptor for a moment, which no other thread shall meet. */
static void follow_cgroup(const struct sockatlas_header *header)
{
    enum { TEXT = 1024 };
    static char text[TEXT] LARGE, now[IMAGE_CGROUP] LARGE;
    static bool busy; /* in the code that a signal handler interrupted */
    if (!header || sandbox_inside() || sandbox_threads_began() || __atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return;
    image_cgroup(now, text, sizeof(text));
    if (now[0] && (known_cgroup[0] || memcmp(now, header->cgroup, sizeof(now)) != 0))
        memcpy(known_cgroup, now, sizeof(now));
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

/* The log is a new one in place of another. */
static void tell_gone(struct identity who, uint64_t time_ns)
{
    static const char detail[] = "its log was removed or renamed while it was in use; records from before are not here";
    struct sockatlas_body_coverage body = {.what = SOCKATLAS_COVERAGE_LOG_GONE, .detail_size = sizeof(detail) - 1};
    struct record record = {.kind = SOCKATLAS_COVERAGE, .fd = -1, .time_ns = time_ns};
    place_whole(&record, who, &body, sizeof(body), detail, body.detail_size);
}

/* What the process is called now, whose it is, and in which cgroup. */
static void tell_process(struct identity who, uint64_t time_ns)
{
    const struct sockatlas_header *header = log_header();
    struct sockatlas_body_process body = {.ppid = 0};
    if (who.tid == who.pid && !sandbox_inside())
        image_comm(known_comm);
    if (!known_comm[0] && header && header->pid == who.pid)
        memcpy(known_comm, header->comm, sizeof(known_comm));
    memcpy(body.comm, known_comm, sizeof(body.comm));
    long ppid = sys(SYS_getppid);
    body.ppid = ppid > 0 ? (uint32_t)ppid : 0;
    body.uid = !sandbox_inside() ? sys_euid() : header ? header->uid : 0;
    follow_cgroup(header);
    body.cgroup_size = (uint16_t)strnlen(known_cgroup, sizeof(known_cgroup));
    struct record record = {.kind = SOCKATLAS_PROCESS, .fd = -1, .time_ns = time_ns};
    place_whole(&record, who, &body, sizeof(body), known_cgroup, body.cgroup_size);
    if (record.section)
        process_page()->told = record.section;
    if (log_took_over())
        tell_gone(who, time_ns);
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

static inline bool is_told(const struct record *record, uint32_t section)
{
    return (record->about ? record->about->told : process_page()->told) == section;
}

/* Tells in the present section what the record takes to be known. */
static __attribute__((noinline, cold)) void tell(const struct record *record, struct identity who)
{
    if (!log_is_failing() && process_page()->told != log_section())
        tell_process(who, record->time_ns);
}

static __attribute__((noinline, cold)) void tell_both(const struct record *record, struct identity who)
{
    tell(record, who);
    if (!log_is_failing() && record->about->told != process_page()->told)
        tell_socket(record, who);
}

/* `about`: whether the record is about a socket that is known; a constant, so that what never tells of one needs no
 * stack for it. */
static inline __attribute__((always_inline)) void *begin(struct record *record, size_t body_size, size_t tail_size,
                                                         bool about)
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
    log_look_if_due(record->time_ns);
    /* Others may go on to the next section between the look and the taking. A vfork child leaves its parent's marks
     * alone. */
    enum { TRIES = 4 };
    for (int left = TRIES;; left--) {
        uint32_t section = log_section();
        if (section && __builtin_expect(!is_told(record, section), 0) && !who.vforked)
            about && record->about ? tell_both(record, who) : tell(record, who);
        struct sockatlas_common *body = record_put(record, who, body_size, tail_size, log_take);
        if (!body || __builtin_expect(is_told(record, record->section), 1) || who.vforked || left == 0)
            return body;
        drop(body);
    }
}

void *record_begin(struct record *record, size_t body_size, size_t tail_size)
{
    return begin(record, body_size, tail_size, true);
}

void *record_begin_first(struct record *record, size_t body_size, size_t tail_size)
{
    return begin(record, body_size, tail_size, false);
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
    if (reserved.slots.at)
        record_head(reserved.slots.at, &record, who, reserved.time_ns, 0, 1, reserved.slots.use);
    return reserved;
}

void record_complete(const struct reserved *reserved, const struct record *record, const void *body, size_t body_size)
{
    struct sockatlas_common *slot = reserved->slots.at;
    if (!slot)
        return;
    record_head(slot, record, process_identity(), reserved->time_ns, body_size, 1, reserved->slots.use);
    record_clear((unsigned char *)(slot + 1), 1);
    record_copy((unsigned char *)(slot + 1), body, body_size);
    record_commit(slot + 1, record->kind);
}
