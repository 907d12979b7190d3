/* SPDX-License-Identifier: MIT
 *
 * Following programs that have no libc to interpose on, Go's above all: while such a program stands at its very
 * beginning, the shim's freestanding form (shim/piece/) is put into it, and the instructions by which it makes system
 * calls are redirected there. main.c is the program that does it, started by whoever executes such a program
 * (shim/launch.h); sites.c finds the instructions in the file, inject.c changes the process. All or nothing: where
 * anything is not as expected, the program runs as it is.
 */
#ifndef ANALYZER_PATCH_PATCH_H
#define ANALYZER_PATCH_PATCH_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- sites.c ---- */

enum { SITE_BYTES = 16, SITE_ANY_NUMBER = -1 };

/* An instruction that makes a system call, with those around it that have to give space for the jump: one before it at
 * most, and those behind it. */
struct site {
    uint64_t address;                /* of the first byte that is replaced */
    unsigned char bytes[SITE_BYTES]; /* what stands there */
    unsigned size;                   /* how many are replaced: at least a jump's five */
    unsigned call;                   /* where among them the system call is */
    unsigned moved;                  /* bytes behind the call that are instructions to be kept; what is left, is none */
    uint64_t next;                   /* where it goes on behind those; 0: behind the last byte */
};

struct sites {
    struct site *items;
    unsigned count;
    bool go;      /* a Go program, whose stacks are small */
    uint64_t low; /* the lowest address of the program, where it is loaded as linked */
    uint64_t high;
    uint64_t headers; /* address of its program headers */
    bool movable;     /* it is loaded somewhere else */
};

/* Finds all that are to be redirected in the program's file: SOCKATLAS_TRACEABLE, or why it cannot be followed. Free
 * with sites_free() in either case. */
enum sockatlas_untraced sites_find(int fd, struct sites *sites);
void sites_free(struct sites *sites);

/* ---- inject.c ---- */

/* The process `pid`, stopped behind the execve() that made it the program, gets the piece. False: it is as it was. */
bool inject(pid_t pid, const struct sites *sites);

#endif
