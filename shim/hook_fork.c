/* SPDX-License-Identifier: MIT
 *
 * Wrappers that make processes: fork, vfork. The FORK record's slot is taken before the call, so that it stands before
 * everything the child records, and published after it, when the child's pid is known.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/record.h"
#include "shim/watch.h"

/* A process that has recorded nothing so far has nothing to hand on. */
static struct reserved reserve(void)
{
    return log_is_open() ? (process_identity(), record_reserve()) : (struct reserved){.index = UINT64_MAX};
}

static void publish(const struct reserved *reserved, enum sockatlas_call call, int error, pid_t child)
{
    struct sockatlas_body_fork body = {.child_pid = child > 0 ? (uint32_t)child : 0};
    struct record record = {.kind = SOCKATLAS_FORK, .call = call, .error = error, .fd = -1};
    record_publish(reserved, &record, &body, sizeof(body));
}

/* A child with a copy of all. */
HOOK pid_t fork(void)
{
    load_ready();
    struct reserved reserved = reserve();
    process_forking(reserved.slot ? reserved.index : UINT64_MAX);
    pid_t child = real.fork();
    int error = hook_error(child);
    if (child != 0)
        publish(&reserved, SOCKATLAS_CALL_fork, error, child);
    if (error)
        errno = error;
    return child;
}

/* Called by the vfork wrapper; returns where to go on. */
__attribute__((used)) static void *vfork_begin(void)
{
    load_ready();
    struct reserved reserved = reserve();
    publish(&reserved, SOCKATLAS_CALL_vfork, 0, 0);
    process_vforking(reserved.slot ? reserved.index : UINT64_MAX);
    return (void *)real.vfork;
}

/* A child in our memory. A C function that called vfork() and returned in the child would leave the parent a spoilt
 * stack, so this jumps to the real one with the stack as it was: it returns to our caller, twice. */
#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".globl vfork\n"
        ".type vfork, @function\n"
        "vfork:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    subq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    call vfork_begin\n"
        "    addq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    jmp *%rax\n"
        "    .cfi_endproc\n"
        ".size vfork, .-vfork\n"
        ".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
        ".globl vfork\n"
        ".type vfork, %function\n"
        "vfork:\n"
        "    .cfi_startproc\n"
        "    stp x29, x30, [sp, #-16]!\n"
        "    .cfi_adjust_cfa_offset 16\n"
        "    bl vfork_begin\n"
        "    ldp x29, x30, [sp], #16\n"
        "    .cfi_adjust_cfa_offset -16\n"
        "    br x0\n"
        "    .cfi_endproc\n"
        ".size vfork, .-vfork\n"
        ".popsection\n");
#endif
