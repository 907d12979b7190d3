/* SPDX-License-Identifier: MIT
 *
 * What the shim costs a program: connections, messages, threads, processes.
 */
#include "tests/bench/bench.h"
#include "tests/bench/table.h"

#include "shim/trace_format.h"

#include <string.h>

enum { SLICE_NS = 20000000, WARM_UP = 3 };

struct plan bench_plan(const struct bench *bench)
{
    return (struct plan){.slices = bench->slices, .warm_up = WARM_UP, .slice_ns = SLICE_NS};
}

bool bench_wanted(const struct bench *bench, const char *title)
{
    return !bench->row || strstr(title, bench->row);
}

/* A load side that adds up its operations, for bytes an operation. */
struct counted_side {
    struct load_side load; /* first */
    bool (*run)(struct side *side, uint64_t count, struct reading *out);
    uint64_t operations;
};

static bool counted_run(struct side *side, uint64_t count, struct reading *out)
{
    struct counted_side *self = (struct counted_side *)side;
    if (!self->run(side, count, out))
        return false;
    self->operations += out->operations;
    return true;
}

static bool open_counted(struct counted_side *side, const struct spawn *spawn)
{
    bool good = load_side_open(&side->load, spawn);
    side->operations = 0;
    side->run = side->load.side.run;
    side->load.side.run = counted_run;
    return good;
}

bool bench_pair(const struct bench *bench, const struct bench_load *load, const struct folder *folder,
                struct series *series, struct folder_content *content, uint64_t *operations)
{
    const char *const command[] = {bench->load, load->name, load->argument, NULL};
    struct spawn without = {.command = command, .cpu = load->pinned ? bench->cpu : -1, .trace = folder->path};
    struct spawn with = without;
    without.preload = bench->against;
    with.preload = load->both_bare ? NULL : bench->shim;
    struct counted_side bare, watched;
    struct side *sides[] = {&bare.load.side, &watched.load.side};
    struct plan plan = bench_plan(bench);
    if (load->slice_ns)
        plan.slice_ns = load->slice_ns;
    bool good = open_counted(&bare, &without);
    good = open_counted(&watched, &with) && good;
    good = good && pair_measure(sides, &plan, series);
    load_side_close(&bare.load);
    load_side_close(&watched.load);
    if (content)
        *content = folder_content(folder);
    if (operations)
        *operations = watched.operations;
    folder_clear(folder);
    return good;
}

enum { CPU = 1, WALL = 2 };

static const struct row {
    const char *title;
    struct bench_load load;
    int measures;
    bool on_disk;
    double bytes_per; /* events that an operation records, for the line of bytes; 0 none */
    const char *bytes_title;
} rows[] = {
    {"churn, no shim either side", {"churn", NULL, true, true, 0}, CPU, false, 0, NULL},
    {"churn, one CPU", {"churn", NULL, true, false, 0}, CPU | WALL, false, 2, "  trace bytes a TCP side"},
    {"churn, one CPU, on disk", {"churn", NULL, true, false, 0}, CPU | WALL, true, 0, NULL},
    {"churn, 2 processes, 2 CPUs", {"churn_processes", "apart", true, false, 0}, WALL, false, 0, NULL},
    {"churn, 2 processes, unpinned", {"churn_processes", NULL, false, false, 0}, WALL, false, 0, NULL},
    {"  the same, on disk", {"churn_processes", NULL, false, false, 0}, WALL, true, 0, NULL},
    {"socket+setsockopt+close", {"open_close", NULL, true, false, 0}, CPU, false, 3, "  trace bytes an event"},
    {"TCP ping-pong, 64 bytes", {"tcp_pingpong", NULL, true, false, 0}, WALL, false, 0, NULL},
    {"UDP ping-pong, 64 bytes", {"udp_pingpong", NULL, true, false, 0}, WALL, false, 0, NULL},
    {"open and close, 1 thread", {"threads", "1", false, false, 0}, WALL, false, 0, NULL},
    {"open and close, 2 threads", {"threads", "2", false, false, 0}, WALL, false, 0, NULL},
    {"open and close, 8 threads", {"threads", "8", false, false, 0}, WALL, false, 0, NULL},
    {"open and close, 64 threads", {"threads", "64", false, false, 0}, WALL, false, 0, NULL},
    {"fork, exit, wait", {"fork", NULL, true, false, 0}, CPU, false, 0, NULL},
    {"fork, socket, exit, wait", {"fork_socket", NULL, true, false, 0}, CPU, false, 0, NULL},
};

