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

/* ---- real.c ---- */

/* The program's own call: result and errno as syscall(2) has them. */
long piece_syscall(long number, long a, long b, long c, long d, long e, long f);

/* ---- text.c ---- */

/* What getauxval(3) reads. */
void piece_auxiliary(const unsigned long *vector);
extern int piece_error __attribute__((section("thread_image")));

#endif
