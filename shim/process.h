/* SPDX-License-Identifier: MIT
 *
 * Who is calling: process and thread ids without a system call each time, and the recognition of forked and vforked
 * children however they were made. Callable from anywhere.
 */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

#include "shim/thread.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct identity {
    uint32_t pid; /* 0: not known (in a sandbox, who has forked cannot ask) */
    uint32_t tid;
    bool vforked; /* runs in its parent's memory: must leave the parent's tables alone */
};

/* The child that this thread turned out to be, until record.c has told of it; fork_slot as in struct
 * sockatlas_body_start. Another's pid (a vfork child's that recorded nothing) means nothing. */
struct newborn {
    uint32_t pid; /* 0: none */
    uint64_t fork_slot;
};
extern THREAD struct newborn process_newborn_of;
#define process_newborn THREAD_OWN(process_newborn_of)

/* The page that the kernel blanks in a forked child and does not write-protect in its parent, so that a fork costs
 * neither of them a fault for what each fork changes. For process.c, clock.c and the inline functions here alone. */
enum { PROCESS_YOUNG = 4 };
struct process_wiped {
    uint32_t pid;
    uint32_t settled; /* pid again, once process_settle() has found nothing in doubt */
    uint32_t forks;
    uint32_t holds;       /* process_hold() was called */
    uint32_t told;        /* the section that has a PROCESS or START record of this process, as struct record has it */
    uint32_t touched;     /* log.h's: the page of the ring that this process wrote to last, from 1 on */
    uint32_t clock_reads; /* clock.c's, up to PROCESS_YOUNG; a process that is no forked child begins there */
};
extern struct process_wiped *process_wiped;

/* NULL before process_prepare(). */
static inline struct process_wiped *process_page(void)
{
    return __atomic_load_n(&process_wiped, __ATOMIC_ACQUIRE);
}

/* What a thread knows of itself. For process.c and the inline functions here alone. */
struct thread_self {
    uint32_t settled; /* the process that process_settle() was called in */
    uint32_t tid;
    uint32_t pid;   /* the process that `tid` was read in */
    uint32_t child; /* the vfork child that was seen last */
    bool vforking;
    uint32_t forker;    /* the process in which it announced its latest fork; in the child, by which it was made */
    uint64_t fork_slot; /* index + 1, 0 none */
    void *left;         /* see process_leave() */
    size_t left_size;
};
extern THREAD struct thread_self process_thread_of;
#define process_thread THREAD_OWN(process_thread_of)

/* The process that owns this memory: the caller's, or its parent's in a vfork child. 0 before process_prepare(), and in
 * a forked child before its first event. */
static inline uint32_t process_owner(void)
{
    struct process_wiped *page = process_page();
    return page ? page->pid : 0;
}

/* Has this thread been here before, in this very process, with nothing about who it is in doubt? Then it is what
 * process_thread says, and no child has just been born. */
static inline bool process_settled(void)
{
    struct process_wiped *page = process_page();
    return page && page->settled && page->settled == process_thread.settled;
}

/* The same, as the process `pid`. */
static inline bool process_settled_as(uint32_t pid)
{
    struct process_wiped *page = process_page();
    return page && page->settled == pid && pid && process_thread.settled == pid;
}

/* From now on that is so, unless something stays in doubt. Called once all is done that comes before a process's first
 * record. */
void process_settle(void);

/* The caller, where process_settled(). */
static inline struct identity process_settled_identity(void)
{
    return (struct identity){.pid = process_thread.settled, .tid = process_thread.tid};
}

/* The caller. */
struct identity process_identity_slowly(void);
static inline struct identity process_identity(void)
{
    return __builtin_expect(process_settled(), 1) ? process_settled_identity() : process_identity_slowly();
}

/* Sets up what recognises a fork: called before the first record, and by the fork wrappers. */
void process_prepare(void);

/* A fork of any kind is about to be made by this thread; `slot` is its FORK record's index, UINT64_MAX none. */
void process_forking(uint64_t slot);
/* In the parent: the fork that was announced is done. One that is not announced, some time later, is another. */
static inline void process_announced(void)
{
    process_thread.fork_slot = 0;
}
/* In a forked child: whether the process that forked it has ended. True also where that is not known. */
bool process_orphaned(void);
/* In the child of a fork that was announced: settles who it is. */
void process_forked(void);
/* The same for vfork: until the parent is seen running again, each identity asks the kernel. */
void process_vforking(uint64_t slot);
/* A vfork child is about to execute a program, with a mapping in use that it cannot take down any more if that
 * succeeds: its parent, whose memory it is, does, as soon as it is seen running again. NULL: the execution failed, all
 * is well. */
void process_leave(void *memory, size_t size);
/* A child that is no copy of this process, but holds its descriptors, is about to be made (posix_spawn, system, popen).
 */
void process_spawning(void);
/* Children that share this memory may exist from now on (clone with CLONE_VM): identities are always asked of the
 * kernel. */
void process_shared(uint64_t slot);

/* The caller is about to exec or to end. In a sandbox a vfork child and its parent cannot be told apart by asking, but
 * who comes next in this thread is the parent. Returns what process_stays() needs if the exec failed. */
unsigned process_goes(void);
void process_stays(unsigned was);

/* Whether this is a vfork child, whose descriptors are its own and whose memory, tables included, is its parent's. Asks
 * the kernel only where there may be one. */
bool process_in_vfork_slowly(void);
static inline bool process_in_vfork(void)
{
    return __builtin_expect(!process_settled(), 0) && process_in_vfork_slowly();
}

/* This process has come to a socket by its own doing, not by being forked: what it holds is worth a walk at its end. */
static inline void process_hold(void)
{
    struct process_wiped *page = process_page();
    if (page)
        page->holds = 1;
}
static inline bool process_holds(void)
{
    struct process_wiped *page = process_page();
    return page && page->holds;
}

/* Changes with each fork of any kind that this process announces. A child's is none of its ancestors': it differs from
 * what was noted when an inherited socket was made. */
static inline uint32_t process_forks(void)
{
    struct process_wiped *page = process_page();
    return page ? __atomic_load_n(&page->forks, __ATOMIC_RELAXED) : 0;
}

/* A thread of this process has entered another network namespace: the header's no longer says where a new socket is. */
void process_netns_change(void);
bool process_netns_changed(void);

#endif
