/* SPDX-License-Identifier: MIT
 *
 * What depends on the processor: a stopped thread's registers, how a system call and a function call use them, what a
 * signal handler's frame looks like.
 */
#ifndef ANALYZER_ATTACH_ARCH_H
#define ANALYZER_ATTACH_ARCH_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

enum { CALL_ARGUMENTS = 6, ARCH_VECTOR_MAX = 16384 };

/* Of a stopped thread, all registers. */
struct arch_state {
    struct user_regs_struct registers;
    size_t vector_size;
    unsigned char vector[ARCH_VECTOR_MAX]; /* floating point and vector registers, as the kernel hands them out */
};

/* Whether this processor is known here: else nothing can be attached to. */
bool arch_known(void);
/* errno on failure. */
bool arch_get(pid_t tid, struct arch_state *state);
bool arch_put(pid_t tid, const struct arch_state *state);

/* The system call that the thread is in or has just made, -1 none; its argument; its result. */
long arch_call_number(const struct arch_state *state);
uint64_t arch_call_argument(const struct arch_state *state, unsigned index);
long arch_call_result(const struct arch_state *state);
void arch_call_set_result(struct arch_state *state, long result);
/* At the entry of a system call: it is not made. errno on failure. */
bool arch_call_skip(pid_t tid);

uint64_t arch_pc(const struct arch_state *state);
uint64_t arch_stack(const struct arch_state *state);
/* Below the stack pointer, what a function may use all the same. */
extern const unsigned arch_red_zone;

/* Makes the state one that calls `function`, which returns to address 0. `*stack` is where the stack ends; it becomes
 * where the word `*word` must be put before. */
void arch_prepare_call(struct arch_state *state, uint64_t function, const uint64_t arguments[CALL_ARGUMENTS],
                       uint64_t *stack, uint64_t *word);
/* Whether the call came back, to address 0; and with what. */
bool arch_returned(const struct arch_state *state);
uint64_t arch_return_value(const struct arch_state *state);

/* What a signal handler returns to: the code that makes the system call rt_sigreturn. */
extern const unsigned char arch_restorer[];
extern const size_t arch_restorer_size;
/* Where in the frame of a handler, counted from the word that holds that code's address, the interrupted stack pointer
 * and program counter are. */
extern const size_t arch_frame_stack, arch_frame_pc;
/* The instruction that makes a system call: the one before a program counter that was interrupted in one, or the one at
 * it, where the call is to be made again. */
extern const unsigned char arch_call_code[];
extern const size_t arch_call_code_size;

#endif
