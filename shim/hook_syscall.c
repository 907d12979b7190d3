/* SPDX-License-Identifier: MIT
 *
 * syscall(2), by which programs make calls themselves. Numbers that concern descriptors, processes and sandboxes are
 * watched; all others, futex above all, jump straight on. Transfers by numbers that are not listed are not counted; a
 * socket made by a number not listed is snapshotted when a wrapper first meets it.
 */
#include "shim/caller.h"
#include "shim/clock.h"
#include "shim/coverage.h"
#include "shim/fork.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/memory.h"
#include "shim/message.h"
#include "shim/raw.h"
#include "shim/watch.h"

#include <linux/close_range.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { NUMBERS = 512, KIND_PASS = 0, KIND_WATCH = 1, KIND_DROP = KIND_WATCH, KIND_FORK = 2 };
#if defined(SOCKATLAS_PIECE)
enum { KIND_END = KIND_WATCH };
#else
enum { KIND_END = KIND_PASS };
#endif
_Static_assert((int)NUMBERS == (int)RAW_NUMBERS, "each number has a kind");

/* Read by the assembly below: where libc's own is, NULL before the constructor. */
__attribute__((used)) static void *syscall_real;

__attribute__((constructor)) static void syscall_begin(void)
{
    load_ready();
    syscall_real = (void *)real.syscall;
}

/* Read by the assembly below: what to do with a number. */
__attribute__((used)) const unsigned char syscall_kinds[RAW_NUMBERS] = {
#define SYSCALL(name, kind) [SYS_##name] = KIND_##kind,
#include "shim/syscall.def"
#undef SYSCALL
};

static long watched_descriptor(const struct raw *raw)
{
    long number = raw->number;
    const long *a = raw->a;
    int fd = (int)a[0];
    bool is_fcntl = number == SYS_fcntl;
#ifdef SYS_fcntl64
    is_fcntl = is_fcntl || number == SYS_fcntl64;
#endif
    if (number == SYS_close)
        watch_close(SOCKATLAS_CALL_syscall, fd);
    else if (number == SYS_close_range && !(a[2] & CLOSE_RANGE_CLOEXEC) &&
             watch_will_close((unsigned)a[0], (unsigned)a[1], (int)a[2]))
        watch_close_range(SOCKATLAS_CALL_syscall, (unsigned)a[0], (unsigned)a[1]);
    else if (number == SYS_dup3)
        watch_replace(SOCKATLAS_CALL_syscall, fd, (int)a[1], (int)a[2]);
#ifdef SYS_dup2
    else if (number == SYS_dup2)
        watch_replace(SOCKATLAS_CALL_syscall, fd, (int)a[1], 0);
#endif
    long result = raw_make(raw);
    if (result < 0 || number == SYS_close || number == SYS_close_range)
        return result;
    if (!is_fcntl && result != fd)
        watch_dup(SOCKATLAS_CALL_syscall, fd, (int)result, number == SYS_dup3 && (a[2] & O_CLOEXEC));
    else if (!is_fcntl)
        return result;
    else if (a[1] == F_DUPFD || a[1] == F_DUPFD_CLOEXEC)
        watch_dup(SOCKATLAS_CALL_syscall, fd, (int)result, a[1] == F_DUPFD_CLOEXEC);
    else if (a[1] == F_SETFD || a[1] == F_SETFL)
        watch_flags(SOCKATLAS_CALL_syscall, fd);
    return result;
}

/* The transfers among them, with libc's name for the same. */
static const unsigned char transfers[NUMBERS] = {
    [SYS_read] = SOCKATLAS_CALL_read,
    [SYS_write] = SOCKATLAS_CALL_write,
    [SYS_readv] = SOCKATLAS_CALL_readv,
    [SYS_writev] = SOCKATLAS_CALL_writev,
    [SYS_sendto] = SOCKATLAS_CALL_sendto,
    [SYS_recvfrom] = SOCKATLAS_CALL_recvfrom,
    [SYS_sendmsg] = SOCKATLAS_CALL_sendmsg,
    [SYS_recvmsg] = SOCKATLAS_CALL_recvmsg,
    [SYS_sendmmsg] = SOCKATLAS_CALL_sendmmsg,
    [SYS_recvmmsg] = SOCKATLAS_CALL_recvmmsg,
    [SYS_preadv2] = SOCKATLAS_CALL_preadv2,
    [SYS_pwritev2] = SOCKATLAS_CALL_pwritev2,
    [SYS_sendfile] = SOCKATLAS_CALL_sendfile,
    [SYS_splice] = SOCKATLAS_CALL_splice,
#ifdef SYS_recvmmsg_time64
    [SYS_recvmmsg_time64] = SOCKATLAS_CALL_recvmmsg,
#endif
};

