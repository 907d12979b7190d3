/* SPDX-License-Identifier: MIT
 *
 * A load of short programs of one socket each (one_socket.c), with ARGUMENT preloaded. It is not traced itself.
 */
#include "tests/bench/load.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char program[4096], preload[4200], folder[4200];
static char *environment[] = {preload, folder, NULL};

void once_prepare(const char *argument)
{
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - sizeof("one_socket"));
    load_must(size > 0, "/proc/self/exe");
    program[size] = '\0';
    static const char name[] = "one_socket";
    memcpy(strrchr(program, '/') + 1, name, sizeof(name));
    const char *dir = getenv("SOCKATLAS_DIR");
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", argument);
    snprintf(folder, sizeof(folder), "SOCKATLAS_DIR=%s", dir ? dir : "");
}

void once_run(unsigned long count, struct stopwatch *watch)
{
    char *command[] = {program, NULL};
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++) {
        pid_t child;
        int status = -1;
        load_must(posix_spawn(&child, program, NULL, NULL, command, environment) == 0, "posix_spawn");
        load_must(waitpid(child, &status, 0) == child && status == 0, "waitpid");
    }
    stopwatch_stop(watch);
}
