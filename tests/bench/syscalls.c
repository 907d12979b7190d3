/* SPDX-License-Identifier: MIT
 *
 * Counts the system calls of a load.
 */
#include "tests/bench/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLICES = 4, FEW = 64, MANY = 192 };

/* What an added call may be; others are shown by number. */
static const struct {
    long number;
    int level, option;
    const char *name;
} names[] = {
    {SYS_getsockopt, SOL_SOCKET, SO_COOKIE, "SO_COOKIE"},
    {SYS_getsockopt, SOL_SOCKET, SO_MEMINFO, "SO_MEMINFO"},
    {SYS_getsockopt, SOL_SOCKET, SO_DOMAIN, "SO_DOMAIN"},
    {SYS_getsockopt, SOL_SOCKET, SO_TYPE, "SO_TYPE"},
    {SYS_getsockopt, SOL_SOCKET, SO_PROTOCOL, "SO_PROTOCOL"},
    {SYS_getsockopt, SOL_SOCKET, SO_ERROR, "SO_ERROR"},
    {SYS_getsockopt, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF"},
    {SYS_getsockopt, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF"},
    {SYS_getsockopt, SOL_SOCKET, SO_LINGER, "SO_LINGER"},
    {SYS_getsockopt, SOL_SOCKET, SO_PEERCRED, "SO_PEERCRED"},
    {SYS_getsockopt, SOL_SOCKET, 71, "SO_NETNS_COOKIE"},
    {SYS_getsockopt, IPPROTO_TCP, TCP_INFO, "TCP_INFO"},
    {SYS_getsockopt, IPPROTO_TCP, 35, "TCP_ZEROCOPY_RECEIVE"},
    {SYS_getsockname, 0, 0, "getsockname"},
    {SYS_getpeername, 0, 0, "getpeername"},
    {SYS_fcntl, 0, 0, "fcntl"},
    {SYS_madvise, 0, 0, "madvise"},
    {SYS_mprotect, 0, 0, "mprotect"},
    {SYS_gettid, 0, 0, "gettid"},
    {SYS_getpid, 0, 0, "getpid"},
    {SYS_mmap, 0, 0, "mmap"},
    {SYS_clock_gettime, 0, 0, "clock_gettime"},
    {SYS_rt_sigprocmask, 0, 0, "rt_sigprocmask"},
    {SYS_poll, 0, 0, "poll"},
    {SYS_write, 0, 0, "write"},
};

static struct syscalls_entry *entry_of(struct syscalls *all, long number, int level, int option)
{
    for (unsigned i = 0; i < all->size; i++) {
        struct syscalls_entry *entry = &all->entries[i];
        if (entry->number == number && entry->level == level && entry->option == option)
            return entry;
    }
    if (all->size == sizeof(all->entries) / sizeof(all->entries[0]))
        return &all->entries[all->size - 1];
    all->entries[all->size] = (struct syscalls_entry){.number = number, .level = level, .option = option};
    return &all->entries[all->size++];
}

/* The stopwatch asks getrusage() when it starts and when it stops: what is between is the load's. */
static void note_stop(struct syscalls *all, pid_t child)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    if (info.entry.nr == SYS_getrusage)
        all->inside = !all->inside;
    if (!all->inside)
        return;
    bool asks = info.entry.nr == SYS_getsockopt;
    entry_of(all, (long)info.entry.nr, asks ? (int)info.entry.args[1] : 0, asks ? (int)info.entry.args[2] : 0)->count++;
}

/* Lets the child run to its end. */
static bool follow(struct syscalls *all, pid_t child)
{
    int status;
    bool started = waitpid(child, &status, 0) == child && WIFSTOPPED(status);
    if (!started || ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
        return false;
    int signal = 0;
    while (ptrace(PTRACE_SYSCALL, child, NULL, signal) == 0 && waitpid(child, &status, 0) == child) {
        if (!WIFSTOPPED(status))
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80))
            note_stop(all, child);
        if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP)
            signal = 0;
    }
    return false;
}

/* The whole run of a load that does SLICES times `count` operations. */
static bool count_run(struct syscalls *all, const struct spawn *spawn, uint64_t count)
{
    int in[2];
    *all = (struct syscalls){0};
    if (pipe2(in, O_CLOEXEC) < 0)
        return false;
    for (int i = 0; i < SLICES; i++)
        if (write(in[1], &count, sizeof(count)) != sizeof(count))
            return false;
    close(in[1]);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct spawn traced = *spawn;
    traced.ptraced = true;
    pid_t child = spawn_start(&traced, in[0], null);
    close(in[0]);
    close(null);
    return child > 0 && follow(all, child);
}

bool syscalls_count(struct syscalls *out, const struct spawn *spawn)
{
    struct syscalls few;
    if (!count_run(&few, spawn, FEW) || !count_run(out, spawn, MANY))
        return false;
    for (unsigned i = 0; i < out->size; i++) {
        struct syscalls_entry *entry = &out->entries[i];
        entry->count -= entry_of(&few, entry->number, entry->level, entry->option)->count;
        entry->count /= SLICES * (MANY - FEW);
    }
    return true;
}

static void append_name(char *out, size_t size, const struct syscalls_entry *entry)
{
    size_t have = strlen(out);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].number != entry->number || names[i].level != entry->level || names[i].option != entry->option)
            continue;
        snprintf(out + have, size - have, "%s%s", have ? " " : "", names[i].name);
        return;
    }
    snprintf(out + have, size - have, "%scall %ld", have ? " " : "", entry->number);
    have = strlen(out);
    if (entry->level || entry->option)
        snprintf(out + have, size - have, "(%d,%d)", entry->level, entry->option);
}

void syscalls_added(char *out, size_t size, const struct syscalls *without, const struct syscalls *with)
{
    struct syscalls base = *without;
    out[0] = 0;
    for (unsigned i = 0; i < with->size; i++) {
        const struct syscalls_entry *entry = &with->entries[i];
        double more = entry->count - entry_of(&base, entry->number, entry->level, entry->option)->count;
        if (more < 0.05)
            continue;
        append_name(out, size, entry);
        size_t have = strlen(out);
        if (more < 0.95 || more > 1.05)
            snprintf(out + have, size - have, " %.1f", more);
    }
    if (!out[0])
        snprintf(out, size, "-");
}