static bool sends(long number)
{
    return number == SYS_write || number == SYS_writev || number == SYS_sendto || number == SYS_sendmsg ||
           number == SYS_sendmmsg || number == SYS_pwritev2 || number == SYS_sendfile;
}

static long watched_transfer(const struct raw *raw)
{
    long number = raw->number;
    const long *a = raw->a;
    enum sockatlas_call call = transfers[number];
    int fd = (int)a[0];
    struct msghdr *message = (struct msghdr *)a[1];
    struct mmsghdr *messages = (struct mmsghdr *)a[1];
    struct message_capacities capacities = {0};
    if (call == SOCKATLAS_CALL_recvmmsg && watch_may_want_peer(fd))
        capacities = message_capacities(messages, (unsigned)a[2]);
    else if (number == SYS_recvmsg && watch_may_want_peer(fd))
        capacities.least = message_capacity(message);
    else if (number == SYS_recvfrom && a[4] && watch_may_want_peer(fd))
        capacities.least = caller_capacity((const socklen_t *)a[5]);
    struct watch_transfer transfer = watch_begin(call, sends(number) ? WATCH_OUT : WATCH_IN, fd);
    struct watch_transfer to = {.entry = NULL};
    if (number == SYS_splice)
        to = watch_begin(call, WATCH_OUT, (int)a[2]);
    long result = raw_make(raw);
    switch (number) {
    case SYS_splice:
        watch_io(call, WATCH_OUT, (int)a[2], &to, result, (size_t)a[4]);
        watch_io(call, WATCH_IN, fd, &transfer, result, (size_t)a[4]);
        break;
    case SYS_sendfile:
        watch_io(call, WATCH_OUT, fd, &transfer, result, (size_t)a[3]);
        break;
    case SYS_read:
        watch_io(call, WATCH_IN, fd, &transfer, result, (size_t)a[2]);
        break;
    case SYS_write:
        watch_io(call, WATCH_OUT, fd, &transfer, result, (size_t)a[2]);
        break;
    case SYS_readv:
    case SYS_preadv2:
        watch_io(call, WATCH_IN, fd, &transfer, result,
                 caller_vector((const struct iovec *)a[1], (size_t)a[2], result));
        break;
    case SYS_writev:
    case SYS_pwritev2:
        watch_io(call, WATCH_OUT, fd, &transfer, result,
                 caller_vector((const struct iovec *)a[1], (size_t)a[2], result));
        break;
    case SYS_sendto:
        watch_io(call, WATCH_OUT, fd, &transfer, result, (size_t)a[2]);
        if (result >= 0 && a[4])
            watch_message(call, WATCH_OUT, fd, &transfer, (const struct sockaddr *)a[4], (socklen_t)a[5],
                          (size_t)result);
        break;
    case SYS_recvfrom:
        message_bytes(call, fd, &transfer, result, (size_t)a[2], (int)a[3]);
        if (result >= 0 && a[4] && !(a[3] & MSG_PEEK))
            watch_message(call, WATCH_IN, fd, &transfer, (const struct sockaddr *)a[4],
                          caller_whole((const struct sockaddr *)a[4], (const socklen_t *)a[5], capacities.least),
                          (size_t)result);
        break;
    case SYS_sendmsg:
        watch_io(call, WATCH_OUT, fd, &transfer, result, 0);
        if (result >= 0)
            message_sent(call, fd, &transfer, message, (size_t)result);
        break;
    case SYS_recvmsg:
        message_bytes(call, fd, &transfer, result, 0, (int)a[2]);
        if (result >= 0)
            message_received(call, fd, &transfer, message, capacities.least, (int)a[2], (size_t)result);
        break;
    case SYS_sendmmsg:
        message_all_sent(call, fd, &transfer, messages, (int)result);
        break;
    case SYS_recvmmsg:
#ifdef SYS_recvmmsg_time64
    case SYS_recvmmsg_time64:
#endif
        message_all_received(call, fd, &transfer, messages, &capacities, (int)a[3], (int)result);
        break;
    }
    return result;
}

