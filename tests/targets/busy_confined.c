/* SPDX-License-Identifier: MIT
 *
 * busy_confined LEDGER WHEN ROUNDS WHAT...: gives things up, before its first socket (WHEN first) or after it (later),
 * and goes on with connections. WHAT: chroot (into an empty folder), setuid (to nobody), raw-setuid (the same by
 * syscall(2)), capset (all rights), landlock (making and writing files), mlockall, nofile (no number
 * free but those it needs), fsize (no file may grow), as (an address space of 64 MiB), stdio (standard streams closed),
 * seccomp (a filter that kills for what a log that grows or opens files would call).
 * Ends by SIGKILL.
 */
#include "tests/targets/busy.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int limit(int resource, rlim_t value)
{
    return setrlimit(resource, &(struct rlimit){.rlim_cur = value, .rlim_max = value});
}

/* The three that a round needs, and all below them taken. */
static int spend_descriptors(void)
{
    int fd = open("/dev/null", O_RDONLY);
    return fd < 0 ? -1 : limit(RLIMIT_NOFILE, (rlim_t)fd + 4);
}

/* What a program with 64 MiB may well do. */
static int use_memory(void)
{
    enum { SIZE = 32 << 20 };
    char *memory = malloc(SIZE);
    if (!memory)
        return 0;
    memset(memory, 1, SIZE);
    free(memory);
    return 1;
}

static int enter_empty_folder(void)
{
    char folder[] = "/tmp/sockatlas-empty.XXXXXX";
    return mkdtemp(folder) && chroot(folder) == 0 && chdir("/") == 0 ? 0 : -1;
}

/* Not there: EOPNOTSUPP or ENOSYS. */
static int forbid_writing(void)
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

static int drop_rights(void)
{
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return capset(&(struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3}, none);
}

static int enter_sandbox(void)
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

static int give_up(const char *what)
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

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: busy_confined LEDGER first|later ROUNDS WHAT...\n", stderr);
        return 2;
    }
    busy_begin(argv[1], 1);
    if (strcmp(argv[2], "later") == 0)
        busy_rounds(1);
    for (int i = 4; i < argc; i++)
        if (give_up(argv[i]) < 0) {
            perror(argv[i]);
            return 3;
        }
    busy_rounds(strtol(argv[3], NULL, 10));
    kill(getpid(), SIGKILL);
    return 1;
}
