/* SPDX-License-Identifier: MIT
 *
 * Starts sockatlas-patch as vfork(2) does, but so that it never shows as a child: it has no signal at its end, and is
 * waited for here; what goes on is a child of its own, which has no parent any more.
 */
#include "shim/launch.h"

#include "shim/sys.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { SIGNAL_SET = 8 };

#if defined(__x86_64__)
/* The child shares this memory and this stack, and writes to neither: it lets `fd` be inherited and executes. */
static long start(char *const argv[], char *const envp[], int fd)
{
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;
    register char *const *r12 __asm__("r12") = argv;
    register char *const *r13 __asm__("r13") = envp;
    register long r14 __asm__("r14") = fd;
    long result;
    __asm__ volatile(
        "syscall\n\t"
        "testq %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "movl %[fcntl], %%eax\n\t"
        "movq %%r14, %%rdi\n\t"
        "movl %[setfd], %%esi\n\t"
        "xorl %%edx, %%edx\n\t"
        "syscall\n\t"
        "movl %[execve], %%eax\n\t"
        "movq (%%r12), %%rdi\n\t"
        "movq %%r12, %%rsi\n\t"
        "movq %%r13, %%rdx\n\t"
        "syscall\n\t"
        "movl %[exit], %%eax\n\t"
        "movl $127, %%edi\n\t"
        "syscall\n"
        "1:"
        : "=a"(result)
        : "a"(SYS_clone), "D"((long)(CLONE_VM | CLONE_VFORK)), "S"(0L), "d"(0L), "r"(r10), "r"(r8), "r"(r12), "r"(r13),
          "r"(r14), [fcntl] "i"(SYS_fcntl), [setfd] "i"(F_SETFD), [execve] "i"(SYS_execve), [exit] "i"(SYS_exit)
        : "rcx", "r11", "memory");
    return result;
}
#else
static long start(char *const argv[], char *const envp[], int fd)
{
    (void)argv;
    (void)envp;
    (void)fd;
    return -ENOSYS;
}
#endif

static void put_number(char *end, unsigned value)
{
    do
        *--end = (char)('0' + value % 10);
    while ((value /= 10) > 0);
}

/* Right-aligned text of a number in `text`. */
static char *number_text(char text[12], unsigned value)
{
    unsigned digits = 1;
    for (unsigned rest = value; rest > 9; rest /= 10)
        digits++;
    text[11] = 0;
    put_number(text + 11, value);
    return text + 11 - digits;
}

/* Where this process adopts orphans, what is left of sockatlas-patch would become its child. */
static bool adopts(void)
{
    int adopts = 0;
    return sys(SYS_getpid) == 1 || (sys(SYS_prctl, PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0) == 0 && adopts);
}

static unsigned char ask(const int pipe[2], const char *patcher, const char *path)
{
    char thread[12], fd[12];
    char *const argv[] = {(char *)patcher, number_text(thread, (unsigned)sys(SYS_gettid)),
                          number_text(fd, (unsigned)pipe[1]), (char *)path, NULL};
    char *const envp[] = {NULL};
    unsigned char answer = SOCKATLAS_UNTRACED_PTRACE;
    /* Where only ancestors may trace (Yama). Until the answer has come. */
    sys(SYS_prctl, PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    long child = start(argv, envp, pipe[1]);
    sys(SYS_close, pipe[1]);
    while (child > 0 && sys(SYS_wait4, child, NULL, __WALL, NULL) == -EINTR)
        continue;
    if (child < 0 || sys(SYS_read, pipe[0], &answer, 1) != 1)
        answer = SOCKATLAS_UNTRACED_PTRACE;
    sys(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, 0);
    return answer;
}

/* No signal is taken meanwhile: a handler would run in the child, in this memory. */
enum sockatlas_untraced launch_begin(struct launch *launch, const char *patcher, const char *path)
{
    uint64_t all = UINT64_MAX, mask = 0;
    int pipe[2];
    launch->pipe = -1;
    if (adopts() || sys(SYS_pipe2, pipe, O_CLOEXEC) < 0)
        return SOCKATLAS_UNTRACED_PTRACE;
    sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, SIGNAL_SET);
    unsigned char answer = ask(pipe, patcher, path);
    sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SIGNAL_SET);
    launch->pipe = pipe[0];
    if (answer != SOCKATLAS_TRACEABLE)
        launch_end(launch);
    return answer;
}

void launch_end(struct launch *launch)
{
    if (launch->pipe >= 0)
        sys(SYS_close, launch->pipe);
    launch->pipe = -1;
}
