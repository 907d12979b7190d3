/* SPDX-License-Identifier: MIT
 *
 * A system call that the program made by syscall(2). For hook_syscall.c; callable from anywhere.
 */
#ifndef SHIM_RAW_H
#define SHIM_RAW_H

#include <stdbool.h>

struct raw {
    long number; /* of what it comes to */
    long a[6];
    long by; /* its number in socketcall(2), by which it was made; 0: by `number` */
};

/* Makes it as the program did. errno and the result are the call's. */
long raw_make(const struct raw *raw);
/* Of socketcall(2), by which a 32-bit program may make any call on sockets, what it comes to. Its second argument
 * points to theirs, which may be no memory at all. False: it cannot be read, or there is no such call. */
bool raw_read_socketcall(struct raw *raw);

/* ---- hook_syscall.c ---- */

/* Of each number: 0 where nothing is to be seen of it. */
enum { RAW_NUMBERS = 512 };
extern const unsigned char syscall_kinds[RAW_NUMBERS];
/* Whether it makes a process or a thread. */
bool syscall_forks(long number);
/* Makes a call whose kind is not 0 and that makes no process, and watches it. */
long syscall_watched(long number, long a, long b, long c, long d, long e, long f);
/* Before one that does: the function to call, with the same arguments; where that is real.syscall, the call must be
 * made without a frame of ours. */
void *syscall_forking(long number, long first, long second);

#endif
