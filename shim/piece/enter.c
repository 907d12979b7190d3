/* SPDX-License-Identifier: MIT
 *
 * The way into the piece and out of it: a redirected instruction has jumped to its stub (piece.h), and the stub, with a
 * watched number, here. Nothing but RAX, RCX, R11 and the flags is changed, as by the system call itself; nothing is
 * written to a goroutine's stack, and nothing to the red zone of any other. A signal may come at any instruction.
 */
#include "shim/config.h"
#include "shim/coverage.h"
#include "shim/load.h"
#include "shim/log.h"
#include "shim/piece/internal.h"
#include "shim/raw.h"
#include "shim/sys.h"
#include "shim/watch.h"

#include <elf.h>
#include <sys/auxv.h>
#include <unistd.h>

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
static uint64_t piece_unseen __attribute__((used));

static void count_unseen(void)
{
    if (__atomic_load_n(&piece_unseen, __ATOMIC_RELAXED))
        for (uint64_t count = __atomic_exchange_n(&piece_unseen, 0, __ATOMIC_RELAXED); count > 0; count--)
            log_lose(SOCKATLAS_LOSS_THREAD);
}

static struct leaving made(long result)
{
    return (struct leaving){.result = result == -1 ? -errno : result};
}

__attribute__((used)) static struct leaving piece_handle(long number, const struct entered *in)
{
    struct leaving plain = {.plain = 1};
    const long a[6] = {in->a, in->b, in->c, in->b10, in->b8, in->b9};
    if (!config.on)
        return plain;
    count_unseen();
    if (number == SYS_exit_group) {
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

__attribute__((used)) static struct area *piece_new_area(uint64_t key)
{
    return area_make(key);
}

extern const char piece_enter[], piece_boot[], piece_boot_refused[], piece_text_end[], __ehdr_start[];
extern char piece_stubs[];
static char boot_stack[64 << 10] __attribute__((aligned(16))) LARGE;
static char making_stack[4 << 10] __attribute__((aligned(16), used)) LARGE;

/* All that the trace will have of the program. */
static void not_followed(const char *why)
{
    coverage_record(SOCKATLAS_CALL_NONE, SOCKATLAS_COVERAGE_UNTRACED_CHILD, why);
}

/* `arguments`: where the stack stood when the program began: how many arguments, they, the environment, the auxiliary
 * vector. */
__attribute__((used)) static long piece_begin(long *arguments, unsigned flags)
{
    enum { FSGSBASE = 2 };
    char **entry = (char **)(arguments + 1 + arguments[0] + 1);
    environ = entry;
    while (*entry)
        entry++;
    piece_auxiliary((const unsigned long *)(entry + 1));
    load_ready();
    if (!config.on || sandbox_inside())
        return PIECE_OFF;
    config.patched = true;
    const char *why = NULL;
    if (!(getauxval(AT_HWCAP2) & FSGSBASE))
        why = "statically linked, and neither processor nor kernel tells its threads apart (FSGSBASE, Linux 5.9)";
    else if (!area_prepare(flags))
        why = "statically linked, and there is no memory to follow its threads in";
    if (why)
        not_followed(why);
    return why ? PIECE_NO_MEMORY : PIECE_READY;
}

__attribute__((used)) static long piece_refuse(void)
{
    not_followed("statically linked, and its system calls could not be redirected");
    return PIECE_OFF;
}

/* In the block of the thread that is not begun yet. */
static struct {
    struct area area;
    char block[2048];
} boot_area __attribute__((aligned(64), used));

__attribute__((used, section(".data.head"))) const struct piece_head piece_head = {
    .begin = (uint64_t)piece_boot,
    .refused = (uint64_t)piece_boot_refused,
    .stack = (uint64_t)(boot_stack + sizeof(boot_stack)),
    .enter = (uint64_t)piece_enter,
    .kinds = (uint64_t)syscall_kinds,
    .stubs = (uint64_t)piece_stubs,
    .text_size = (uint64_t)piece_text_end,
};

_Static_assert(PIECE_STUB_SIZE == 64 && PIECE_STUB_AFTER == 29 && PIECE_STUB_PLAIN == 27 && PIECE_SITE_SHIFT == 16 &&
                   (PIECE_STUBS + 1) * PIECE_STUB_SIZE == 65536,
               "as the assembly has it");
_Static_assert(offsetof(struct sockatlas_header, lost) == 576 &&
                   offsetof(struct sockatlas_header, lost_reason) == 592 && SOCKATLAS_LOSS_THREAD == 8,
               "as the assembly has it");

/* clang-format off */
__asm__(
    ".section .text.stubs,\"ax\",@progbits\n"
    ".balign 4096\n"
    ".globl piece_stubs\n"
    ".hidden piece_stubs\n"
    "piece_stubs:\n"
    "    .fill 65536, 1, 0xcc\n"
    ".section .text.enter,\"ax\",@progbits\n"
    ".globl piece_boot\n"
    ".hidden piece_boot\n"
    "piece_boot:\n"
    "    leaq 16+boot_area(%rip), %r15\n"
    "    call piece_begin\n"
    "    int3\n"
    ".globl piece_boot_refused\n"
    ".hidden piece_boot_refused\n"
    "piece_boot_refused:\n"
    "    leaq 16+boot_area(%rip), %r15\n"
    "    call piece_refuse\n"
    "    int3\n"
    ".globl piece_enter\n"
    ".hidden piece_enter\n"
    "piece_enter:\n"
    /* R11: the entry of the table where this thread's area is looked for first; RCX: the thread's key. */
    "1:  rdfsbase %rcx\n"
    "    orq $1, %rcx\n"
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
    /* A stack of the piece's. */
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
    "    cld\n"
    "    call piece_handle\n"
    /* Where to go on: behind the call, or, with the number as it was, at the call. */
    "    movl 56(%rsp), %ecx\n"
    "    movl %ecx, %r11d\n"
    "    shrl $16, %r11d\n"
    "    shlq $6, %r11\n"
    "    leaq 29+piece_stubs(%rip), %r8\n"
    "    addq %r8, %r11\n"
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
    "    rdfsbase %rdi\n"
    "    orq $1, %rdi\n"
    "    call piece_new_area\n"
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
    "9:  lock incq piece_unseen(%rip)\n"
    "12: movl %eax, %r11d\n"
    "    movzwl %ax, %eax\n"
    "    shrl $16, %r11d\n"
    "    shlq $6, %r11\n"
    "    leaq piece_stubs(%rip), %rcx\n"
    "    leaq 27(%rcx, %r11), %r11\n"
    "    jmpq *%r11\n"
    ".local making\n"
    ".comm making, 4, 4\n"
    ".local making_from\n"
    ".comm making_from, 8, 8\n"
    ".text\n");
/* clang-format on */
