/* SPDX-License-Identifier: MIT
 *
 * The system calls that `strace -ff -k -y -ttt -X raw -x` saw, one file per thread, as data. Called by compare.c.
 */
#ifndef TESTS_TRUTH_WATCHED_H
#define TESTS_TRUTH_WATCHED_H

#include "analyzer/trace/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who made a call, by its stack. */
enum watched_by {
    WATCHED_PROGRAM, /* through the public name of libc that the call is named after, or the shim's wrapper of it */
    WATCHED_LIBC,    /* by libc inside another function (getaddrinfo, fclose, closefrom ...) */
    WATCHED_RAW,     /* syscall(), or an instruction outside libc */
    WATCHED_SHIM,    /* by the shim for itself */
};

enum { WATCHED_VALUE_MAX = 512, WATCHED_CALLED_MAX = 64 };

struct watched {
    uint32_t tid;
    double time;    /* CLOCK_REALTIME, seconds */
    char name[16];  /* of the system call */
    char line[200]; /* as strace wrote it, cut */
    enum watched_by by;
    char called[WATCHED_CALLED_MAX]; /* the function of libc that the program called */
    bool restarted;                  /* ended by a signal: the kernel started it again, or the program got EINTR */
    int error;
    long result;
    long arguments[5];  /* those that are numbers or descriptors */
    uint64_t inodes[5]; /* of a socket that such an argument's descriptor was, else 0 */
    uint64_t result_inode;
    struct address address; /* unknown: there was none, or not readable */
    long second_fd;         /* socketpair */
    /* setsockopt: the value, as far as strace tells it. */
    unsigned char value[WATCHED_VALUE_MAX];
    size_t value_size;
};

/* Reads all files PREFIX.TID. Returns the calls, in each thread's order; *count of them. Complains on stderr and ends
 * the program when there are none or a line makes no sense. */
struct watched *watched_read(const char *prefix, size_t *count);

#endif
