/* SPDX-License-Identifier: MIT
 *
 * at_terminal KEYS COMMAND [ARG...]  runs the command on a terminal of 80x24 that nobody looks at. When it has come to
 * rest, waiting for a key or for time to pass, types KEYS and waits until it ends. Its exit status, 128 and the signal
 * where one killed it, 127 where it could not be run.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 50, LOOKS_AT_REST = 6 };

/* The CPU time it took, in ticks; -1 where it does not sleep. One that computes is runnable, also where it has to wait
 * for a CPU. */
static long slept_after(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user, system;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = '\0';
    const char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || at[2] != 'S' ||
        sscanf(at + 4, "%*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return -1;
    return (long)(user + system);
}

/* Takes what it writes, which would make it wait; false: it closed the terminal. */
static bool drain(int terminal)
{
    char bytes[4096];
    struct pollfd output = {.fd = terminal, .events = POLLIN};
    while (poll(&output, 1, LOOK_MS) > 0)
        if (read(terminal, bytes, sizeof bytes) <= 0)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    int terminal, status;
    if (argc < 3) {
        fputs("usage: at_terminal KEYS COMMAND [ARG...]\n", stderr);
        return 2;
    }
    pid_t child = forkpty(&terminal, NULL, NULL, &(struct winsize){.ws_row = 24, .ws_col = 80});
    if (child == 0) {
        setenv("TERM", "screen", 1);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (child < 0) {
        perror("at_terminal");
        return 127;
    }
    long former = -1;
    size_t typed = strlen(argv[1]);
    for (unsigned rested = 0; drain(terminal);) {
        long now = slept_after(child);
        rested = now >= 0 && now == former ? rested + 1 : 0;
        former = now;
        if (rested == LOOKS_AT_REST && typed && write(terminal, argv[1], typed) == (ssize_t)typed)
            typed = 0;
    }
    if (waitpid(child, &status, 0) != child)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
