/* SPDX-License-Identifier: MIT
 *
 * The seccomp filters that `run` is under, as in a container or a service: the command and the shim in it will be under
 * them too. Whether they kill for what the shim asks is tried in a child.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/proc.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each system call in the shim's sources, made from them by the Makefile. */
static const struct {
    long number;
    const char *name;
} calls[] = {
#define CALL(name) {SYS_##name, #name},
#include SOCKATLAS_SHIM_CALLS
#undef CALL
};
enum { CALLS = sizeof calls / sizeof *calls };

int run_filter_count(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    if (!file)
        return -1;
    int count = proc_read_filters(file);
    fclose(file);
    return count;
}

/* With arguments that no kernel takes: that is refused without doing anything, and a filter that looks at arguments has
 * not seen them among those it lets pass. */
static void try_calls(volatile int *current)
{
    prctl(PR_SET_DUMPABLE, 0);
    alarm(10);
    for (*current = 0; *current < CALLS; ++*current)
        syscall(calls[*current].number, -1L, -1L, -1L, -1L, -1L, -1L);
    _exit(0);
}

const char *run_filter_kills(void)
{
    int *current = mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (current == MAP_FAILED)
        return "mmap";
    pid_t child = fork();
    if (child == 0)
        try_calls(current);
    int status = -1;
    bool lived = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    const char *name = lived ? NULL : *current < CALLS ? calls[*current].name : "exit_group";
    munmap(current, sizeof *current);
    return name;
}
