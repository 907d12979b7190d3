/* SPDX-License-Identifier: MIT
 *
 * A processor that nobody has described yet: nothing is attached to.
 */
#include "analyzer/attach/arch.h"

#if !defined(__x86_64__)

const unsigned arch_red_zone = 0;
const unsigned char arch_restorer[] = {0};
const size_t arch_restorer_size = 0;
const unsigned char arch_call_code[] = {0};
const size_t arch_call_code_size = 0;
const size_t arch_frame_stack = 0, arch_frame_pc = 0;

bool arch_known(void)
{
    return false;
}

bool arch_get(pid_t tid, struct arch_state *state)
{
    (void)tid, (void)state;
    return false;
}

bool arch_put(pid_t tid, const struct arch_state *state)
{
    (void)tid, (void)state;
    return false;
}

long arch_call_number(const struct arch_state *state)
{
    (void)state;
    return -1;
}

uint64_t arch_call_argument(const struct arch_state *state, unsigned index)
{
    (void)state, (void)index;
    return 0;
}

long arch_call_result(const struct arch_state *state)
{
    (void)state;
    return -1;
}

void arch_call_set_result(struct arch_state *state, long result)
{
    (void)state, (void)result;
}

bool arch_call_skip(pid_t tid)
{
    (void)tid;
    return false;
}

uint64_t arch_pc(const struct arch_state *state)
{
    (void)state;
    return 0;
}

uint64_t arch_stack(const struct arch_state *state)
{
    (void)state;
    return 0;
}

void arch_prepare_call(struct arch_state *state, uint64_t function, const uint64_t arguments[CALL_ARGUMENTS],
                       uint64_t *stack, uint64_t *word)
{
    (void)state, (void)function, (void)arguments, (void)stack, (void)word;
}

bool arch_returned(const struct arch_state *state)
{
    (void)state;
    return false;
}

uint64_t arch_return_value(const struct arch_state *state)
{
    (void)state;
    return 0;
}

#endif
