/* SPDX-License-Identifier: MIT
 *
 * The way into the shim and out of it from a redirected instruction (site.h), which has jumped to its stub, and the
 * stub, with a watched number, here. Nothing but RAX, RCX, R11 and the flags is changed, as by the system call itself;
 * nothing is written to a goroutine's stack, and nothing to the red zone of any other. A signal may come at any
 * instruction. The same in both forms, but for what tells a thread: in the piece (piece/) its FS base, in the shim,
 * where that is libc's, the word there, which is the same (it is 0 where it is Go's own).
 */
#include "shim/site_entry.h"

#include "shim/config.h"
#include "shim/load.h"
#include "shim/log.h"
#include "shim/raw.h"
#include "shim/sandbox.h"
#include "shim/site.h"
#include "shim/site_area.h"
#include "shim/sys.h"
#include "shim/watch.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#if defined(__x86_64__)

/* The arguments as the assembly has put them on the stack. */
struct entered {
    long number, b9, b8, b10, c, b, a;
};

/* Where to go on: with this result behind the system call, or with the call as it was. */
struct leaving {
    long result;
    long plain;
};

static void end(int status)
{
    if (log_is_open()) {
        watch_exit(SOCKATLAS_CALL_syscall, status & 0xff);
        if (!process_identity().vforked)
            log_finish();
    }
    process_goes();
}

/* Watched calls that went by unseen while there was no log. */
static uint64_t site_unseen __attribute__((used));

static void count_unseen(void)
{
    if (__atomic_load_n(&site_unseen, __ATOMIC_RELAXED))
        for (uint64_t count = __atomic_exchange_n(&site_unseen, 0, __ATOMIC_RELAXED); count > 0; count--)
            log_lose(SOCKATLAS_LOSS_THREAD);
}

static struct leaving made(long result)
{
    return (struct leaving){.result = result == -1 ? -errno : result};
}

static bool sends(long number)
{
    static const short numbers[] = {SYS_write,    SYS_writev,   SYS_sendto,   SYS_sendmsg,
                                    SYS_sendmmsg, SYS_sendfile, SYS_pwritev2, SYS_splice};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (number == numbers[i])
            return true;
    return false;
}

/* A thread has said what became of each socket and is about to end the process: what another did meanwhile would be
 * missing there. It could as well not have had a processor. Not for good, whatever a signal's handler makes of it. */
static bool ending;

static void hold(void)
{
    struct timespec moment = {.tv_nsec = 10000000};
    for (int i = 0; i < 100 && !sandbox_inside(); i++)
        sys(SYS_nanosleep, &moment, NULL);
}

