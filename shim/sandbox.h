/* SPDX-License-Identifier: MIT
 *
 * Who is in a seccomp sandbox: a filter may kill for any system call that the program does not make itself, so the shim
 * makes none there. sys.h asks here before each call. A filter is known because it was installed through a wrapper, or
 * because the image began with one. Callable from anywhere.
 */
#ifndef SHIM_SANDBOX_H
#define SHIM_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

enum sandbox_state {
    SANDBOX_UNKNOWN, /* not asked yet whether the image began with a filter */
    SANDBOX_NONE,
    SANDBOX_THREADS, /* some threads are in one */
    SANDBOX_ALL,
};

/* For sandbox.c and sandbox_inside() alone. */
extern enum sandbox_state sandbox_state;
bool sandbox_inside_slowly(void);

/* Under so many filters the shim is known to work (SOCKATLAS_FILTERS). Before the first call of sandbox_inside(). */
void sandbox_trust(int filters);

/* Whoever attaches has seen from outside that the process is under no filter, which it may not be able to see itself:
 * it may have no /proc. */
void sandbox_ask_again(void);

/* The calling thread is in a sandbox, or it cannot be told that it is not. The first call in an image reads
 * /proc/self/status, by the very calls that the loader has just made to read this object. */
static inline bool sandbox_inside(void)
{
    return __builtin_expect(__atomic_load_n(&sandbox_state, __ATOMIC_RELAXED) != SANDBOX_NONE, 0) &&
           sandbox_inside_slowly();
}

/* A thread on its way in. */
struct sandbox_entering {
    bool all;          /* each thread of its process goes along */
    bool was;          /* it was in one already */
    uint64_t confined; /* what log_confine() returned */
};
/* The caller is about to enter. `vforked`: it is a vfork child, a process of its own in its parent's memory. */
struct sandbox_entering sandbox_enter(bool all, bool vforked);
/* It did not. */
void sandbox_refused(const struct sandbox_entering *entering);

/* The calling thread has asked the kernel just now: it is in none. */
void sandbox_outside(void);
/* The calling thread is about to make another, which will be where it is. */
void sandbox_thread_begins(void);
/* Whether that ever happened in this process, or in one that it was forked from. */
bool sandbox_threads_began(void);
/* This is a forked child: of all threads only the caller is left. */
void sandbox_forked(void);

/* A vfork child, which runs as its parent's thread, is about to exec or to end: whoever comes next in this thread is
 * the parent, which has not entered what the child has. Returns what sandbox_stays() needs if the exec failed. */
bool sandbox_goes(void);
void sandbox_stays(bool was);

#endif
