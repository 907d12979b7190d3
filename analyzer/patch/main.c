/* SPDX-License-Identifier: MIT
 *
 * sockatlas-patch: `sockatlas-patch TID FD PATH`, started by the shim or by `sockatlas run` in a child of the thread
 * TID, which is about to execute the program at PATH (shim/launch.h). It leaves its starter's family, looks at the
 * program, begins to trace the thread, and writes one byte to FD: SOCKATLAS_TRACEABLE, whereupon the thread executes
 * the program, or why not. When the program stands at its beginning it is changed and let go. Prints nothing; the
 * thread needs nothing of it afterwards.
 *
 * `sockatlas-patch exec PATH ARG...` executes the program at PATH: with the shim preloaded, that is what starts the
 * above. For what libc executes by itself (posix_spawn).
 */
#include "analyzer/patch/patch.h"
#include "shim/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

/* The file at the thread's own `path`. */
static int open_own(const char *path, pid_t thread)
{
    static const char self[] = "/proc/self/";
    char own[PATH_MAX];
    if (strncmp(path, self, strlen(self)) == 0) {
        int size = snprintf(own, sizeof own, "/proc/%d/%s", (int)thread, path + strlen(self));
        path = size > 0 && size < (int)sizeof own ? own : "";
    }
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* The program that is executed where this file is: a script's is its interpreter. */
static int open_program(const char *path, pid_t thread)
{
    enum { SCRIPTS = 4, LINE = 256 };
    char line[LINE];
    int fd = open_own(path, thread);
    for (int depth = 0; fd >= 0 && depth < SCRIPTS; depth++) {
        ssize_t size = pread(fd, line, sizeof line - 1, 0);
        if (size < 2 || line[0] != '#' || line[1] != '!')
            return fd;
        line[size] = 0;
        char *name = line + 2 + strspn(line + 2, " \t");
        name[strcspn(name, " \t\n")] = 0;
        close(fd);
        fd = open_own(name, thread);
    }
    return fd;
}

static bool is_executing(pid_t pid, int program)
{
    char path[64];
    struct stat wanted, found;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    return fstat(program, &wanted) == 0 && stat(path, &found) == 0 && wanted.st_dev == found.st_dev &&
           wanted.st_ino == found.st_ino && wanted.st_mtim.tv_sec == found.st_mtim.tv_sec &&
           wanted.st_mtim.tv_nsec == found.st_mtim.tv_nsec && wanted.st_size == found.st_size;
}

/* The thread's next stop, with signals that come before it handed over. `process`: what the thread becomes when it
 * executes a program. False: it is gone. */
static bool next_stop(pid_t *thread, pid_t process, int *status)
{
    for (;;) {
        pid_t who = waitpid(-1, status, __WALL);
        if (who < 0 || (who != *thread && who != process))
            return false;
        if (!WIFSTOPPED(*status)) {
            if (who == process && *thread == process)
                return false;
            continue;
        }
        *thread = who;
        if (*status >> 16)
            return true;
        if (ptrace(PTRACE_CONT, who, NULL, (void *)(long)WSTOPSIG(*status)) < 0)
            return false;
    }
}

/* Waits until the thread executes its program. Its end of the pipe is closed then, and also where it failed to, and
 * where it ended. */
static bool wait_for_program(pid_t *thread, pid_t process, int pipe, int signals)
{
    int status;
    struct pollfd polled[] = {{.fd = pipe}, {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo taken;
    while (poll(polled, 2, PATIENCE_MS) > 0 && !(polled[0].revents & (POLLERR | POLLHUP | POLLNVAL))) {
        if (read(signals, &taken, sizeof taken) < 0 && errno != EAGAIN)
            return false;
        pid_t who;
        while ((who = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
            if (!WIFSTOPPED(status)) {
                if (who == process)
                    return false;
                continue;
            }
            *thread = who;
            if (status >> 16 == PTRACE_EVENT_EXEC)
                return true;
            ptrace(PTRACE_CONT, who, NULL, (void *)(long)(status >> 16 ? 0 : WSTOPSIG(status)));
        }
    }
    /* It is stopped where it is: at its program's beginning, if it got there. */
    ptrace(PTRACE_INTERRUPT, *thread, NULL, NULL);
    return next_stop(thread, process, &status) && status >> 16 == PTRACE_EVENT_EXEC;
}

/* From the stop inside execve() to that behind it: before, what the call returns would overwrite a register. */
static bool finish_call(pid_t pid)
{
    int status;
    for (int signal = 0;;) {
        if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal) < 0 || waitpid(pid, &status, __WALL) != pid ||
            !WIFSTOPPED(status))
            return false;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80))
            return true;
        signal = status >> 16 ? 0 : WSTOPSIG(status);
    }
}

static pid_t process_of(pid_t thread)
{
    char path[64], line[128];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "Tgid: %d", &pid) != 1)
        continue;
    if (file)
        fclose(file);
    return pid;
}

static void answer(int pipe, enum sockatlas_untraced why)
{
    unsigned char byte = (unsigned char)why;
    if (write(pipe, &byte, 1) != 1)
        _exit(1);
}

static int follow(pid_t thread, int pipe, const char *path)
{
    sigset_t child;
    struct sites sites;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), program = open_program(path, thread);
    pid_t process = process_of(thread);
    enum sockatlas_untraced why = program < 0 ? SOCKATLAS_UNTRACED_STATIC : sites_find(program, &sites);
    if (why == SOCKATLAS_TRACEABLE &&
        (signals < 0 || process == 0 ||
         ptrace(PTRACE_SEIZE, thread, NULL, (void *)(long)(PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD)) < 0))
        why = SOCKATLAS_UNTRACED_PTRACE;
    answer(pipe, why);
    if (why != SOCKATLAS_TRACEABLE)
        return 0;
    pid_t stopped = thread;
    if (wait_for_program(&stopped, process, pipe, signals) && finish_call(stopped) && is_executing(stopped, program))
        inject(stopped, &sites);
    ptrace(PTRACE_DETACH, stopped, NULL, NULL);
    sites_free(&sites);
    return 0;
}

static bool read_number(const char *text, int *out)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return !errno && end != text && !*end && value >= 0 && value <= INT32_MAX;
}

int main(int argc, char **argv)
{
    int thread, pipe;
    if (argc > 2 && strcmp(argv[1], "exec") == 0) {
        execv(argv[2], argv + 3);
        return 127;
    }
    if (argc != 4 || !read_number(argv[1], &thread) || !read_number(argv[2], &pipe)) {
        fputs("sockatlas-patch is started by sockatlas: sockatlas-patch TID FD PATH\n", stderr);
        return 2;
    }
    /* What the program holds open is not held open by this one. */
    if (pipe > 0)
        close_range(0, (unsigned)pipe - 1, 0);
    close_range((unsigned)pipe + 1, ~0u, 0);
    pid_t child = fork();
    return child == 0 ? follow(thread, pipe, argv[3]) : child < 0;
}
