/* SPDX-License-Identifier: MIT
 *
 * The piece: the shim in a form that is put into a program without a libc to interpose on, Go's or a static one. Its
 * instructions that make system calls are redirected to it (analyzer/patch/ does that, while the program stands at its
 * very beginning). All of the shim is in it that a system call can come to, compiled for general registers only;
 * what differs is here: enter.c how a call comes in and goes out, area.c what a thread has of its own, real.c how the
 * real call is made, text.c the few functions that libc would bring.
 *
 * This header is what the one who puts it there must know.
 */
#ifndef SHIM_PIECE_PIECE_H
#define SHIM_PIECE_PIECE_H

#include <stdint.h>

/* How the piece is to go about. */
enum piece_flags {
    PIECE_OWN_STACKS = 1, /* the program's stacks are small (goroutines'): the piece uses its own */
};

/* What piece_begin() returns. */
enum piece_answer {
    PIECE_READY = 0,
    PIECE_OFF = 1,      /* not asked for, or the trace folder does not take it: nothing is to be redirected */
    PIECE_NO_MEMORY = 2 /* no memory, or a processor or kernel without rdfsbase */
};

/* Addresses in the piece. The file's entry point is where this stands. */
struct piece_head {
    uint64_t begin;     /* code: piece_begin(first argument, flags) on its own stack, then an int3 with the answer */
    uint64_t refused;   /* the same, for once begin has answered PIECE_READY and the jumps could not be written */
    uint64_t stack;     /* where that stack ends */
    uint64_t enter;     /* code: where stubs go with a watched number */
    uint64_t kinds;     /* a byte a number: not 0 where it is watched */
    uint64_t stubs;     /* SITE_MOST + 1 of them (shim/site.h), to be filled in; the first is none */
    uint64_t text_size; /* from the piece's beginning: code; what follows is data */
};

#endif
