/* SPDX-License-Identifier: MIT
 *
 * Processes: forked, spawned.
 */
#include "tests/targets/entry_points/entry.h"

#include <fcntl.h>
#include <spawn.h>

void try_fork(void)
{
    struct connection made = entry_connection();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(made.server);
        close(made.client);
        shutdown(made.accepted, SHUT_RDWR);
        _exit(close(made.accepted) == 0 ? 7 : 8);
    }
    int status = 0;
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    entry_close(&made);
}

/* The child's descriptors are its own, the memory is not: numbers mean other things in it than in its parent. */
void try_vfork(void)
{
    int spare = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(close(spare) == 0);
    /* NOLINTBEGIN(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork): what such a child does to its
     * parent is what is tried */
    pid_t child = vfork();
    if (child == 0) {
        int own = socket(AF_INET, SOCK_DGRAM, 0), file = open("/dev/null", O_RDWR);
        dup2(file, fd);
        close(fd);
        dup2(own, fd);
        shutdown(own, SHUT_RD);
        close(own);
        close(fd);
        execl("/bin/true", "true", (char *)NULL);
        _exit(9);
    }
    /* NOLINTEND(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork) */
    int status = 0;
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    MUST(fcntl(fd, F_GETFD) == 0);
    MUST(close(fd) == 0);
}

void try_spawn(void)
{
    extern char **environ;
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 5", NULL};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    pid_t child;
    MUST(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) == 0);
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    int error = posix_spawnp(&child, "nosuch-command", NULL, NULL, argv, environ);
    MUST(error == ENOENT || error == EACCES); /* PATH may name folders that we cannot enter */
    MUST(system("exit 6") == 6 << 8);
    FILE *pipe = popen("exit 4", "r");
    MUST(pipe && pclose(pipe) == 4 << 8);
    MUST(close(fd) == 0);
}