static struct leaving handle(long number, const long a[6])
{
    struct leaving plain = {.plain = 1};
    count_unseen();
    if (number == SYS_exit_group) {
        if (!process_in_vfork()) {
            __atomic_store_n(&ending, true, __ATOMIC_SEQ_CST);
            area_await_sends();
        }
        end((int)a[0]);
        real._exit((int)a[0]);
    }
    if (number == SYS_exit) {
        /* A thread; or a vfork child, whose area is its parent's. */
        if (process_in_vfork())
            end((int)a[0]);
        else
            area_leave();
        return plain;
    }
    if (!syscall_forks(number))
        return made(syscall_watched(number, a[0], a[1], a[2], a[3], a[4], a[5]));
    long (*go)(long, long, long, long, long, long, long) = syscall_forking(number, a[0], a[1]);
    if ((void *)go == (void *)real.syscall)
        return plain;
    return made(go(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

/* In a child that runs in its parent's memory these do not come back, and the area is the parent's: free again. */
static bool may_stay_away(long number)
{
    return number == SYS_execve || number == SYS_execveat || number == SYS_exit_group;
}

/* The system call itself leaves errno as it is, which may be a C function's that called Go's. */
__attribute__((used)) static struct leaving site_handle(long number, const struct entered *in, struct area *area)
{
    if (!config.on)
        return (struct leaving){.plain = 1};
    int was = errno;
    uint64_t busy = area->busy;
    if (sends(number))
        __atomic_store_n(&area->busy, busy | AREA_SENDS, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&ending, __ATOMIC_SEQ_CST)) {
        area->busy = busy;
        hold();
    }
    if (may_stay_away(number))
        area->busy = 0;
    struct leaving leaving = handle(number, (const long[]){in->a, in->b, in->c, in->b10, in->b8, in->b9});
    area->busy = busy;
    errno = was;
    return leaving;
}

__attribute__((used)) const unsigned char *site_stubs;
static char making_stack[4 << 10] __attribute__((aligned(16), used)) LARGE;

_Static_assert(SITE_STUB_SIZE == 64 && SITE_STUB_AFTER == 29 && SITE_STUB_PLAIN == 27 && SITE_SHIFT == 16,
               "as the assembly has it");
_Static_assert(offsetof(struct sockatlas_header, lost) == 576 &&
                   offsetof(struct sockatlas_header, lost_reason) == 592 && SOCKATLAS_LOSS_THREAD == 8,
               "as the assembly has it");

/* Go's code counts on XMM15 to be zero behind a system call; of the other vector registers it has nothing there. */
#if defined(SOCKATLAS_PIECE)
#define OWN_KEY(register) "    rdfsbase " register "\n    orq $1, " register "\n"
#define KEEP_VECTOR
#define GIVE_VECTOR
#else
#define OWN_KEY(register)                                                                                              \
    "    movq %fs:0, " register "\n    testq " register ", " register "\n    jz 8f\n    orq $1, " register "\n"
#define KEEP_VECTOR "    subq $16, %rsp\n    movups %xmm15, (%rsp)\n"
#define GIVE_VECTOR "    movups (%rsp), %xmm15\n    addq $16, %rsp\n"
#endif

/* clang-format off */
__asm__(
    ".pushsection .text.enter,\"ax\",@progbits\n"
    ".globl site_enter\n"
    ".hidden site_enter\n"
    "site_enter:\n"
    /* R11: the entry of the table where this thread's area is looked for first; RCX: the thread's key. */
    "1:\n" OWN_KEY("%rcx")
    "    imull $0x9e3779b1, %ecx, %r11d\n"
    "    shrl $20, %r11d\n"
    "    shlq $4, %r11\n"
    "    addq area_table(%rip), %r11\n"
    "2:  cmpq %rcx, (%r11)\n"
    "    jne 4f\n"
    "    movq 8(%r11), %r11\n"
    "    movq %rsp, %rcx\n"
    "    cmpq $0, (%r11)\n"
    "    je 3f\n"
    /* A stack of ours. */
    "    cmpq $0, 8(%r11)\n"
    "    jne 8f\n"
    "    movq $1, 8(%r11)\n"
    "    movq (%r11), %rsp\n"
    "    jmp 5f\n"
    /* The program's, below its red zone. */
    "3:  leaq -128(%rsp), %rsp\n"
    "    andq $-16, %rsp\n"
    "    jmp 5f\n"
    "4:  cmpq $0, (%r11)\n"
    "    je 6f\n"
    "    addq $16, %r11\n"
    "    cmpq area_table_end(%rip), %r11\n"
    "    jb 2b\n"
    "    movq area_table(%rip), %r11\n"
    "    jmp 2b\n"
    "5:  pushq %rcx\n"
    "    pushq %r15\n"
    "    pushq %rax\n"
    "    pushq %rdi\n"
    "    pushq %rsi\n"
    "    pushq %rdx\n"
    "    pushq %r10\n"
    "    pushq %r8\n"
    "    pushq %r9\n"
    "    movzwl %ax, %edi\n"
    "    pushq %rdi\n"
    "    leaq 16(%r11), %r15\n"
    "    movq %rsp, %rsi\n"
    "    movq %r11, %rdx\n"
    "    cld\n"
    KEEP_VECTOR
    "    call site_handle\n"
    GIVE_VECTOR
    /* Where to go on: behind the call, or, with the number as it was, at the call. */
    "    movl 56(%rsp), %ecx\n"
    "    movl %ecx, %r11d\n"
    "    shrl $16, %r11d\n"
    "    shlq $6, %r11\n"
    "    addq site_stubs(%rip), %r11\n"
    "    addq $29, %r11\n"
    "    testq %rdx, %rdx\n"
    "    jz 7f\n"
    "    movzwl %cx, %eax\n"
    "    subq $2, %r11\n"
    "7:  addq $8, %rsp\n"
    "    popq %r9\n"
    "    popq %r8\n"
    "    popq %r10\n"
    "    popq %rdx\n"
    "    popq %rsi\n"
    "    popq %rdi\n"
    "    addq $8, %rsp\n"
    "    movq %r15, %rcx\n"
    "    popq %r15\n"
    "    popq %rsp\n"
    "    movq $0, -8(%rcx)\n" /* no longer busy: only now is nothing of it on that stack */
    "    jmpq *%r11\n"
    /* Met for the first time: one thread after the other. A lock that is not given back, by a child that was killed in
     * its parent's memory, must not stop anybody for good. */
    "6:  movl $1000000, %ecx\n"
    "10: lock btsl $0, making(%rip)\n"
    "    jnc 11f\n"
    "    pause\n"
    "    decl %ecx\n"
    "    jnz 10b\n"
    "    jmp 8f\n"
    "11: movq %rsp, making_from(%rip)\n"
    "    leaq 4096+making_stack(%rip), %rsp\n"
    "    pushq %rax\n"
    "    pushq %rdi\n"
    "    pushq %rsi\n"
    "    pushq %rdx\n"
    "    pushq %r10\n"
    "    pushq %r8\n"
    "    pushq %r9\n"
    "    subq $8, %rsp\n"
    OWN_KEY("%rdi")
    "    call area_make\n"
    "    movq %rax, %r11\n"
    "    addq $8, %rsp\n"
    "    popq %r9\n"
    "    popq %r8\n"
    "    popq %r10\n"
    "    popq %rdx\n"
    "    popq %rsi\n"
    "    popq %rdi\n"
    "    popq %rax\n"
    "    movq making_from(%rip), %rsp\n"
    "    movl $0, making(%rip)\n"
    "    testq %r11, %r11\n"
    "    jnz 1b\n"
    /* Unseen, and counted: in the log, by whoever is seen next where there is none yet. */
    "8:  movq log_mapped(%rip), %rcx\n"
    "    testq %rcx, %rcx\n"
    "    jz 9f\n"
    "    lock incq 576(%rcx)\n"
    "    movl $8, 592(%rcx)\n"
    "    jmp 12f\n"
    "9:  lock incq site_unseen(%rip)\n"
    "12: movl %eax, %r11d\n"
    "    movzwl %ax, %eax\n"
    "    shrl $16, %r11d\n"
    "    shlq $6, %r11\n"
    "    addq site_stubs(%rip), %r11\n"
    "    addq $27, %r11\n"
    "    jmpq *%r11\n"
    ".local making\n"
    ".comm making, 4, 4\n"
    ".local making_from\n"
    ".comm making_from, 8, 8\n"
    ".popsection\n");
/* clang-format on */
#endif
