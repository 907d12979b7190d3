/* SPDX-License-Identifier: MIT
 *
 * The table of real functions where there is no libc: those that a watched system call comes to, each the call itself.
 * All others stay NULL; nothing in the piece leads to them.
 */
#include "shim/real.h"

#include "shim/piece/internal.h"
#include "shim/sys.h"
#include "shim/thread.h"

#include <sys/syscall.h>

struct real real __attribute__((aligned(64)));

/* Not sys(): in a sandbox the program's own calls are still made. */
long piece_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long result = sys_raw(number, a, b, c, d, e, f);
    if (!sys_is_error(result))
        return result;
    errno = (int)-result;
    return -1;
}

static int real_execve(const char *path, char *const argv[], char *const envp[])
{
    return (int)piece_syscall(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0, 0);
}

static int real_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
    return (int)piece_syscall(SYS_execveat, dirfd, (long)path, (long)argv, (long)envp, flags, 0);
}

static void real_exit(int status)
{
    piece_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
    __builtin_trap();
}

static int real_prctl(int option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    long a[4];
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    return (int)piece_syscall(SYS_prctl, option, a[0], a[1], a[2], a[3], 0);
}

static int real_setns(int fd, int kind)
{
    return (int)piece_syscall(SYS_setns, fd, kind, 0, 0, 0, 0);
}

static int real_unshare(int flags)
{
    return (int)piece_syscall(SYS_unshare, flags, 0, 0, 0, 0, 0);
}

bool real_resolve(void)
{
    real.syscall = (__typeof__(real.syscall))piece_syscall;
    real.execve = real_execve;
    real.execveat = real_execveat;
    real._exit = (__typeof__(real._exit))real_exit;
    real.prctl = real_prctl;
    real.setns = real_setns;
    real.unshare = real_unshare;
    real.resolved = true;
    return true;
}
