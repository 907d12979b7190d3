/* SPDX-License-Identifier: MIT
 *
 * Who is calling: process and thread ids without a system call each time, and the recognition of forked and vforked
 * children however they were made. Callable from anywhere.
 */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct identity {
    uint32_t pid;
    uint32_t tid;
    bool vforked; /* runs in its parent's memory: must leave the parent's tables alone */
};

/* The caller. */
struct identity process_identity(void);

/* The child that this thread turned out to be, until record.c has told of it; fork_slot as in struct
 * sockatlas_body_start. Another's pid (a vfork child's that recorded nothing) means nothing. */
struct process_newborn {
    uint32_t pid; /* 0: none */
    uint64_t fork_slot;
};
extern __thread struct process_newborn process_newborn;

/* The page that the kernel blanks in a forked child and does not write-protect in its parent, so that a fork costs
 * neither of them a fault for what each fork changes. For process.c and the inline functions here alone. */
struct process_wiped {
    uint32_t pid;
    uint32_t forks;
    uint32_t clock_reads; /* up to PROCESS_YOUNG */
};
extern struct process_wiped *process_wiped;

/* The process that owns this memory: the caller's, or its parent's in a vfork child. 0 before process_prepare(), and in
 * a forked child before its first event. */
static inline uint32_t process_owner(void)
{
    struct process_wiped *page = __atomic_load_n(&process_wiped, __ATOMIC_ACQUIRE);
    return page ? page->pid : 0;
}

/* Sets up what recognises a fork: called before the first record, and by the fork wrappers. */
void process_prepare(void);

/* A fork of any kind is about to be made by this thread; `slot` is its FORK record's index, UINT64_MAX none. */
void process_forking(uint64_t slot);
/* In the child of a fork that was announced: settles who it is. */
void process_forked(void);
/* The same for vfork: until the parent is seen running again, each identity asks the kernel. */
void process_vforking(uint64_t slot);
/* Children that share this memory may exist from now on (clone with CLONE_VM): identities are always asked of the
 * kernel. */
void process_shared(uint64_t slot);

/* The process is about to enter a seccomp sandbox: from now on a system call of ours could be its death, so none is
 * made any more. */
void process_confine(void);
bool process_confined(void);
/* It did not enter. */
void process_release(void);

/* Whether this is a vfork child, whose descriptors are its own and whose memory, tables included, is its parent's. Asks
 * the kernel only where there may be one. */
bool process_in_vfork(void);

/* Changes with each fork of any kind that this process announces. A child's is none of its ancestors': it differs from
 * what was noted when an inherited socket was made. */
static inline uint32_t process_forks(void)
{
    struct process_wiped *page = __atomic_load_n(&process_wiped, __ATOMIC_ACQUIRE);
    return page ? __atomic_load_n(&page->forks, __ATOMIC_RELAXED) : 0;
}

/* A thread of this process has entered another network namespace: the header's no longer says where a new socket is. */
void process_netns_change(void);
bool process_netns_changed(void);

/* CLOCK_BOOTTIME as the initial time namespace has it, nanoseconds; before process_clock_read(), this process's own. */
uint64_t process_now(void);
/* Learns by how much this process's time namespace is off: at most five system calls. */
void process_clock_read(void);
int64_t process_clock_offset(void); /* nanoseconds */
/* The children to come may be in another time namespace. */
void process_clock_change(void);

#endif
