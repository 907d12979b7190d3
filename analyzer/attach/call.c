/* SPDX-License-Identifier: MIT
 *
 * A function call in a stopped thread of another process. It returns to address 0, where nothing is mapped: the fault
 * is seen here and goes no further. Called by attach.c.
 */
#include "analyzer/attach/internal.h"

#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static bool is_fault(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGTRAP ||
           signal == SIGSYS || signal == SIGABRT;
}

static bool wait_for_return(struct target *target, struct arch_state *state, char *why)
{
    for (long signal = 0;;) {
        if (ptrace(PTRACE_CONT, target->tid, NULL, (void *)signal) < 0)
            return refuse(why, "it ended, or executed another program, meanwhile");
        int status = stop_wait(target->tid, -1);
        if (status < 0) {
            target->tid = 0;
            return refuse(why, "it ended, or executed another program, meanwhile");
        }
        signal = status >> 16 ? 0 : WSTOPSIG(status);
        if (signal == 0 || !is_fault((int)signal))
            continue;
        if (!arch_get(target->tid, state))
            return refuse(why, "its registers cannot be read");
        if (signal == SIGSEGV && arch_returned(state))
            return true;
        return refuse(why, "what was called in it failed by signal %ld (%s)", signal, strsignal((int)signal));
    }
}

bool call_function(struct target *target, uint64_t function, const uint64_t arguments[CALL_ARGUMENTS], uint64_t stack,
                   uint64_t *result, char *why)
{
    struct arch_state state = target->state;
    uint64_t word;
    arch_prepare_call(&state, function, arguments, &stack, &word);
    if (!memory_put(&target->memory, stack, &word, sizeof word))
        return refuse(why, "its stack cannot be written to");
    if (!arch_put(target->tid, &state))
        return refuse(why, "its registers cannot be set");
    if (!wait_for_return(target, &state, why))
        return false;
    *result = arch_return_value(&state);
    return true;
}

bool session_call(struct session *session, uint64_t function, uint64_t a, uint64_t b, uint64_t c, uint64_t *result)
{
    uint64_t arguments[CALL_ARGUMENTS] = {a, b, c};
    return call_function(&session->target, function, arguments, session->area + AREA_SIZE, result, session->why);
}
