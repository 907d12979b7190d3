/* SPDX-License-Identifier: MIT
 *
 * What a target program gives up: rights, files, memory, system calls. Called by its only thread, or, seccomp, by each.
 */
#ifndef TESTS_TARGETS_CONFINE_H
#define TESTS_TARGETS_CONFINE_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int limit(int resource, rlim_t value)
{
    return setrlimit(resource, &(struct rlimit){.rlim_cur = value, .rlim_max = value});
}

/* The three that a round needs, and all below them taken. */
static inline int spend_descriptors(void)
{
    int fd = open("/dev/null", O_RDONLY);
    return fd < 0 ? -1 : limit(RLIMIT_NOFILE, (rlim_t)fd + 4);
}

/* What a program with 64 MiB may well do. */
static inline int use_memory(void)
{
    enum { SIZE = 32 << 20 };
    char *memory = malloc(SIZE);
    if (!memory)
        return 0;
    memset(memory, 1, SIZE);
    free(memory);
    return 1;
}

static inline int enter_empty_folder(void)
{
    char folder[] = "/tmp/sockatlas-empty.XXXXXX";
    return mkdtemp(folder) && chdir(folder) == 0 && rmdir(folder) == 0 && chroot(".") == 0 ? 0 : -1;
}

/* Not there: EOPNOTSUPP or ENOSYS. */
static inline int forbid_writing(void)
{
    struct landlock_ruleset_attr rules = {.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE |
                                                               LANDLOCK_ACCESS_FS_MAKE_REG |
                                                               LANDLOCK_ACCESS_FS_REMOVE_FILE};
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        return -1;
    return close(fd);
}

extern int capset(struct __user_cap_header_struct *header, struct __user_cap_data_struct *data);

static inline int drop_rights(void)
{
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return capset(&(struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3}, none);
}

static inline int enter_sandbox(void)
{
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0)
                                                       : -1;
}

/* WHAT, see busy_confined. -1 with errno. */
static inline int give_up(const char *what)
{
    if (strcmp(what, "raw-setuid") == 0)
        return (int)syscall(SYS_setresuid, 65534, 65534, 65534);
    if (strcmp(what, "capset") == 0)
        return drop_rights();
    if (strcmp(what, "landlock") == 0)
        return forbid_writing();
    if (strcmp(what, "seccomp") == 0)
        return enter_sandbox();
    if (strcmp(what, "chroot") == 0)
        return enter_empty_folder();
    if (strcmp(what, "setuid") == 0)
        return setgroups(0, NULL) == 0 && setgid(65534) == 0 ? setuid(65534) : -1;
    if (strcmp(what, "mlockall") == 0)
        return mlockall(MCL_CURRENT | MCL_FUTURE);
    if (strcmp(what, "nofile") == 0)
        return spend_descriptors();
    if (strcmp(what, "fsize") == 0)
        return limit(RLIMIT_FSIZE, 0);
    if (strcmp(what, "as") == 0)
        return limit(RLIMIT_AS, 64 << 20) == 0 && use_memory() ? 0 : -1;
    if (strcmp(what, "stdio") == 0)
        return close(0) == 0 && close(1) == 0 ? close(2) : -1;
    errno = EINVAL;
    return -1;
}

#endif
