/* SPDX-License-Identifier: MIT
 *
 * The map as a picture: map_dot's graph laid out by Graphviz's own program.
 */
#include "analyzer/trace/complaint.h"
#include "analyzer/view/map.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `dot OPTION` between two descriptors. 0, or what went wrong as errno; *status is its wait status. */
static int run_dot(char *option, int from, int to, int messages, int *status)
{
    char *argv[] = {(char[]){"dot"}, option, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
    error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        return error;
    while (waitpid(pid, status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

static bool dot_worked(int error, int status)
{
    if (error == ENOENT)
        fputs("sockatlas map: --format svg needs Graphviz's program `dot`, which is not installed (--format dot works "
              "without it)\n",
              stderr);
    else if (error)
        complain_line("sockatlas map: dot: %s", strerror(error));
    else if (WIFSIGNALED(status))
        fprintf(stderr, "sockatlas map: dot: killed by signal %d\n", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        fprintf(stderr, "sockatlas map: dot: exit status %d\n", WEXITSTATUS(status));
    else
        return true;
    return false;
}

bool map_svg_ready(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC), status = 0;
    if (nothing < 0)
        return dot_worked(errno, 0);
    int error = run_dot((char[]){"-V"}, nothing, nothing, nothing, &status);
    close(nothing);
    return dot_worked(error, status);
}

bool map_svg(const struct model *model, const struct map_options *options, FILE *out)
{
    FILE *graph = tmpfile();
    int status = 0;
    if (!graph || !map_dot(model, options, graph) || fflush(graph) != 0 || fflush(out) != 0) {
        complain_line("sockatlas map: a temporary file: %s", strerror(errno));
        if (graph)
            fclose(graph);
        return false;
    }
    rewind(graph);
    int error = run_dot((char[]){"-Tsvg"}, fileno(graph), fileno(out), STDERR_FILENO, &status);
    fclose(graph);
    return dot_worked(error, status);
}
