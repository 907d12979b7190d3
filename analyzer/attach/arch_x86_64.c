/* SPDX-License-Identifier: MIT
 *
 * x86-64, as the System V ABI and Linux have it. Called by stop.c and call.c.
 */
#include "analyzer/attach/arch.h"

#if defined(__x86_64__)

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

const unsigned arch_red_zone = 128;
/* mov $15, %rax; syscall */
const unsigned char arch_restorer[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
const size_t arch_restorer_size = sizeof arch_restorer;
const unsigned char arch_call_code[] = {0x0f, 0x05};
const size_t arch_call_code_size = sizeof arch_call_code;

/* Behind the word: uc_flags, uc_link, uc_stack (40 bytes in all), then gregs in the order of <sys/ucontext.h>. */
const size_t arch_frame_stack = 8 + 40 + 15 * 8, arch_frame_pc = 8 + 40 + 16 * 8;

bool arch_known(void)
{
    return true;
}

bool arch_get(pid_t tid, struct arch_state *state)
{
    struct iovec registers = {&state->registers, sizeof state->registers};
    struct iovec vector = {state->vector, sizeof state->vector};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &registers) < 0 ||
        ptrace(PTRACE_GETREGSET, tid, (void *)NT_X86_XSTATE, &vector) < 0)
        return false;
    state->vector_size = vector.iov_len;
    return true;
}

bool arch_put(pid_t tid, const struct arch_state *state)
{
    struct iovec registers = {(void *)&state->registers, sizeof state->registers};
    struct iovec vector = {(void *)state->vector, state->vector_size};
    return ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &registers) == 0 &&
           ptrace(PTRACE_SETREGSET, tid, (void *)NT_X86_XSTATE, &vector) == 0;
}

long arch_call_number(const struct arch_state *state)
{
    return (long)state->registers.orig_rax;
}

uint64_t arch_call_argument(const struct arch_state *state, unsigned index)
{
    const struct user_regs_struct *registers = &state->registers;
    const uint64_t arguments[] = {registers->rdi, registers->rsi, registers->rdx,
                                  registers->r10, registers->r8,  registers->r9};
    return arguments[index];
}

long arch_call_result(const struct arch_state *state)
{
    return (long)state->registers.rax;
}

void arch_call_set_result(struct arch_state *state, long result)
{
    state->registers.rax = (unsigned long long)result;
}

bool arch_call_skip(pid_t tid)
{
    return ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, orig_rax), -1L) == 0;
}

uint64_t arch_pc(const struct arch_state *state)
{
    return state->registers.rip;
}

uint64_t arch_stack(const struct arch_state *state)
{
    return state->registers.rsp;
}

void arch_prepare_call(struct arch_state *state, uint64_t function, const uint64_t arguments[CALL_ARGUMENTS],
                       uint64_t *stack, uint64_t *word)
{
    struct user_regs_struct *registers = &state->registers;
    *stack = (*stack & ~UINT64_C(15)) - 8; /* as behind a call instruction */
    *word = 0;
    registers->rsp = *stack;
    registers->rbp = 0;
    registers->rip = function;
    registers->rax = 0;
    registers->orig_rax = (unsigned long long)-1; /* no system call is to be made again */
    registers->rdi = arguments[0];
    registers->rsi = arguments[1];
    registers->rdx = arguments[2];
    registers->rcx = arguments[3];
    registers->r8 = arguments[4];
    registers->r9 = arguments[5];
    registers->eflags &= ~UINT64_C(0x500); /* no single steps, strings upwards */
}

bool arch_returned(const struct arch_state *state)
{
    return state->registers.rip == 0;
}

uint64_t arch_return_value(const struct arch_state *state)
{
    return state->registers.rax;
}

#endif
