/* SPDX-License-Identifier: MIT
 *
 * The trace's clock: CLOCK_BOOTTIME as the initial time namespace has it, in nanoseconds. Callable from anywhere.
 */
#ifndef SHIM_CLOCK_H
#define SHIM_CLOCK_H

#include "shim/process.h"

#include <stdint.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* linux/sched.h */
#endif

/* Now. Before clock_learn(), as this process's own time namespace has it. */
uint64_t clock_now(void);
/* The same in a settled process, which has nothing to find out before. */
uint64_t clock_settled(void);

/* Is a reading by the vDSO worth what it costs this process the first time? */
bool clock_warm(void);

/* Learns by how much this process's time namespace is off: at most five system calls. */
void clock_learn(void);
int64_t clock_offset(void); /* nanoseconds */
/* The children to come may be in another time namespace. */
void clock_change(void);

/* A thread is about to enter a sandbox, in strict mode or under a filter: finds out how to read the clock there without
 * a system call. */
void clock_sandbox(bool strict);
/* From now on reading the processor's time stamp raises SIGSEGV. */
void clock_stamp_forbidden(void);

#endif
