/* SPDX-License-Identifier: MIT
 *
 * The logs of the kernel's notices, see notice_log.h. Their size is bounded: the oldest is removed, and what was in it
 * is counted as lost.
 */
#include "analyzer/cmd/notice_log.h"

#include "analyzer/cmd/diag.h"
#include "analyzer/cmd/notice.h"
#include "analyzer/cmd/run.h"
#include "analyzer/trace/hash.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LOG_BYTES = 16 << 20,
    LOGS_MAX = 16,
    LOOK_MS = 250,
    LOOK_TRIES = 3,   /* for a holder */
    LOOK_MAX = 512,   /* sockets at once */
    OPEN_MAX = 65536, /* sockets that are remembered as told */
    PARTING_MS = 200, /* at the end: for sockets that are closed, and whose peers have not acknowledged it */
    END_MS = 5000,    /* for the kernel to have told of what has ended */
    ROUNDS_MAX = 8,
};

/* An open socket that was looked at. */
struct open_socket {
    uint64_t cookie;
    unsigned tries; /* LOOK_TRIES: its holder is told, or cannot be found */
    UT_hash_handle hh;
};

struct notice_log {
    struct notice_rules rules;
    struct notice_reader reader;
    pthread_t thread;
    bool begun;
    int end; /* an eventfd */
    struct writer *writer;
    unsigned number;                 /* of the present log */
    uint64_t bytes;                  /* in it */
    uint64_t recorded[LOGS_MAX];     /* notices in each of the latest logs */
    uint64_t first_ns, last_ns;      /* when notices were lost; 0 never */
    uint64_t unwritten;              /* lost too */
    uint64_t told_lost, told_before; /* of both so far, as headers say; in the headers of earlier logs */
    struct notice_counts counts;
    struct open_socket *open;
    /* One look: those whose holder is to be found. */
    struct diag_socket wanted[LOOK_MAX];
    unsigned wanted_count;
};

/* ---- The logs ---- */

static void log_name(unsigned number, char name[64])
{
    snprintf(name, 64, "kernel-%d-%u", (int)getpid(), number);
}

static void append_network(struct notice_log *log)
{
    struct sockatlas_body_netns body = {.netns_cookie = log->reader.netns_cookie,
                                        .netns_inode = log->reader.netns_inode};
    struct sockatlas_common common = {.kind = SOCKATLAS_NETNS,
                                      .pid = (uint32_t)getpid(),
                                      .tid = (uint32_t)getpid(),
                                      .fd = -1,
                                      .time_ns = run_clock_now()};
    writer_append(log->writer, &common, &body, sizeof body, NULL, 0);
    writer_flush(log->writer);
}

static bool begin_log(struct notice_log *log)
{
    char name[64];
    struct sockatlas_header header;
    run_self_describe(&header, SOCKATLAS_WRITER_KERNEL, log->rules.no_cmdline);
    header.netns_cookie = log->reader.netns_cookie;
    header.netns_inode = log->reader.netns_inode;
    header.notices = log->rules.why;
    memcpy(header.run_id, log->rules.id, sizeof header.run_id);
    log_name(++log->number, name);
    log->writer = writer_create(log->rules.dir, name, &header);
    log->bytes = 0;
    log->told_before = log->told_lost;
    log->first_ns = 0;
    log->recorded[log->number % LOGS_MAX] = 0;
    if (log->writer)
        append_network(log);
    return log->writer != NULL;
}

static void note_lost(struct notice_log *log)
{
    uint64_t lost = log->reader.lost + log->unwritten;
    if (lost == log->told_lost && !log->counts.late)
        return;
    log->told_lost = lost;
    log->last_ns = run_clock_now();
    log->first_ns = log->first_ns ? log->first_ns : log->last_ns;
    if (log->writer)
        writer_lost(log->writer, lost - log->told_before, log->counts.late ? SOCKATLAS_LOSS_LATE : SOCKATLAS_LOSS_LIMIT,
                    log->first_ns, log->last_ns);
}

/* The next log, where this one is full; the oldest goes. */
static void turn_log(struct notice_log *log)
{
    char name[64], path[FOLDER_PATH_MAX + 80];
    if (log->writer && log->bytes < LOG_BYTES)
        return;
    if (log->writer)
        writer_close(log->writer);
    if (log->number >= LOGS_MAX) {
        log_name(log->number - LOGS_MAX + 1, name);
        snprintf(path, sizeof path, "%s/%s" SOCKATLAS_SUFFIX, log->rules.dir, name);
        if (unlink(path) == 0)
            log->unwritten += log->recorded[(log->number + 1) % LOGS_MAX];
    }
    begin_log(log);
}

/* ---- Notices ---- */

