/* SPDX-License-Identifier: MIT
 *
 * fork, exec, pipes, affinity and ends of the measured processes.
 */
#include "tests/bench/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Long enough for 4 million records a second over a whole measurement; the file is sparse. */
#define TRACE_LIMIT "4G"
enum { SLICE_SECONDS = 60 };

static void become(const struct spawn *spawn, int in, int out)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(in >= 0 ? in : null, STDIN_FILENO);
    if (out >= 0 || spawn->quiet)
        dup2(out >= 0 ? out : null, STDOUT_FILENO);
    if (spawn->quiet)
        dup2(null, STDERR_FILENO);
    if (spawn->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)spawn->cpu, &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
    if (spawn->trace)
        setenv("SOCKATLAS_DIR", spawn->trace, 1);
    setenv("SOCKATLAS_LIMIT", TRACE_LIMIT, 1);
    if (spawn->preload)
        setenv("LD_PRELOAD", spawn->preload, 1);
    else
        unsetenv("LD_PRELOAD");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (spawn->ptraced)
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execvp(spawn->command[0], (char *const *)spawn->command);
    _exit(127);
}

pid_t spawn_start(const struct spawn *spawn, int in, int out)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        become(spawn, in, out);
    if (child < 0)
        perror("bench: fork");
    return child;
}

int spawn_wait(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

void spawn_end(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    for (int i = 0; i < 200; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return;
        poll(NULL, 0, 10);
    }
    kill(pid, SIGKILL);
    spawn_wait(pid);
}

int spawn_output(const struct spawn *spawn, char *out, size_t size)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid_t child = spawn_start(spawn, -1, ends[1]);
    close(ends[1]);
    size_t have = 0;
    ssize_t got = child > 0;
    static char rest[4096];
    while (got > 0) {
        bool fits = have + 1 < size;
        got = read(ends[0], fits ? out + have : rest, fits ? size - 1 - have : sizeof(rest));
        have += fits && got > 0 ? (size_t)got : 0;
    }
    out[have] = 0;
    close(ends[0]);
    return child > 0 ? spawn_wait(child) : -1;
}

bool spawn_exists(const char *program)
{
    char path[4096], *rest = path, *dir;
    const char *list = getenv("PATH");
    snprintf(path, sizeof(path), "%s:/usr/local/sbin:/usr/sbin:/sbin", list ? list : "/usr/bin:/bin");
    while ((dir = strsep(&rest, ":"))) {
        char file[4352];
        snprintf(file, sizeof(file), "%s/%s", dir, program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

static bool load_run(struct side *side, uint64_t count, struct reading *out)
{
    struct load_side *self = (struct load_side *)side;
    struct pollfd answer = {.fd = self->from, .events = POLLIN};
    if (write(self->to, &count, sizeof(count)) != sizeof(count))
        return false;
    if (poll(&answer, 1, SLICE_SECONDS * 1000) != 1)
        return false;
    return read(self->from, out, sizeof(*out)) == sizeof(*out);
}

bool load_side_open(struct load_side *out, const struct spawn *spawn)
{
    int in[2], back[2];
    *out = (struct load_side){.side.run = load_run, .to = -1, .from = -1};
    if (pipe2(in, O_CLOEXEC) < 0)
        return false;
    if (pipe2(back, O_CLOEXEC) < 0) {
        close(in[0]);
        close(in[1]);
        return false;
    }
    out->pid = spawn_start(spawn, in[0], back[1]);
    close(in[0]);
    close(back[1]);
    out->to = in[1];
    out->from = back[0];
    return out->pid > 0;
}

/* A load ends when its stdin does. A tracer over it ends with it. */
void load_side_close(struct load_side *side)
{
    if (side->to >= 0)
        close(side->to);
    if (side->from >= 0)
        close(side->from);
    for (int i = 0; i < 500 && side->pid > 0; i++) {
        if (waitpid(side->pid, NULL, WNOHANG) == side->pid)
            side->pid = 0;
        else
            poll(NULL, 0, 10);
    }
    spawn_end(side->pid);
}