static void print_measures(const char *title, const struct series *series, int measures)
{
    if (measures & CPU) {
        struct summary summary = pair_summary(series->cpu[0], series->cpu[1], series->size);
        table_pair(title, "cpu", &summary);
    }
    if (measures & WALL) {
        struct summary summary = pair_summary(series->wall[0], series->wall[1], series->size);
        table_pair(measures & CPU ? "" : title, "wall", &summary);
    }
}

static void measure_row(const struct bench *bench, const struct row *row)
{
    static struct series series;
    struct folder_content content;
    uint64_t operations;
    if (!bench_pair(bench, &row->load, row->on_disk ? &bench->disk : &bench->memory, &series, &content, &operations)) {
        table_note(row->title, "cannot run: the load ended early");
        return;
    }
    print_measures(row->title, &series, row->measures);
    if (row->bytes_per > 0 && operations)
        table_note(row->bytes_title, "    %9.0f",
                   (double)content.slots * SOCKATLAS_SLOT_SIZE / (double)operations / row->bytes_per);
    if (content.lost)
        table_note("", "    %llu records lost", (unsigned long long)content.lost);
}

/* What a started program has preloaded on each side, and where its trace goes. */
struct started {
    const char *load, *without, *with;
    const struct folder *folder;
};

/* The starter is not traced: only what it starts has the shim, or the empty object. */
static bool measure_started(const struct bench *bench, const char *title, const struct started *started,
                            struct series *series)
{
    const char *const commands[2][4] = {{bench->load, started->load, started->without, NULL},
                                        {bench->load, started->load, started->with, NULL}};
    struct load_side loads[2];
    struct side *sides[] = {&loads[0].side, &loads[1].side};
    struct plan plan = bench_plan(bench);
    bool good = true;
    for (int i = 0; i < 2; i++) {
        struct spawn spawn = {.command = commands[i], .trace = started->folder->path, .cpu = bench->cpu};
        good = load_side_open(&loads[i], &spawn) && good;
    }
    good = good && pair_measure(sides, &plan, series);
    for (int i = 0; i < 2; i++)
        load_side_close(&loads[i]);
    if (good)
        print_measures(title, series, CPU);
    else
        table_note(title, "cannot run: the load ended early");
    return good;
}

static void measure_exec(const struct bench *bench, const char *title, const char *load, const char *without,
                         const char *with)
{
    static struct series series;
    struct started started = {.load = load, .without = without, .with = with, .folder = &bench->memory};
    if (!measure_started(bench, title, &started, &series))
        return;
    unsigned files = folder_content(&bench->memory).files;
    if (files)
        table_note("", "    %u files left, none expected", files);
    folder_clear(&bench->memory);
}

/* A program of one socket: what its log costs, once. */
static void measure_once(const struct bench *bench, const char *title, const struct folder *folder)
{
    static struct series series;
    char added[TABLE_FIGURE];
    struct started started = {.load = "once", .without = bench->empty, .with = bench->shim, .folder = folder};
    if (!bench_wanted(bench, title) || !measure_started(bench, title, &started, &series))
        return;
    struct summary summary = pair_summary(series.cpu[0], series.cpu[1], series.size);
    struct folder_content content = folder_content(folder);
    table_note("  CPU time more, a program", "    %9s", table_time(added, summary.added));
    if (content.files)
        table_note("  page cache left, a log", "    %6llu KiB",
                   (unsigned long long)(content.cached / content.files >> 10));
    folder_clear(folder);
}

void bench_shim(const struct bench *bench)
{
    table_part("the shim", "without", "with");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (bench_wanted(bench, rows[i].title))
            measure_row(bench, &rows[i]);
    table_part("a program of one socket", "empty", "shim");
    measure_once(bench, "one socket", &bench->memory);
    measure_once(bench, "one socket, on disk", &bench->disk);
    if (!bench_wanted(bench, "exec"))
        return;
    table_part("exec of /bin/true", "empty", "shim");
    measure_exec(bench, "shim over empty, as under run", "exec_known", bench->empty, bench->shim);
    measure_exec(bench, "shim over empty, by hand", "exec", bench->empty, bench->shim);
    table_part("", "none", "empty");
    measure_exec(bench, "empty preload over none", "exec", "", bench->empty);
}