/* Where nothing else says whether the peer's FIN is among the bytes that came. */
static bool is_in_doubt(const struct notice *notice)
{
    return notice->tcp_known && notice->bytes_received && !notice->unread && notice->acked;
}

static void forget_open(struct notice_log *log, uint64_t cookie)
{
    struct open_socket *known = NULL;
    HASH_FIND(hh, log->open, &cookie, sizeof cookie, known);
    if (!known)
        return;
    HASH_DEL(log->open, known); /* NOLINT(clang-analyzer-core.NullDereference): it is in the table */
    free(known);
}

static void record(void *context, const struct notice *notice)
{
    struct notice_log *log = context;
    unsigned char tail[RUN_PEER_ADDRESSES_MAX + sizeof notice->tcp];
    struct sockatlas_body_ended body = {.bytes_sent = notice->tcp_known ? notice->bytes_sent : SOCKATLAS_BYTES_UNKNOWN,
                                        .bytes_received =
                                            notice->tcp_known ? notice->bytes_received : SOCKATLAS_BYTES_UNKNOWN,
                                        .netns_cookie = log->reader.netns_cookie,
                                        .protocol = notice->protocol,
                                        .unread = notice->unread,
                                        .acked = notice->acked};
    if (is_in_doubt(notice))
        body.left = (uint8_t)notice_left(&log->reader, notice);
    size_t size = run_peer_addresses(&body.addresses, tail, &notice->local, &notice->peer);
    if (notice->tcp_known) {
        memcpy(tail + size, &notice->tcp, sizeof notice->tcp);
        size += sizeof notice->tcp;
    }
    struct sockatlas_common common = {.kind = SOCKATLAS_ENDED,
                                      .pid = (uint32_t)getpid(),
                                      .tid = (uint32_t)getpid(),
                                      .fd = -1,
                                      .cookie = notice->cookie,
                                      .time_ns = run_clock_now()};
    if (log->writer && writer_append(log->writer, &common, &body, sizeof body, tail, size)) {
        log->counts.ended++;
        log->recorded[log->number % LOGS_MAX]++;
        log->bytes += 3 * SOCKATLAS_SLOT_SIZE; /* or less */
    } else {
        log->unwritten++;
    }
    forget_open(log, notice->cookie);
}

static bool read_notices(struct notice_log *log)
{
    bool any = notice_read(&log->reader, record, log);
    if (!any)
        return false;
    if (log->writer && !writer_flush(log->writer))
        log->unwritten++;
    note_lost(log);
    turn_log(log);
    return true;
}

/* ---- Who has what is open ---- */

static void want(void *context, const struct diag_socket *socket)
{
    struct notice_log *log = context;
    struct open_socket *known = NULL;
    if (socket->listening || !socket->inode || !socket->cookie || !socket->peer.port || log->wanted_count == LOOK_MAX)
        return;
    HASH_FIND(hh, log->open, &socket->cookie, sizeof socket->cookie, known);
    if (!known) {
        if (HASH_COUNT(log->open) >= OPEN_MAX)
            return;
        known = memory_must(calloc(1, sizeof *known));
        known->cookie = socket->cookie;
        HASH_ADD(hh, log->open, cookie, sizeof known->cookie, known);
    }
    if (known->tries == LOOK_TRIES)
        return;
    known->tries++;
    log->wanted[log->wanted_count++] = *socket;
}

static void tell_holder(struct notice_log *log, const struct diag_socket *socket, pid_t pid)
{
    struct run_peer_name name;
    struct open_socket *known = NULL;
    if (!pid || pid == getpid())
        return;
    HASH_FIND(hh, log->open, &socket->cookie, sizeof socket->cookie, known);
    if (known)
        known->tries = LOOK_TRIES;
    if ((log->rules.named && !log->rules.named(log->rules.context, pid)) || !run_peer_name(&name, pid))
        return;
    run_peer_append(log->writer,
                    &(struct run_peer){.pid = pid,
                                       .comm = name.comm,
                                       .exe = name.exe,
                                       .netns_inode = log->reader.netns_inode,
                                       .type = socket->type,
                                       .own_cookie = socket->cookie,
                                       .local = &socket->local,
                                       .peer = &socket->peer},
                    run_clock_now());
    log->bytes += 5 * SOCKATLAS_SLOT_SIZE;
}

static void look(struct notice_log *log)
{
    struct diag_holder holders[LOOK_MAX];
    log->wanted_count = 0;
    if (!log->writer)
        return;
    diag_sockets(AF_INET, IPPROTO_TCP, want, log);
    diag_sockets(AF_INET6, IPPROTO_TCP, want, log);
    if (!log->wanted_count)
        return;
    for (unsigned i = 0; i < log->wanted_count; i++)
        holders[i] = (struct diag_holder){.inode = log->wanted[i].inode};
    diag_holders(holders, log->wanted_count, true);
    for (unsigned i = 0; i < log->wanted_count; i++)
        tell_holder(log, &log->wanted[i], holders[i].pid);
    writer_flush(log->writer);
}

