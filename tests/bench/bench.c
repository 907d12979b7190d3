/* SPDX-License-Identifier: MIT
 *
 * Measures what it costs to watch. Its figures are for reading; nothing passes or fails by them.
 */
#include "tests/bench/bench.h"
#include "tests/bench/table.h"

#include <argp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct group {
    const char *name;
    void (*run)(const struct bench *bench);
} groups[] = {
    {"shim", bench_shim},     {"call", bench_call},   {"scale", bench_scale},       {"server", bench_server},
    {"tracer", bench_tracer}, {"patch", bench_patch}, {"analyzer", bench_analyzer},
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]), SLICES = 60 };
enum { KEY_BIG = 256, KEY_SHIM, KEY_AGAINST, KEY_ROW };

struct choice {
    const char *parent; /* of the folder on disk */
    const char *shim, *against, *row;
    unsigned slices;
    bool big;
    bool chosen[GROUPS];
};

static const struct argp_option options[] = {
    {"directory", 'd', "DIR", 0, "where traces go that are not on tmpfs (default /tmp)", 0},
    {"slices", 'n', "N", 0, "slices of each side (default 60)", 0},
    {"shim", KEY_SHIM, "FILE", 0, "the shim to measure (default: the one built here)", 0},
    {"against", KEY_AGAINST, "FILE", 0, "what the other side of each load preloads (default: nothing)", 0},
    {"row", KEY_ROW, "TEXT", 0, "of shim, call and scale, only the lines whose title has TEXT in it", 0},
    {"big", KEY_BIG, NULL, 0, "also measure what takes gigabytes (or set BIG=1)", 0},
    {0},
};

static bool choose(struct choice *choice, const char *name)
{
    for (size_t i = 0; i < GROUPS; i++)
        if (strcmp(groups[i].name, name) == 0)
            return choice->chosen[i] = true;
    return false;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct choice *choice = state->input;
    switch (key) {
    case 'd':
        choice->parent = argument;
        return 0;
    case 'n':
        choice->slices = (unsigned)strtoul(argument, NULL, 10);
        if (choice->slices < 1 || choice->slices > SLICES_MAX)
            argp_error(state, "%s: want 1 to %d slices", argument, SLICES_MAX);
        return 0;
    case KEY_SHIM:
        choice->shim = argument;
        return 0;
    case KEY_AGAINST:
        choice->against = argument;
        return 0;
    case KEY_ROW:
        choice->row = argument;
        return 0;
    case KEY_BIG:
        choice->big = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!choose(choice, argument))
            argp_error(state, "%s: not one of shim, call, scale, server, tracer, analyzer", argument);
        return 0;
    case ARGP_KEY_NO_ARGS:
        for (size_t i = 0; i < GROUPS; i++)
            choice->chosen[i] = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* What was built stands beside this program's folder. */
static void find_build(struct bench *bench)
{
    ssize_t size = readlink("/proc/self/exe", bench->build, sizeof(bench->build) - 1);
    bench->build[size > 0 ? size : 0] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(bench->build, '/');
        if (slash)
            *slash = 0;
    }
    snprintf(bench->shim, sizeof(bench->shim), "%s/libsockatlas.so", bench->build);
    snprintf(bench->load, sizeof(bench->load), "%s/bench/load", bench->build);
    snprintf(bench->empty, sizeof(bench->empty), "%s/bench/empty.so", bench->build);
    snprintf(bench->analyzer, sizeof(bench->analyzer), "%s/sockatlas", bench->build);
    snprintf(bench->generate, sizeof(bench->generate), "%s/bench/generate", bench->build);
}

static struct bench bench;

/* In a signal handler little may be called: another program removes the folders. */
static void leave(int number)
{
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/rm", "rm", "-rf", bench.memory.path, bench.disk.path, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
    _exit(128 + number);
}

int main(int argc, char **argv)
{
    const struct argp argp = {
        options, parse, "[GROUP...]", "Groups: shim, call, scale, server, tracer, analyzer; all if none is given.",
        NULL,    NULL,  NULL};
    const char *environment = getenv("BIG");
    struct choice choice = {.parent = "/tmp", .slices = SLICES, .big = environment && strcmp(environment, "1") == 0};
    argp_parse(&argp, argc, argv, 0, NULL, &choice);
    bench.slices = choice.slices;
    bench.big = choice.big;
    bench.cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
    find_build(&bench);
    if (choice.shim)
        snprintf(bench.shim, sizeof(bench.shim), "%s", choice.shim);
    bench.against = choice.against;
    bench.row = choice.row;
    folder_make(&bench.disk, choice.parent);
    folder_make(&bench.memory, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : choice.parent);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, leave);
    signal(SIGTERM, leave);
    table_machine();
    printf("traces on %s (/dev/shm) unless said otherwise, else on %s (%s)\n", folder_file_system(bench.memory.path),
           folder_file_system(bench.disk.path), choice.parent);
    for (size_t i = 0; i < GROUPS; i++)
        if (choice.chosen[i])
            groups[i].run(&bench);
    folder_remove(&bench.memory);
    folder_remove(&bench.disk);
    return 0;
}
