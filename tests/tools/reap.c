/* SPDX-License-Identifier: MIT
 *
 * reap SECONDS COMMAND [ARG...]  runs the command, for so long at most, and leaves nothing of it: whatever it started,
 * also what went into the background or into a session of its own, ends with it, however it ended. Exit status: the
 * command's (128 and the signal that killed it), 124 when its time was over, 123 when it ended well but left processes
 * running, which are told on stderr.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIME_OVER = 124, LEFT_OVER = 123, PATIENCE_S = 5, TRIES = 30 };

static pid_t command;
static int command_status = -1; /* as wait(2) has it; -1 while it runs */
static sigset_t awaited;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Takes all that have ended. False: there is none left to wait for. */
static bool take_ended(void)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == command)
            command_status = status;
    return pid == 0;
}

/* The next of the awaited signals, 0 once `until` is over. */
static int next_signal(double until)
{
    double left = until - now_s();
    if (left <= 0)
        return 0;
    struct timespec wait = {.tv_sec = (time_t)left, .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
    int number = sigtimedwait(&awaited, NULL, &wait);
    return number > 0 ? number : errno == EINTR ? SIGCHLD : 0;
}

/* The parent and the name of a process; false when it has ended. */
static bool look(const char *pid, pid_t *parent, char comm[64])
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    char *open = read ? strchr(line, '(') : NULL, *close = read ? strrchr(line, ')') : NULL;
    if (!open || !close || close[1] != ' ' || close[2] == 'Z')
        return false;
    *close = '\0';
    snprintf(comm, 64, "%.63s", open + 1);
    *parent = (pid_t)strtol(close + 4, NULL, 10);
    return true;
}

/* Signals our children. Theirs become ours as they end. */
static void signal_children(int number, bool tell)
{
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        pid_t parent;
        char comm[64];
        if (!isdigit((unsigned char)entry->d_name[0]) || !look(entry->d_name, &parent, comm) || parent != getpid())
            continue;
        if (tell)
            fprintf(stderr, "reap: left running: %s (%s)\n", comm, entry->d_name);
        kill((pid_t)strtol(entry->d_name, NULL, 10), number);
    }
    if (processes)
        closedir(processes);
}

/* Until all have ended, or `until` is over. A process that becomes ours is told by nobody: each end is a reason to
 * look. */
static bool wait_for_all(double until, int number)
{
    while (take_ended()) {
        if (number)
            signal_children(number, false);
        if (!next_signal(until))
            return !take_ended();
    }
    return true;
}

/* Ends what is left. True: there was something after a moment. */
static bool clear(bool at_once)
{
    if (!at_once && wait_for_all(now_s() + PATIENCE_S, 0))
        return false;
    if (!take_ended())
        return false;
    signal_children(SIGTERM, true);
    bool ended = wait_for_all(now_s() + PATIENCE_S, SIGTERM);
    for (int tries = 0; !ended && tries < TRIES; tries++)
        ended = wait_for_all(now_s() + 1, SIGKILL);
    return true;
}

static void start(char **argv, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    signal(SIGINT, SIG_DFL); /* a shell starts what it has in the background without */
    signal(SIGQUIT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    execvp(argv[0], argv);
    fprintf(stderr, "reap: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Until the command has ended. True: it was made to. */
static bool attend(double until, bool *over)
{
    bool stopped = false;
    while (take_ended(), command_status < 0) {
        int number = next_signal(until);
        if (number == SIGCHLD)
            continue;
        kill(-command, stopped && !number ? SIGKILL : SIGTERM);
        *over = *over || (!stopped && !number);
        if (!stopped || !number)
            until = now_s() + PATIENCE_S;
        stopped = true;
    }
    return stopped;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long seconds = argc > 2 ? strtol(argv[1], &end, 10) : 0;
    if (argc < 3 || *end || seconds <= 0) {
        fputs("usage: reap SECONDS COMMAND [ARG...]\n", stderr);
        return 2;
    }
    static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    sigemptyset(&awaited);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&awaited, numbers[i]);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t self = getpid();
    command = fork();
    if (command == 0)
        start(argv + 2, self);
    if (command < 0) {
        perror("reap: fork");
        return 1;
    }
    bool over = false, stopped = attend(now_s() + (double)seconds, &over);
    bool killed = WIFSIGNALED(command_status), left = clear(stopped || killed);
    int status = killed ? 128 + WTERMSIG(command_status) : WEXITSTATUS(command_status);
    return over ? TIME_OVER : status == 0 && left ? LEFT_OVER : status;
}
