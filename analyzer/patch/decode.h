/* SPDX-License-Identifier: MIT
 *
 * How long an instruction of x86-64 is, and whether it goes somewhere else: as much as is needed to move it. Reads what
 * it is given only.
 */
#ifndef ANALYZER_PATCH_DECODE_H
#define ANALYZER_PATCH_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum instruction_kind {
    INSTRUCTION_PLAIN,    /* does the same anywhere */
    INSTRUCTION_RELATIVE, /* reads or writes memory at a distance from itself */
    INSTRUCTION_JUMP,     /* always goes to its target */
    INSTRUCTION_BRANCH,   /* may go to its target, or calls it */
    INSTRUCTION_END,      /* nothing behind it is reached by it: a return, a halt */
    INSTRUCTION_AWAY,     /* goes to where memory or a register says, traps, or calls the kernel */
};

struct instruction {
    unsigned size;
    enum instruction_kind kind;
    int64_t distance; /* from its end to its target */
};

/* The instruction at `bytes`. False: there is none that is known, or not all of it. */
bool decode(const unsigned char *bytes, size_t capacity, struct instruction *out);

#endif