static long watched_accept(const struct raw *raw)
{
    const long *a = raw->a;
    int fd = (int)a[0];
    struct caller_peer peer;
    log_prepare();
    caller_peer_prepare(&peer, fd, config.on, (struct sockaddr *)a[1], (socklen_t *)a[2]);
    struct raw asked = *raw;
    asked.a[1] = (long)peer.address;
    asked.a[2] = (long)peer.size;
    long result = raw_make(&asked);
    int error = hook_error(result);
    socklen_t got = error ? 0 : caller_whole(peer.address, peer.size, peer.capacity);
    watch_accept(SOCKATLAS_CALL_syscall, fd, (int)result, error, peer.address, got,
                 raw->number == SYS_accept4 ? (int)a[3] : 0);
    return result;
}

static long watched_socket(const struct raw *raw)
{
    long number = raw->number;
    const long *a = raw->a;
    enum sockatlas_call call = SOCKATLAS_CALL_syscall;
    int fd = (int)a[0];
    log_prepare();
    struct watch_attempt attempt = {.recorded = false};
    if (number == SYS_connect)
        attempt = watch_connecting(call, fd, (const struct sockaddr *)a[1], (socklen_t)a[2]);
    long result = raw_make(raw);
    int error = hook_error(result);
    switch (number) {
    case SYS_socket:
        watch_socket(call, (int)result, error, (int)a[0], (int)a[1], (int)a[2]);
        break;
    case SYS_socketpair:
        watch_socketpair(call, (const int *)a[3], error, (int)a[0], (int)a[1], (int)a[2]);
        break;
    case SYS_bind:
        watch_bind(call, fd, error, (const struct sockaddr *)a[1], (socklen_t)a[2]);
        break;
    case SYS_listen:
        watch_listen(call, fd, error, (int)a[1]);
        break;
    case SYS_connect:
        watch_connect(call, fd, error, (const struct sockaddr *)a[1], (socklen_t)a[2], attempt);
        break;
    case SYS_setsockopt:
        watch_setsockopt(call, fd, error, (int)a[1], (int)a[2], (const void *)a[3], (socklen_t)a[4]);
        break;
    case SYS_getsockopt:
        watch_getsockopt(call, fd, error, (int)a[1], (int)a[2], (const void *)a[3], (const socklen_t *)a[4]);
        break;
    case SYS_shutdown:
        watch_shutdown(call, fd, error, (int)a[1]);
        break;
    }
    return result;
}

