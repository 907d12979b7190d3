/* SPDX-License-Identifier: MIT
 *
 * What /proc says of a process before anything is done to it. Every reason that can be known then is found here, so
 * that nothing need be undone later. Called by attach.c.
 */
#include "analyzer/attach/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STATUS_SIZE = 8192 };

bool refuse(char *why, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, ATTACH_WHY_MAX, format, arguments);
    va_end(arguments);
    return false;
}

static bool read_text(const char *path, char *out, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, capacity - 1);
    out[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return got > 0;
}

/* ---- Refused by the kernel ---- */

bool look_refused(pid_t pid, int error, char *why)
{
    char scope[16];
    if (error == ESRCH || error == ENOENT)
        return refuse(why, "no such process");
    if (error != EPERM && error != EACCES)
        return refuse(why, "%s", strerror(error));
    bool yama = read_text("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof scope) && scope[0] != '0';
    if (yama && (geteuid() != 0 || scope[0] == '3'))
        return refuse(why, "not permitted: kernel.yama.ptrace_scope is %c%s", scope[0],
                      scope[0] == '3' ? ", which forbids it to root too" : "; root may");
    struct stat status;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (geteuid() != 0 && stat(path, &status) == 0 && status.st_uid != geteuid())
        return refuse(why, "not permitted: it is another user's; root may");
    return refuse(why, "not permitted: it has rights that this user has not, or forbids being looked at");
}

/* ---- What it is ---- */

/* The number behind `name` in a status file, `otherwise` where there is none. */
static long long number_of(const char *status, const char *name, int base, long long otherwise)
{
    const char *at = strstr(status, name);
    return at ? (long long)strtoull(at + strlen(name), NULL, base) : otherwise;
}

static bool look_at_status(pid_t pid, const char *status, char *why)
{
    char path[64], comm[32];
    const char *state = strstr(status, "\nState:\t");
    long long tracer = number_of(status, "\nTracerPid:", 10, 0);
    if (number_of(status, "\nTgid:", 10, pid) != pid)
        return refuse(why, "it is a thread of process %lld", number_of(status, "\nTgid:", 10, pid));
    if (state && (state[8] == 'Z' || state[8] == 'X'))
        return refuse(why, "it has ended and waits for its parent");
    if (state && state[8] == 'T')
        return refuse(why, "it is stopped; continue it first");
    if (tracer) {
        snprintf(path, sizeof path, "/proc/%lld/comm", tracer);
        read_text(path, comm, sizeof comm);
        comm[strcspn(comm, "\n")] = '\0';
        return refuse(why, "process %lld (%s) traces it", tracer, comm);
    }
    return true;
}

/* A fault that is ignored would make the kernel forget what the process wants. */
static bool look_at_signals(const char *status, char *why)
{
    uint64_t ignored = (uint64_t)number_of(status, "\nSigIgn:", 16, 0);
    return !(ignored >> (SIGSEGV - 1) & 1) || refuse(why, "it ignores SIGSEGV, which a call made in it returns by");
}

/* Whether the process's user may make a log in the folder. */
static bool look_at_user(const char *status, const char *folder, char *why)
{
    long long real, user = -1;
    struct stat at;
    const char *line = strstr(status, "\nUid:");
    if (!line || sscanf(line + 5, "%lld %lld", &real, &user) != 2 || stat(folder, &at) < 0)
        return refuse(why, "it cannot be told whose process it is");
    bool own = user == 0 || user == (long long)at.st_uid, shared = at.st_uid == 0 && (at.st_mode & S_IWOTH);
    return own || shared ||
           refuse(why, "it is the process of user %lld, who cannot record into %s; --across-users lets them", user,
                  folder);
}

/* The calls that the shim makes may be what a filter kills for. */
bool look_at_filters(pid_t pid, char *why)
{
    char path[300], status[STATUS_SIZE];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    bool good = true;
    for (const struct dirent *entry; threads && good && (entry = readdir(threads));) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid, entry->d_name);
        if (entry->d_name[0] != '.' && read_text(path, status, sizeof status) &&
            number_of(status, "\nSeccomp:", 10, 0) != 0)
            good = refuse(why, "it is under a seccomp filter, which may kill it for what the shim asks of the kernel");
    }
    if (threads)
        closedir(threads);
    return good;
}

