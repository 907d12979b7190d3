/* SPDX-License-Identifier: MIT
 *
 * enter HOW FILE COMMAND...: goes under the seccomp filter in FILE, then executes COMMAND, with $ENTER_PRELOAD as its
 * LD_PRELOAD. As a library that is preloaded (enter.so) it does so in the program itself, by $ENTER_HOW and
 * $ENTER_FILE, which it removes. HOW: prctl, seccomp, tsync; prctl-raw, the same by syscall(2); none: only
 * PR_SET_NO_NEW_PRIVS, which comes before the filter in all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { INSTRUCTIONS_MAX = 4096 };

static int install(const char *how, struct sock_fprog *program)
{
    if (strcmp(how, "seccomp") == 0)
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
    if (strcmp(how, "tsync") == 0)
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
    if (strcmp(how, "prctl-raw") == 0)
        return (int)syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0);
    if (strcmp(how, "prctl") == 0)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program);
    errno = EINVAL;
    return -1;
}

static int enter(const char *how, const char *path)
{
    static struct sock_filter instructions[INSTRUCTIONS_MAX];
    ssize_t size = 0;
    if (strcmp(how, "none") != 0) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        size = fd < 0 ? -1 : read(fd, instructions, sizeof instructions);
        if (size <= 0)
            return -1;
        close(fd);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    struct sock_fprog program = {.len = (unsigned short)((size_t)size / sizeof *instructions), .filter = instructions};
    return size ? install(how, &program) : 0;
}

#ifdef ENTER_LIBRARY
__attribute__((constructor)) static void begin(void)
{
    static char how[16], file[1024];
    if (!getenv("ENTER_HOW") || !getenv("ENTER_FILE"))
        return;
    snprintf(how, sizeof how, "%s", getenv("ENTER_HOW"));
    snprintf(file, sizeof file, "%s", getenv("ENTER_FILE"));
    unsetenv("ENTER_HOW");
    unsetenv("ENTER_FILE");
    if (enter(how, file) != 0)
        _exit(99);
}
#else
int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: enter HOW FILE COMMAND...\n", stderr);
        return 2;
    }
    const char *preload = getenv("ENTER_PRELOAD");
    if (preload)
        setenv("LD_PRELOAD", preload, 1);
    if (enter(argv[1], argv[2]) != 0) {
        perror(argv[2]);
        return 99;
    }
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 98;
}
#endif