/* seccomp(2). Where all threads cannot go along, the number of one that cannot is returned. */
static long watched_seccomp(const struct raw *raw)
{
    const long *a = raw->a;
    if (a[0] != SECCOMP_SET_MODE_STRICT && a[0] != SECCOMP_SET_MODE_FILTER)
        return raw_make(raw);
    bool listens = a[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER;
    enum watch_sandbox kind = a[0] == SECCOMP_SET_MODE_STRICT    ? WATCH_SANDBOX_STRICT
                              : a[1] & SECCOMP_FILTER_FLAG_TSYNC ? WATCH_SANDBOX_FILTER_ALL
                                                                 : WATCH_SANDBOX_FILTER;
    struct sandbox_entering entering = watch_sandbox(kind);
    long result = raw_make(raw);
    watch_sandboxed(SOCKATLAS_CALL_syscall, &entering, listens ? result >= 0 : result == 0);
    return result;
}

/* A right is given up, of this thread: libc's functions do it for all. */
static long watched_drop(const struct raw *raw)
{
    log_prepare();
    long result = raw_make(raw);
    if (raw->number == SYS_landlock_restrict_self && result == 0)
        config_restricted();
    return result;
}

static long watched_process(const struct raw *raw)
{
    long number = raw->number;
    const long *a = raw->a;
    switch (number) {
    case SYS_prctl:
        return prctl((int)a[0], a[1], a[2], a[3], a[4]);
    case SYS_seccomp:
        return watched_seccomp(raw);
    case SYS_execve:
        return execve((const char *)a[0], (char *const *)a[1], (char *const *)a[2]);
    case SYS_execveat:
        return execveat((int)a[0], (const char *)a[1], (char *const *)a[2], (char *const *)a[3], (int)a[4]);
    case SYS_setns:
        return setns((int)a[0], (int)a[1]);
    case SYS_unshare:
        return unshare((int)a[0]);
    }
    long result = raw_make(raw);
    if (number == SYS_io_uring_setup && result >= 0)
        coverage_record(SOCKATLAS_CALL_syscall, SOCKATLAS_COVERAGE_IO_URING, "set up by syscall()");
    if (number == SYS_pidfd_getfd && result >= 0)
        watch_received(SOCKATLAS_CALL_syscall, (int)result);
    return result;
}

/* What the assembly jumps to for a watched number, and for any while the real functions are not resolved. */
__attribute__((used)) long syscall_watched(long number, long a, long b, long c, long d, long e, long f)
{
    load_ready();
    struct raw raw = {.number = number, .a = {a, b, c, d, e, f}};
#ifdef SYS_socketcall
    if (number == SYS_socketcall && !raw_read_socketcall(&raw))
        return raw_make(&raw);
#endif
    switch (raw.number) {
    case SYS_close:
    case SYS_close_range:
    case SYS_dup:
#ifdef SYS_dup2
    case SYS_dup2:
#endif
    case SYS_dup3:
    case SYS_fcntl:
#ifdef SYS_fcntl64
    case SYS_fcntl64:
#endif
        return watched_descriptor(&raw);
#ifdef SYS_accept
    case SYS_accept:
#endif
    case SYS_accept4:
        return watched_accept(&raw);
    case SYS_execve:
    case SYS_execveat:
    case SYS_setns:
    case SYS_unshare:
    case SYS_prctl:
    case SYS_seccomp:
    case SYS_io_uring_setup:
    case SYS_pidfd_getfd:
        return watched_process(&raw);
#define CASE_WATCH(name)
#define CASE_FORK(name)
#define CASE_END(name)
#define CASE_DROP(name)     case SYS_##name:
#define SYSCALL(name, kind) CASE_##kind(name)
#include "shim/syscall.def"
#undef SYSCALL
        return watched_drop(&raw);
    default:
        if (raw.number >= 0 && raw.number < NUMBERS && transfers[raw.number])
            return watched_transfer(&raw);
        if (raw.number >= 0 && raw.number < NUMBERS && syscall_kinds[raw.number] == KIND_WATCH)
            return watched_socket(&raw);
        return raw_make(&raw);
    }
}

/* What is asked of clone(), clone3(), fork() and vfork(); of one that the kernel will refuse, nothing. */
struct cloning {
    uint64_t flags;
    uint64_t stack; /* of the child; 0: the caller's */
};

static struct cloning cloning_of(long number, long first, long second)
{
    struct clone_args given;
    enum { BYTES = offsetof(struct clone_args, stack) + sizeof(given.stack) };
    if (number == SYS_clone)
        return (struct cloning){.flags = (uint64_t)first, .stack = (uint64_t)second};
#ifdef SYS_vfork
    if (number == SYS_vfork)
        return (struct cloning){.flags = CLONE_VM | CLONE_VFORK};
#endif
    if (number != SYS_clone3 || memory_readable((const void *)first, BYTES) != BYTES)
        return (struct cloning){.flags = 0};
    memcpy(&given, (const void *)first, BYTES);
    return (struct cloning){.flags = given.flags, .stack = given.stack};
}

/* A child with a copy of this very stack can be told from its parent when the call returns, in either. */
__attribute__((used)) static long syscall_forked(long number, long a, long b, long c, long d, long e, long f)
{
    const long arguments[6] = {a, b, c, d, e, f};
    return fork_by_number(cloning_of(number, a, b).flags, number, arguments);
}

bool syscall_forks(long number)
{
    return syscall_kinds[number] == KIND_FORK;
}

/* A process is about to be made by its number; returns where to go on. Where the child is to go on in this memory, or
 * on another stack, the wrapper must leave no frame behind. */
__attribute__((used)) void *syscall_forking(long number, long first, long second)
{
    load_ready();
    struct cloning cloning = cloning_of(number, first, second);
    uint64_t flags = cloning.flags;
    if (number == SYS_clone3 && (flags & CLONE_NEWTIME))
        clock_change();
    if (flags & CLONE_THREAD) {
        sandbox_thread_begins();
        return (void *)real.syscall;
    }
    if (!(flags & (CLONE_VM | CLONE_SETTLS)) && !cloning.stack && config.on)
        return (void *)syscall_forked;
    if ((flags & CLONE_VFORK) && (flags & CLONE_VM) && !(flags & CLONE_SETTLS))
        fork_vforking(SOCKATLAS_CALL_syscall);
    else if (flags & CLONE_VM)
        process_shared(UINT64_MAX);
    else
        process_forking(UINT64_MAX);
    return (void *)real.syscall;
}

#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    movq syscall_real(%rip), %rax\n"
        "    testq %rax, %rax\n"
        "    jz syscall_watched\n"
        "    cmpq $512, %rdi\n"
        "    jae 1f\n"
        "    leaq syscall_kinds(%rip), %r10\n"
        "    movzbl (%r10,%rdi), %r10d\n"
        "    cmpb $1, %r10b\n"
        "    je syscall_watched\n"
        "    ja 2f\n"
        "1:  jmp *%rax\n"
        "2:  pushq %rdi\n"
        "    pushq %rsi\n"
        "    pushq %rdx\n"
        "    pushq %rcx\n"
        "    pushq %r8\n"
        "    pushq %r9\n"
        "    subq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset 56\n"
        "    call syscall_forking\n"
        "    addq $8, %rsp\n"
        "    popq %r9\n"
        "    popq %r8\n"
        "    popq %rcx\n"
        "    popq %rdx\n"
        "    popq %rsi\n"
        "    popq %rdi\n"
        "    .cfi_adjust_cfa_offset -56\n"
        "    jmp *%rax\n"
        "    .cfi_endproc\n"
        ".size syscall, .-syscall\n"
        ".popsection\n");
