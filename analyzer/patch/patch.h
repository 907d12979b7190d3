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

#include "shim/site.h"
#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- sites.c ---- */

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
