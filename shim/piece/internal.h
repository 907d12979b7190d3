/* SPDX-License-Identifier: MIT
 *
 * What the files of the piece share.
 */
#ifndef SHIM_PIECE_INTERNAL_H
#define SHIM_PIECE_INTERNAL_H

/* For clang-tidy, which looks at a file by itself. */
#if !defined(SOCKATLAS_PIECE) && defined(__clang__)
#define SOCKATLAS_PIECE
#endif

#include "shim/piece/piece.h"
#include "shim/thread.h"

#include <stddef.h>

/* What a thread has of its own: found by its thread pointer (the FS base), which is the only thing that tells it from
 * others without asking the kernel. Members in the order that enter.c's assembly has them. */
struct area {
    char *stack;   /* where its stack in the piece ends; NULL: the program's are used */
    uint64_t busy; /* the thread is on that stack */
    char block[];  /* thread.h's */
};

/* One entry of the table by which areas are found. */
struct area_entry {
    uint64_t key; /* FS base | 1; 0: free */
    struct area *area;
};

/* ---- area.c ---- */

/* Makes the table. False: no memory. */
int area_prepare(unsigned flags);
/* An area for the thread `key`, entered into the table. NULL: there are too many. One caller at a time. */
struct area *area_make(uint64_t key);
/* The calling thread ends: the next one with its thread pointer finds its area as new. */
void area_leave(void);

/* ---- real.c ---- */

/* The program's own call: result and errno as syscall(2) has them. */
long piece_syscall(long number, long a, long b, long c, long d, long e, long f);

/* ---- text.c ---- */

/* What getauxval(3) reads. */
void piece_auxiliary(const unsigned long *vector);
extern int piece_error __attribute__((section("thread_image")));

#endif
