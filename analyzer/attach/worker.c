/* SPDX-License-Identifier: MIT
 *
 * What must be brought to its end once it is begun: a process that is left in the middle of a call would return to
 * nowhere. It is done in a child, in a session of its own and with all signals held, so that neither a killed parent
 * nor a killed process group ends it. Called by attach.c.
 */
#include "analyzer/attach/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct outcome {
    bool good;
    struct attach_answer answer;
};

static void work(worker_job *job, pid_t pid, const struct attach_plan *plan, int to)
{
    struct outcome outcome;
    sigset_t all;
    memset(&outcome, 0, sizeof outcome);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid();
    outcome.good = job(pid, plan, &outcome.answer);
    if (write(to, &outcome, sizeof outcome) < 0) /* nobody waits for it any more */
        _exit(1);
    _exit(0);
}

bool worker_do(worker_job *job, pid_t pid, const struct attach_plan *plan, struct attach_answer *answer)
{
    int pipe_ends[2];
    struct outcome outcome;
    *answer = (struct attach_answer){.sockets = -1};
    if (pipe2(pipe_ends, O_CLOEXEC) < 0)
        return refuse(answer->why, "%s", strerror(errno));
    pid_t worker = fork();
    if (worker == 0)
        work(job, pid, plan, pipe_ends[1]);
    close(pipe_ends[1]);
    ssize_t got = -1;
    while (worker > 0 && (got = read(pipe_ends[0], &outcome, sizeof outcome)) < 0 && errno == EINTR)
        continue;
    close(pipe_ends[0]);
    while (worker > 0 && waitpid(worker, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (worker < 0)
        return refuse(answer->why, "fork: %s", strerror(errno));
    if (got != (ssize_t)sizeof outcome)
        return refuse(answer->why, "the process that was to do it was ended");
    *answer = outcome.answer;
    return outcome.good;
}
