/* SPDX-License-Identifier: MIT
 *
 * Wrappers that make processes: fork, vfork, clone, daemon. The FORK record's slot is taken before the call, so that it
 * stands before everything the child records, and published after it, when the child's pid is known.
 */
#include "shim/coverage.h"
#include "shim/fork.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/netns.h"
#include "shim/record.h"
#include "shim/watch.h"

#include <sched.h>
#include <stdarg.h>

/* A process that has recorded nothing so far has nothing to hand on. */
static struct reserved reserve(void)
{
    return log_is_open() ? record_reserve() : (struct reserved){.index = UINT64_MAX};
}

static void publish(const struct reserved *reserved, enum sockatlas_call call, int error, pid_t child)
{
    struct sockatlas_body_fork body = {.child_pid = child > 0 ? (uint32_t)child : 0};
    struct record record = {.kind = SOCKATLAS_FORK, .call = call, .error = error, .fd = -1};
    record_complete(reserved, &record, &body, sizeof(body));
}

/* A child that begins in other namespaces may find no way to the trace folder: it goes on in this log. */
static void before_namespaces(uint64_t flags)
{
    if (flags & (CLONE_NEWNS | CLONE_NEWUSER))
        log_prepare();
}

/* After the call, in both: `child` is its result. */
static pid_t forked(const struct reserved *reserved, enum sockatlas_call call, pid_t child)
{
    int error = hook_error(child);
    if (child == 0) {
        record_birth();
    } else {
        publish(reserved, call, error, child);
        process_announced();
    }
    if (error)
        errno = error;
    return child;
}

/* A child with a copy of all. */
HOOK pid_t fork(void)
{
    load_ready();
    struct reserved reserved = reserve();
    process_forking(reserved.index);
    return forked(&reserved, SOCKATLAS_CALL_fork, real.fork());
}
HOOK_ALIAS(__fork, fork);
HOOK_ALIAS(__libc_fork, fork);

/* The same without the handlers of pthread_atfork(). In glibc since 2.34. */
HOOK pid_t _Fork(void)
{
    load_ready();
    struct reserved reserved = reserve();
    process_forking(reserved.index);
    return forked(&reserved, SOCKATLAS_CALL__Fork, real._Fork ? real._Fork() : hook_missing());
}

/* A child that has its parent's descriptors, not a copy of them: each process keeps an account of its own. In both. */
static void shares_descriptors(enum sockatlas_call call, uint64_t flags)
{
    if ((flags & CLONE_FILES) && !(flags & CLONE_VM))
        coverage_record(call, SOCKATLAS_COVERAGE_CLONE_FILES,
                        "shares its descriptors with another process (CLONE_FILES): what one of them opens or closes "
                        "is not seen in the other");
}

long fork_by_number(uint64_t flags, long number, const long a[6])
{
    before_namespaces(flags);
    struct reserved reserved = reserve();
    process_forking(reserved.index);
    long child = real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    forked(&reserved, SOCKATLAS_CALL_syscall, (pid_t)child);
    int error = errno;
    if (child == 0 && (flags & CLONE_NEWNET))
        netns_entered(SOCKATLAS_CALL_syscall);
    if (child >= 0)
        shares_descriptors(SOCKATLAS_CALL_syscall, flags);
    errno = error;
    return child;
}

/* A child goes on in the background with its first three descriptors replaced; the parent ends inside the call. */
HOOK int daemon(int keep_folder, int keep_descriptors)
{
    load_ready();
    log_prepare();
    struct reserved reserved = reserve();
    publish(&reserved, SOCKATLAS_CALL_daemon, 0, 0);
    process_forking(reserved.index);
    int result = real.daemon(keep_folder, keep_descriptors);
    int error = hook_error(result);
    for (int fd = 0; !error && !keep_descriptors && fd < 3; fd++)
        watch_close(SOCKATLAS_CALL_daemon, fd);
    if (error)
        errno = error;
    return result;
}

/* What a child begins with, on the stack of which it has a copy. */
struct beginning {
    int (*function)(void *);
    void *argument;
    int flags;
};

static int begin(void *argument)
{
    const struct beginning *beginning = argument;
    if (beginning->flags & CLONE_NEWNET)
        netns_entered(SOCKATLAS_CALL_clone);
    shares_descriptors(SOCKATLAS_CALL_clone, (unsigned)beginning->flags);
    return beginning->function(beginning->argument);
}

/* A process, or a thread, that begins in a function on a stack of its own. Threads of pthread_create() do not come by
 * here. */
HOOK int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, argument);
    pid_t *parent_tid = va_arg(arguments, pid_t *);
    void *tls = va_arg(arguments, void *);
    pid_t *child_tid = va_arg(arguments, pid_t *);
    va_end(arguments);
    if (flags & CLONE_THREAD)
        sandbox_thread_begins();
    if (flags & CLONE_THREAD)
        return real.clone(function, stack, flags, argument, parent_tid, tls, child_tid);
    before_namespaces((unsigned)flags);
    struct reserved reserved = reserve();
    uint64_t slot = reserved.index;
    if (flags & CLONE_VM)
        process_shared(slot);
    else
        process_forking(slot);
    struct beginning beginning = {.function = function, .argument = argument, .flags = flags};
    if ((flags & (CLONE_NEWNET | CLONE_FILES)) && !(flags & CLONE_VM))
        function = begin, argument = &beginning;
    int child = real.clone(function, stack, flags, argument, parent_tid, tls, child_tid);
    int error = hook_error(child);
    publish(&reserved, SOCKATLAS_CALL_clone, error, child);
    if (!(flags & CLONE_VM))
        process_announced();
    if (!error)
        shares_descriptors(SOCKATLAS_CALL_clone, (unsigned)flags);
    if (error)
        errno = error;
    return child;
}
HOOK_ALIAS(__clone, clone);

void fork_vforking(enum sockatlas_call call)
{
    struct reserved reserved = reserve();
    publish(&reserved, call, 0, 0);
    process_vforking(reserved.index);
}

/* Called by the vfork wrapper; returns where to go on. */
__attribute__((used)) static void *vfork_begin(void)
{
    load_ready();
    fork_vforking(SOCKATLAS_CALL_vfork);
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
        ".globl __vfork\n"
        ".set __vfork, vfork\n"
        ".popsection\n");
#elif defined(__i386__)
__asm__(".pushsection .text\n"
        ".globl vfork\n"
        ".type vfork, @function\n"
        "vfork:\n"
        "    .cfi_startproc\n"
        "    endbr32\n"
        "    subl $12, %esp\n"
        "    .cfi_adjust_cfa_offset 12\n"
        "    call vfork_begin\n"
        "    addl $12, %esp\n"
        "    .cfi_adjust_cfa_offset -12\n"
        "    jmp *%eax\n"
        "    .cfi_endproc\n"
        ".size vfork, .-vfork\n"
        ".globl __vfork\n"
        ".set __vfork, vfork\n"
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
        ".globl __vfork\n"
        ".set __vfork, vfork\n"
        ".popsection\n");
#endif