/* ---- The end ---- */

static void count_parting(void *context, const struct diag_socket *socket)
{
    *(unsigned *)context += socket->parting;
}

static void wait_briefly(struct notice_log *log)
{
    poll(&(struct pollfd){.fd = log->reader.groups, .events = POLLIN}, 1, 10);
    read_notices(log);
}

static void wait_for_parting(struct notice_log *log)
{
    uint64_t until = run_clock_now() + (uint64_t)PARTING_MS * 1000000;
    unsigned parting;
    do {
        parting = 0;
        diag_sockets(AF_INET, IPPROTO_TCP, count_parting, &parting);
        diag_sockets(AF_INET6, IPPROTO_TCP, count_parting, &parting);
        wait_briefly(log);
    } while (parting && run_clock_now() < until);
}

/* Whether all was told that has ended on the CPU that this thread is on. */
static bool reach_mark(struct notice_log *log, uint64_t until)
{
    uint64_t mark = 0, dropped = 0;
    while (run_clock_now() < until) {
        if (!mark || log->reader.dropped != dropped) { /* the mark may be among them */
            dropped = log->reader.dropped;
            mark = notice_mark(&log->reader);
        }
        if (!mark)
            return false;
        wait_briefly(log);
        if (notice_mark_is_told(&log->reader, mark))
            return true;
    }
    return false;
}

/* A mark on each CPU, until there is nothing but them. Where the network is never quiet, ROUNDS_MAX: what ended before
 * is told then. */
static bool reach_end(struct notice_log *log)
{
    uint64_t until = run_clock_now() + (uint64_t)END_MS * 1000000, before = 0, now = UINT64_MAX;
    for (int round = 0; round < ROUNDS_MAX && (round < 2 || now != before); round++) {
        before = log->counts.ended + log->unwritten + log->reader.lost;
        for (int cpu = 0; cpu < (int)sysconf(_SC_NPROCESSORS_CONF); cpu++) {
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET((size_t)cpu, &set);
            if (sched_setaffinity(0, sizeof set, &set) == 0 && !reach_mark(log, until))
                return false;
        }
        now = log->counts.ended + log->unwritten + log->reader.lost;
    }
    return true;
}

/* ---- The thread ---- */

static void *work(void *context)
{
    struct notice_log *log = context;
    struct pollfd wait[] = {{.fd = log->end, .events = POLLIN}, {.fd = log->reader.groups, .events = POLLIN}};
    uint64_t looked = 0;
    while (!(wait[0].revents & POLLIN)) {
        if (run_clock_now() - looked >= (uint64_t)LOOK_MS * 1000000) {
            look(log);
            looked = run_clock_now();
        }
        poll(wait, 2, LOOK_MS);
        if (wait[1].revents)
            read_notices(log);
    }
    wait_for_parting(log);
    log->counts.late = !reach_end(log);
    note_lost(log);
    return NULL;
}

static void release(struct notice_log *log)
{
    for (struct open_socket *known = log->open, *next; known; known = next) {
        next = known->hh.next;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc): it is in the table */
        HASH_DEL(log->open, known);
        free(known);
    }
    notice_close(&log->reader);
    if (log->writer)
        writer_close(log->writer);
    if (log->end >= 0)
        close(log->end);
    free(log);
}

struct notice_log *notice_log_open(const struct notice_rules *rules)
{
    struct notice_log *log = memory_must(calloc(1, sizeof *log));
    log->rules = *rules;
    log->end = eventfd(0, EFD_CLOEXEC);
    log->reader.groups = log->reader.question = -1;
    if (log->end >= 0 && notice_open(&log->reader, rules->buffer) && begin_log(log))
        return log;
    int error = errno;
    release(log);
    errno = error;
    return NULL;
}

bool notice_log_begin(struct notice_log *log)
{
    errno = pthread_create(&log->thread, NULL, work, log);
    log->begun = errno == 0;
    return log->begun;
}

struct notice_counts notice_log_end(struct notice_log *log)
{
    const uint64_t one = 1;
    struct notice_counts counts = {.ended = 0};
    if (!log)
        return counts;
    while (log->begun && write(log->end, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    if (log->begun)
        pthread_join(log->thread, NULL);
    counts = log->counts;
    counts.lost = log->told_lost;
    release(log);
    return counts;
}

size_t notice_log_buffer(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long number = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (!number || errno)
        return 0;
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
    if (end[shift != 0] || number > (1ull << 30) >> shift)
        return 0;
    return (size_t)(number << shift);
}
