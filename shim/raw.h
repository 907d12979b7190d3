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

#endif