#elif defined(__i386__)
__asm__(".pushsection .text\n"
        "syscall_here:\n"
        "    movl (%esp), %ecx\n"
        "    ret\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        "    .cfi_startproc\n"
        "    endbr32\n"
        "    call syscall_here\n"
        "    addl $_GLOBAL_OFFSET_TABLE_, %ecx\n"
        "    movl syscall_real@GOTOFF(%ecx), %eax\n"
        "    testl %eax, %eax\n"
        "    jz syscall_watched\n"
        "    movl 4(%esp), %edx\n"
        "    cmpl $512, %edx\n"
        "    jae 1f\n"
        "    movzbl syscall_kinds@GOTOFF(%ecx,%edx), %ecx\n"
        "    cmpb $1, %cl\n"
        "    je syscall_watched\n"
        "    ja 2f\n"
        "1:  jmp *%eax\n"
        "2:  pushl 12(%esp)\n"
        "    pushl 12(%esp)\n"
        "    pushl 12(%esp)\n"
        "    .cfi_adjust_cfa_offset 12\n"
        "    call syscall_forking\n"
        "    addl $12, %esp\n"
        "    .cfi_adjust_cfa_offset -12\n"
        "    jmp *%eax\n"
        "    .cfi_endproc\n"
        ".size syscall, .-syscall\n"
        ".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
        ".globl syscall\n"
        ".type syscall, %function\n"
        "syscall:\n"
        "    .cfi_startproc\n"
        "    adrp x16, syscall_real\n"
        "    ldr x16, [x16, :lo12:syscall_real]\n"
        "    cbz x16, syscall_watched\n"
        "    cmp x0, #512\n"
        "    b.hs 1f\n"
        "    adrp x17, syscall_kinds\n"
        "    add x17, x17, :lo12:syscall_kinds\n"
        "    ldrb w17, [x17, x0]\n"
        "    cmp w17, #1\n"
        "    b.eq syscall_watched\n"
        "    b.hi 2f\n"
        "1:  br x16\n"
        "2:  stp x29, x30, [sp, #-80]!\n"
        "    .cfi_adjust_cfa_offset 80\n"
        "    stp x0, x1, [sp, #16]\n"
        "    stp x2, x3, [sp, #32]\n"
        "    stp x4, x5, [sp, #48]\n"
        "    str x6, [sp, #64]\n"
        "    bl syscall_forking\n"
        "    mov x16, x0\n"
        "    ldr x6, [sp, #64]\n"
        "    ldp x4, x5, [sp, #48]\n"
        "    ldp x2, x3, [sp, #32]\n"
        "    ldp x0, x1, [sp, #16]\n"
        "    ldp x29, x30, [sp], #80\n"
        "    .cfi_adjust_cfa_offset -80\n"
        "    br x16\n"
        "    .cfi_endproc\n"
        ".size syscall, .-syscall\n"
        ".popsection\n");
#endif
