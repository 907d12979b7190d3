/* SPDX-License-Identifier: MIT
 *
 * Programs that make their system calls without libc: the churn statically linked, and load.go's loads. Beside each the
 * same under strace.
 */
#include "tests/bench/bench.h"
#include "tests/bench/table.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLICES = 40, SLICE_NS = 50000000 };

static const struct program {
    const char *title, *file, *load; /* the file stands beside the load program */
} programs[] = {
    {"static C, churn", "load_static", "churn"},
    {"Go, HTTP, connection each", "load_go", "http"},
    {"Go, HTTP, kept connections", "load_go", "kept"},
    {"Go, ping-pong, 64 bytes", "load_go", "pingpong"},
};

static void measure(const char *title, const char *measure_by, const struct spawn *without, const struct spawn *with)
{
    static const struct plan plan = {.slices = SLICES, .warm_up = 2, .slice_ns = SLICE_NS};
    static struct series series;
    struct load_side loads[2];
    bool good = load_side_open(&loads[0], without);
    if (!load_side_open(&loads[1], with) || !good)
        return;
    good = pair_measure((struct side *[]){&loads[0].side, &loads[1].side}, &plan, &series);
    for (int i = 0; i < 2; i++)
        load_side_close(&loads[i]);
    if (!good) {
        table_note(title, "cannot run: it ended early");
        return;
    }
    bool cpu = strcmp(measure_by, "cpu") == 0;
    struct summary summary =
        pair_summary(cpu ? series.cpu[0] : series.wall[0], cpu ? series.cpu[1] : series.wall[1], series.size);
    table_pair(title, measure_by, &summary);
}

static void measure_program(const struct bench *bench, const struct program *program)
{
    char file[4300];
    snprintf(file, sizeof file, "%s/bench/%s", bench->build, program->file);
    if (access(file, X_OK) < 0) {
        table_note(program->title, "cannot run: %s could not be built", program->file);
        return;
    }
    const char *const bare[] = {file, program->load, NULL};
    const char *const ours[] = {bench->analyzer, "run", "-d", bench->memory.path, "--", file, program->load, NULL};
    const char *const theirs[] = {"strace", "-f",        "-qq", "--seccomp-bpf", "-e", "trace=network,close",
                                  "-o",     "/dev/null", file,  program->load,   NULL};
    struct spawn without = {.command = bare, .cpu = bench->cpu, .quiet = true}, with = without, other = without;
    with.command = ours;
    other.command = theirs;
    measure(program->title, "cpu", &without, &with);
    folder_clear(&bench->memory);
    if (spawn_exists("strace"))
        measure("  strace --seccomp-bpf", "wall", &without, &other);
}

void bench_patch(const struct bench *bench)
{
    table_part("without libc, one CPU", "without", "with");
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        if (bench_wanted(bench, programs[i].title))
            measure_program(bench, &programs[i]);
}