/* Its program is one that the shim, built as this program is, can be loaded into. */
static bool look_at_program(pid_t pid, char *why)
{
    unsigned char own[20], head[20];
    char path[64];
    int mine = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = errno;
    bool read_both = mine >= 0 && fd >= 0 && read(mine, own, sizeof own) == (ssize_t)sizeof own &&
                     read(fd, head, sizeof head) == (ssize_t)sizeof head;
    if (mine >= 0)
        close(mine);
    if (fd >= 0)
        close(fd);
    if (fd < 0 && error == ENOENT)
        return refuse(why, "it is a thread of the kernel's");
    if (fd < 0)
        return look_refused(pid, error, why);
    if (!read_both || memcmp(head, ELFMAG, SELFMAG) != 0)
        return refuse(why, "its program cannot be read");
    if (head[EI_CLASS] != own[EI_CLASS] || memcmp(head + 18, own + 18, 2) != 0)
        return refuse(why, "it is built for another machine or word size than libsockatlas.so");
    return true;
}

/* ---- What it reaches ---- */

/* Whether the process has the same file at `file` as we, on a file system that lets it be used so. */
static bool has_file(pid_t pid, const char *file, unsigned long hindering)
{
    struct stat own, other;
    struct statvfs system;
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "/proc/%d/root%s", (int)pid, file);
    return stat(file, &own) == 0 && stat(path, &other) == 0 && own.st_dev == other.st_dev &&
           own.st_ino == other.st_ino && statvfs(path, &system) == 0 && !(system.f_flag & hindering);
}

bool look_reaches(pid_t pid, const struct attach_plan *plan)
{
    return has_file(pid, plan->shim, ST_NOEXEC) && (!plan->folder || has_file(pid, plan->folder, ST_RDONLY));
}

/* Whether its files may be looked at at all. */
static bool look_at_root(pid_t pid, char *why)
{
    struct stat status;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root/", (int)pid);
    return stat(path, &status) == 0 || look_refused(pid, errno, why);
}

/* ---- All of it ---- */

bool look_at_process(pid_t pid, const struct attach_plan *plan, char *why)
{
    char path[64], status[STATUS_SIZE];
    if (!arch_known())
        return refuse(why, "this processor is not supported yet");
    if (pid == getpid())
        return refuse(why, "it is this program itself");
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (!read_text(path, status, sizeof status))
        return look_refused(pid, errno == EACCES ? EACCES : ESRCH, why);
    if (!look_at_status(pid, status, why) || !look_at_program(pid, why) || !look_at_signals(status, why) ||
        !look_at_filters(pid, why))
        return false;
    return !plan || (look_at_root(pid, why) && (!plan->folder || look_at_user(status, plan->folder, why)));
}

static bool is_fork(long number)
{
    switch (number) {
#ifdef SYS_vfork
    case SYS_vfork:
#endif
#ifdef SYS_clone3
    case SYS_clone3:
#endif
    case SYS_clone:
        return true;
    default:
        return false;
    }
}

bool look_forking(pid_t pid)
{
    char path[300], text[256];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    bool found = false;
    for (const struct dirent *entry; threads && !found && (entry = readdir(threads));) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/syscall", (int)pid, entry->d_name);
        found = entry->d_name[0] != '.' && read_text(path, text, sizeof text) && text[0] >= '0' && text[0] <= '9' &&
                is_fork(strtol(text, NULL, 10));
    }
    if (threads)
        closedir(threads);
    return found;
}
