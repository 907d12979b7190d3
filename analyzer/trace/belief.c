/* SPDX-License-Identifier: MIT
 *
 * Which records of a log can be true, see belief.h. Keeps for each log which processes were born in it, and for all
 * which process has which logs of its own.
 */
#include "analyzer/trace/belief.h"

#include "analyzer/trace/hash.h"
#include "analyzer/trace/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A process that ended is still believed for as long: its other threads may go on until the kernel stops them. */
#define ENDED_KEPT_NS 10000000000ull
/* By so much a process's clock may be behind another's: coarse clocks tick 100 times a second. */
#define CLOCKS_APART_NS 1000000000ull

/* A process that was forked from one of the log's and goes on in it. */
struct birth {
    uint32_t pid; /* 0: the place is free */
    uint64_t born_ns;
    uint64_t ended_ns; /* 0: it has not told so */
};

/* A fork that the log tells of: its child begins once. */
struct fork {
    uint64_t slot;
    uint32_t child; /* as its parent counts it; 0 unknown */
    bool begun;
};

enum { FORKS_KEPT = 16 };

struct log {
    const struct trace_image *image; /* NULL: all is believed */
    struct fork forks[FORKS_KEPT];   /* the latest */
    unsigned forks_next;
    struct birth *births; /* open addressing; the size is a power of two */
    unsigned births_size, births_used;
    bool other_pids; /* some of its processes count pids in a namespace of their own */
    bool begun;
    /* What was found last: holds for this process until then, while no log is added. */
    uint32_t pid;
    uint64_t until_ns;
    unsigned images;
};

/* The logs of one process id, in the order of time. */
struct owner {
    struct {
        uint64_t pidns;
        unsigned host;
        uint32_t pid;
    } key;
    const struct trace_image **logs;
    unsigned count;
    UT_hash_handle hh;
};

struct belief {
    belief_lives *lives;
    void *context;
    struct log *logs; /* by image id */
    unsigned logs_size;
    unsigned images;
    struct owner *owners;
};

struct belief *belief_new(belief_lives *lives, void *context)
{
    struct belief *belief = memory_must(calloc(1, sizeof *belief));
    belief->lives = lives;
    belief->context = context;
    return belief;
}

void belief_free(struct belief *belief)
{
    struct owner *owner = belief->owners, *next = NULL;
    HASH_CLEAR(hh, belief->owners);
    for (; owner; owner = next) {
        next = owner->hh.next;
        free(owner->logs);
        free(owner);
    }
    for (unsigned i = 0; i < belief->logs_size; i++)
        free(belief->logs[i].births);
    free(belief->logs);
    free(belief);
}

/* ---- Whose log it is ---- */

static struct owner *find_owner(const struct belief *belief, const struct trace_image *image, uint32_t pid)
{
    struct owner *owner = NULL, wanted;
    memset(&wanted.key, 0, sizeof wanted.key);
    wanted.key.pidns = image->header.pidns_inode;
    wanted.key.host = image->host;
    wanted.key.pid = pid;
    if (wanted.key.pidns != 0) /* unknown: any process may have the number */
        HASH_FIND(hh, belief->owners, &wanted.key, sizeof wanted.key, owner);
    return owner;
}

static void add_owner(struct belief *belief, const struct trace_image *image)
{
    struct owner *owner = find_owner(belief, image, image->header.pid);
    if (image->header.pidns_inode == 0)
        return;
    if (owner == NULL) {
        owner = memory_must(calloc(1, sizeof *owner));
        owner->key.pidns = image->header.pidns_inode;
        owner->key.host = image->host;
        owner->key.pid = image->header.pid;
        HASH_ADD(hh, belief->owners, key, sizeof owner->key, owner);
    }
    if ((owner->count & (owner->count - 1)) == 0)
        owner->logs =
            memory_must(realloc(owner->logs, (owner->count ? 2 * (size_t)owner->count : 1) * sizeof *owner->logs));
    unsigned at = owner->count++;
    for (; at > 0 && owner->logs[at - 1]->header.boottime_ns > image->header.boottime_ns; at--)
        owner->logs[at] = owner->logs[at - 1];
    owner->logs[at] = image;
}

