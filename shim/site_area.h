/* SPDX-License-Identifier: MIT
 *
 * What a thread whose system calls were redirected has of its own while it is in the shim. For site_entry.c and those
 * who set it up: the piece (piece/), and the shim in a dynamic Go program (site_redirect.c).
 */
#ifndef SHIM_SITE_AREA_H
#define SHIM_SITE_AREA_H

#include "shim/thread.h"

#include <stdbool.h>
#include <stdint.h>

/* Found by the thread pointer (the FS base), which is the only thing that tells a thread from others without asking the
 * kernel. Members in the order that site_entry.c's assembly has them. */
struct area {
    char *stack;   /* where its stack for our use ends; NULL: the program's are used */
    uint64_t busy; /* the thread is on that stack; AREA_SENDS */
    char block[];  /* thread.h's, in the piece */
};

/* In `busy`: it is in a call that sends. */
enum { AREA_SENDS = 2 };

/* One entry of the table by which areas are found. */
struct area_entry {
    uint64_t key; /* FS base | 1; 0: free */
    struct area *area;
};

/* Makes the table. `stacks`: the program's are small (goroutines'). False: no memory. */
bool area_prepare(bool stacks);
/* An area for the thread `key`, entered into the table. NULL: there are too many. One caller at a time. */
struct area *area_make(uint64_t key);
/* Waits for a moment until no thread is in a call that sends. */
void area_await_sends(void);
/* The calling thread ends: the next one with its thread pointer finds its area as new. */
void area_leave(void);

#endif
