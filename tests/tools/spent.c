/* SPDX-License-Identifier: MIT
 *
 * spent SECONDS COMMAND [ARG...]  runs the command with so many seconds of CPU time at most, and prints on a line what
 * it took: its exit status (128 and the signal that killed it), its peak of memory in KiB, and what it wrote into the
 * file COUNT_FILE names (0 where that is not set or not there).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: spent SECONDS COMMAND [ARG...]\n", stderr);
        return 2;
    }
    const char *count_path = getenv("COUNT_FILE");
    if (count_path)
        unlink(count_path);
    int out = dup(STDOUT_FILENO); /* its own goes nowhere */
    pid_t child = fork();
    if (child == 0) {
        rlim_t seconds = strtoul(argv[1], NULL, 10);
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        setrlimit(RLIMIT_CPU, &(struct rlimit){.rlim_cur = seconds, .rlim_max = seconds + 1});
        dup2(nowhere, STDOUT_FILENO);
        close(out);
        execvp(argv[2], argv + 2);
        fprintf(stderr, "spent: %s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("spent");
        return 1;
    }
    unsigned long long count = 0;
    FILE *file = count_path ? fopen(count_path, "re") : NULL;
    if (file && fscanf(file, "%llu", &count) != 1)
        count = 0;
    if (file)
        fclose(file);
    dprintf(out, "%d %ld %llu\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), usage.ru_maxrss,
            count);
    return 0;
}
