/* SPDX-License-Identifier: MIT
 *
 * Loads that make processes.
 */
#include "tests/bench/load.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A parent with one open socket, as a forking server has. */
void fork_prepare(const char *argument)
{
    static struct sockaddr_in address;
    (void)argument;
    load_listener(SOCK_STREAM, &address);
}

static void fork_many(unsigned long count, void (*child_does)(void), struct stopwatch *watch)
{
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++) {
        pid_t child = fork();
        load_must(child >= 0, "fork");
        if (child == 0) {
            child_does();
            _exit(0);
        }
        load_must(waitpid(child, NULL, 0) == child, "waitpid");
    }
    stopwatch_stop(watch);
}

static void do_nothing(void)
{
}

void fork_run(unsigned long count, struct stopwatch *watch)
{
    fork_many(count, do_nothing, watch);
}

static void open_a_socket(void)
{
    close(socket(AF_INET, SOCK_STREAM, 0));
}

void fork_socket_prepare(const char *argument)
{
    fork_prepare(argument);
}

void fork_socket_run(unsigned long count, struct stopwatch *watch)
{
    fork_many(count, open_a_socket, watch);
}

/* Starts a program that opens no socket, with ARGUMENT preloaded ("" nothing). This process itself is never traced. */
static char preload[4200], folder[4200], known[4200];
static char *environment[] = {preload, folder, NULL, NULL};

void exec_prepare(const char *argument)
{
    const char *dir = getenv("SOCKATLAS_DIR");
    snprintf(preload, sizeof(preload), "%s%s", *argument ? "LD_PRELOAD=" : "", argument);
    snprintf(folder, sizeof(folder), "SOCKATLAS_DIR=%s", dir ? dir : "");
}

void exec_run(unsigned long count, struct stopwatch *watch)
{
    char program[] = "/bin/true", *command[] = {program, NULL};
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++) {
        pid_t child;
        int status = -1;
        load_must(posix_spawn(&child, program, NULL, NULL, command, environment) == 0, "posix_spawn");
        load_must(waitpid(child, &status, 0) == child && status == 0, "waitpid");
    }
    stopwatch_stop(watch);
}

/* The same with the variable by which `run` says which folder it has made and checked. */
void exec_known_prepare(const char *argument)
{
    const char *dir = getenv("SOCKATLAS_DIR");
    struct stat status;
    exec_prepare(argument);
    load_must(dir && stat(dir, &status) == 0, "stat");
    snprintf(known, sizeof(known), "SOCKATLAS_FOLDER=%llu:%llu:%s", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino, dir);
    environment[2] = known;
}

void exec_known_run(unsigned long count, struct stopwatch *watch)
{
    exec_run(count, watch);
}