/* The log that process `pid` had of its own at that time, and until when; NULL: none. */
static const struct trace_image *own_log(const struct belief *belief, const struct trace_image *image, uint32_t pid,
                                         uint64_t time_ns, uint64_t *until_ns)
{
    const struct owner *owner = find_owner(belief, image, pid);
    unsigned low = 0, high = owner ? owner->count : 0;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (owner->logs[middle]->header.boottime_ns <= time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    *until_ns = owner && low < owner->count ? owner->logs[low]->header.boottime_ns : UINT64_MAX;
    return low ? owner->logs[low - 1] : NULL;
}

/* The name that the shim gave the file, which nobody who has it mapped can change: COMM.PID.TIME.atlas. A file that was
 * given another name says nothing. */
const char *belief_check(const struct trace_image *image)
{
    const struct sockatlas_header *header = &image->header;
    char comm[sizeof header->comm + 1] = "", expected[96];
    const char *name = image->name, *end = strstr(name, SOCKATLAS_SUFFIX);
    if (!end || end[sizeof SOCKATLAS_SUFFIX - 1])
        return NULL;
    const char *time = end;
    while (time > name && time[-1] != '.')
        time--;
    const char *dot = time > name ? time - 1 : name, *pid = dot;
    while (pid > name && pid[-1] >= '0' && pid[-1] <= '9')
        pid--;
    bool ours = pid < dot && pid > name && pid[-1] == '.' && time < end &&
                strspn(time, "0123456789abcdef") == (size_t)(end - time);
    if (!ours)
        return NULL;
    if (header->writer == SOCKATLAS_WRITER_RUN)
        return "its header says that `run` wrote it";
    memcpy(comm, header->comm, sizeof header->comm);
    for (char *c = comm; *c; c++)
        if (*c == '/' || *c <= ' ' || *c > '~')
            *c = '_';
    snprintf(expected, sizeof expected, "%s.%" PRIu32 ".%" PRIx64 SOCKATLAS_SUFFIX, comm, header->pid,
             header->boottime_ns);
    return strcmp(expected, name) == 0 ? NULL : "its header is of another process than its name";
}

void belief_image(struct belief *belief, const struct trace_image *image)
{
    if (image->id >= belief->logs_size) {
        unsigned size = belief->logs_size ? belief->logs_size : 16;
        while (size <= image->id)
            size *= 2;
        belief->logs = memory_must(realloc(belief->logs, size * sizeof *belief->logs));
        memset(belief->logs + belief->logs_size, 0, (size - belief->logs_size) * sizeof *belief->logs);
        belief->logs_size = size;
    }
    belief->logs[image->id].image = image;
    belief->images++;
    if (event_of_program(&image->header))
        add_owner(belief, image);
}

/* ---- Who was born in it ---- */

static struct birth *find_place(struct birth *births, unsigned size, uint32_t pid)
{
    unsigned at = (unsigned)hash_numbers(pid, 0) & (size - 1);
    while (births[at].pid != 0 && births[at].pid != pid)
        at = (at + 1) & (size - 1);
    return &births[at];
}

static struct birth *find_birth(const struct log *log, uint32_t pid)
{
    struct birth *birth = log->births_size ? find_place(log->births, log->births_size, pid) : NULL;
    return birth && birth->pid ? birth : NULL;
}

/* Forgets who ended long ago, so that memory follows who lives. */
static void make_space(struct log *log, uint64_t now_ns)
{
    struct birth *old = log->births;
    unsigned old_size = log->births_size, kept = 0;
    for (unsigned i = 0; i < old_size; i++)
        kept += old[i].pid && (!old[i].ended_ns || old[i].ended_ns + ENDED_KEPT_NS > now_ns);
    unsigned size = 16;
    while (size < 4 * kept)
        size *= 2;
    log->births = memory_must(calloc(size, sizeof *log->births));
    log->births_size = size;
    log->births_used = kept;
    for (unsigned i = 0; i < old_size; i++)
        if (old[i].pid && (!old[i].ended_ns || old[i].ended_ns + ENDED_KEPT_NS > now_ns))
            *find_place(log->births, size, old[i].pid) = old[i];
    free(old);
}

static void give_birth(struct log *log, uint32_t pid, uint64_t time_ns)
{
    if (pid == 0)
        return;
    if (2 * (log->births_used + 1) > log->births_size)
        make_space(log, time_ns);
    struct birth *birth = find_place(log->births, log->births_size, pid);
    log->births_used += birth->pid == 0;
    *birth = (struct birth){.pid = pid, .born_ns = time_ns};
}

/* ---- One record ---- */

/* Whether process `pid` lives, with a log of its own, and so cannot be one that begins in this one. */
static bool lives_elsewhere(const struct belief *belief, const struct log *log, uint32_t pid, uint64_t time_ns)
{
    uint64_t until_ns;
    const struct trace_image *own = log->other_pids ? NULL : own_log(belief, log->image, pid, time_ns, &until_ns);
    return own != NULL && own != log->image && own->header.boottime_ns + CLOCKS_APART_NS < time_ns &&
           belief->lives(belief->context, own->id, time_ns);
}

/* A record of a process that is not known to have begun in this log, or of one that may be another by now. */
static bool is_writer(const struct belief *belief, struct log *log, const struct event *event, bool gaps)
{
    const struct sockatlas_header *header = &log->image->header;
    const struct birth *birth = event->pid == header->pid ? NULL : find_birth(log, event->pid);
    uint64_t until_ns;
    const struct trace_image *own = own_log(belief, log->image, event->pid, event->time_ns, &until_ns);
    if (log->other_pids)
        own = NULL;
    if (event->pid != header->pid && birth == NULL) {
        /* A vfork child whose first record made the log has not told of itself. */
        if (log->begun && (!gaps || own != NULL))
            return false;
        give_birth(log, event->pid, event->time_ns);
    }
    /* It executed another program since, whose log is another one. */
    uint64_t born_ns = birth ? birth->born_ns : event->pid == header->pid ? header->boottime_ns : event->time_ns;
    if (own != NULL && own != log->image && born_ns < own->header.boottime_ns) {
        uint64_t executed_ns = own->header.boottime_ns + CLOCKS_APART_NS;
        if (event->time_ns > executed_ns)
            return false;
        until_ns = executed_ns < until_ns ? executed_ns : until_ns;
    }
    log->pid = event->pid;
    log->until_ns = until_ns;
    log->images = belief->images;
    return true;
}

static bool is_known_writer(const struct belief *belief, const struct log *log, const struct event *event)
{
    return log->pid == event->pid && event->time_ns < log->until_ns && log->images == belief->images;
}

/* Whether the child has another number for itself than its parent has for it: it is in a namespace of its own. */
static bool is_elsewhere(struct log *log, const struct event *event)
{
    const struct sockatlas_body_start *body = event_body(event);
    struct fork *fork = NULL;
    for (unsigned i = 0; i < FORKS_KEPT && i < log->forks_next && !fork; i++)
        if (log->forks[i].slot == body->fork_slot)
            fork = &log->forks[i];
    if (fork == NULL)
        return !body->vforked && (body->fork_slot != UINT64_MAX || event->pid == 1);
    bool first = !fork->begun;
    fork->begun = true;
    return first && fork->child != 0 && fork->child != event->pid;
}

static bool believe_start(const struct belief *belief, struct log *log, const struct event *event)
{
    bool elsewhere = is_elsewhere(log, event);
    bool known = find_birth(log, event->pid) != NULL;
    log->begun = true;
    if (event->pid == log->image->header.pid)
        return true;
    if (!known && elsewhere)
        log->other_pids = true;
    if (!known && lives_elsewhere(belief, log, event->pid, event->time_ns))
        return false;
    give_birth(log, event->pid, event->time_ns);
    log->pid = 0;
    return true;
}

/* A child that goes on in this log; what it executes has another one. */
static bool believe_child(const struct belief *belief, struct log *log, const struct event *event, uint32_t child)
{
    if (event->error)
        return true;
    if (child != 0 && lives_elsewhere(belief, log, child, event->time_ns))
        return false;
    log->forks[log->forks_next++ % FORKS_KEPT] = (struct fork){.slot = event->slot, .child = child};
    give_birth(log, child, event->time_ns);
    log->pid = 0;
    return true;
}

/* A child that never wrote to this log. */
static bool believe_spawn(const struct belief *belief, const struct log *log, const struct event *event)
{
    const struct sockatlas_body_spawn *body = event_body(event);
    uint64_t until_ns;
    const struct trace_image *own = event->error || !body->child_pid
                                        ? NULL
                                        : own_log(belief, log->image, body->child_pid, event->time_ns, &until_ns);
    return own == NULL || own->header.ppid == event->pid ||
           !lives_elsewhere(belief, log, body->child_pid, event->time_ns);
}

bool belief_event(struct belief *belief, const struct event *event, bool gaps)
{
    struct log *log = event->image->id < belief->logs_size ? &belief->logs[event->image->id] : NULL;
    if (log == NULL || log->image == NULL || !event_of_program(&log->image->header))
        return true;
    if (event->kind == SOCKATLAS_START)
        return believe_start(belief, log, event);
    /* Tells again who writes, where what told it before may be gone. */
    if (event->kind == SOCKATLAS_PROCESS && event->pid != log->image->header.pid &&
        find_birth(log, event->pid) == NULL) {
        if (lives_elsewhere(belief, log, event->pid, event->time_ns))
            return false;
        give_birth(log, event->pid, event->time_ns);
    }
    if (!is_known_writer(belief, log, event) && !is_writer(belief, log, event, gaps))
        return false;
    log->begun = true;
    if (event->kind == SOCKATLAS_FORK)
        return believe_child(belief, log, event, ((const struct sockatlas_body_fork *)event_body(event))->child_pid);
    if (event->kind == SOCKATLAS_SPAWN)
        return believe_spawn(belief, log, event);
    struct birth *birth = event->kind == SOCKATLAS_EXIT ? find_birth(log, event->pid) : NULL;
    if (birth != NULL)
        birth->ended_ns = event->time_ns;
    return true;
}
