/* SPDX-License-Identifier: MIT
 *
 * The same churn under what people would use instead.
 */
#include "tests/bench/bench.h"
#include "tests/bench/table.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLICES = 10, SLICE_NS = 50000000, ATTACH_SECONDS = 20 };

static const struct plan plan = {.slices = SLICES, .warm_up = 1, .slice_ns = SLICE_NS};

static void measure(const char *title, struct load_side loads[2], struct side *with)
{
    static struct series series;
    struct side *sides[] = {&loads[0].side, with};
    bool good = pair_measure(sides, &plan, &series);
    for (int i = 0; i < 2; i++)
        load_side_close(&loads[i]);
    if (!good) {
        table_note(title, "cannot run: it ended early");
        return;
    }
    struct summary summary = pair_summary(series.wall[0], series.wall[1], series.size);
    table_pair(title, "wall", &summary);
}

/* A tracer that starts the load itself. */
static const struct tracer {
    const char *title, *program;
    const char *arguments[8];
} tracers[] = {
    {"strace -f network,close", "strace", {"-f", "-qq", "-e", "trace=network,close", "-o", "/dev/null"}},
    {"  the same, --seccomp-bpf",
     "strace",
     {"-f", "-qq", "--seccomp-bpf", "-e", "trace=network,close", "-o", "/dev/null"}},
    {"ltrace -f", "ltrace", {"-f", "-o", "/dev/null"}},
};

static void measure_tracer(const struct bench *bench, const struct tracer *tracer)
{
    const char *command[16] = {tracer->program};
    size_t size = 1;
    if (!spawn_exists(tracer->program)) {
        table_note(tracer->title, "cannot run: %s is not installed", tracer->program);
        return;
    }
    for (size_t i = 0; i < 8 && tracer->arguments[i]; i++)
        command[size++] = tracer->arguments[i];
    const char *const bare[] = {bench->load, "churn", NULL};
    command[size++] = bare[0];
    command[size] = bare[1];
    struct spawn without = {.command = bare, .cpu = bench->cpu}, with = {.command = command, .cpu = bench->cpu};
    struct load_side loads[2];
    bool good = load_side_open(&loads[0], &without);
    if (load_side_open(&loads[1], &with) && good)
        measure(tracer->title, loads, &loads[1].side);
}

/* bpftrace watches the whole machine, so it is there only while its side's slice runs. */
struct attached_side {
    struct side side; /* first */
    struct load_side *load;
};

/* tracefs may not be mounted here: then in a mount namespace of its own. */
static const char attach[] =
    "[ -e /sys/kernel/tracing/events ] || mount -t tracefs none /sys/kernel/tracing || exit 1\n"
    "exec bpftrace -e '\n"
    "BEGIN { printf(\"ready\\n\"); }\n"
    "tracepoint:syscalls:sys_enter_socket, tracepoint:syscalls:sys_exit_socket,\n"
    "tracepoint:syscalls:sys_enter_connect, tracepoint:syscalls:sys_exit_connect,\n"
    "tracepoint:syscalls:sys_enter_accept, tracepoint:syscalls:sys_exit_accept,\n"
    "tracepoint:syscalls:sys_enter_setsockopt, tracepoint:syscalls:sys_exit_setsockopt,\n"
    "tracepoint:syscalls:sys_enter_sendto, tracepoint:syscalls:sys_exit_sendto,\n"
    "tracepoint:syscalls:sys_enter_recvfrom, tracepoint:syscalls:sys_exit_recvfrom,\n"
    "tracepoint:syscalls:sys_enter_close, tracepoint:syscalls:sys_exit_close\n"
    "/comm == \"load\"/ { printf(\"%d %lld %s\\n\", pid, nsecs, probe); }'";

static bool wait_ready(int from)
{
    char text[256] = "";
    size_t have = 0;
    struct pollfd output = {.fd = from, .events = POLLIN};
    while (have + 1 < sizeof(text) && poll(&output, 1, ATTACH_SECONDS * 1000) == 1) {
        ssize_t got = read(from, text + have, sizeof(text) - 1 - have);
        if (got <= 0)
            return false;
        have += (size_t)got;
        text[have] = 0;
        if (strstr(text, "ready\n"))
            return true;
    }
    return false;
}

static pid_t drain(int from)
{
    const char *const command[] = {"cat", NULL};
    struct spawn spawn = {.command = command, .cpu = -1, .quiet = true};
    return spawn_start(&spawn, from, -1);
}

static bool attached_run(struct side *side, uint64_t count, struct reading *out)
{
    struct attached_side *self = (struct attached_side *)side;
    const char *const command[] = {"unshare", "-m", "sh", "-c", attach, NULL};
    struct spawn spawn = {.command = command, .cpu = -1, .quiet = true};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    pid_t tracer = spawn_start(&spawn, -1, ends[1]);
    close(ends[1]);
    bool good = tracer > 0 && wait_ready(ends[0]);
    pid_t reader = good ? drain(ends[0]) : 0;
    good = good && self->load->side.run(&self->load->side, count, out);
    spawn_end(tracer);
    close(ends[0]);
    if (reader > 0)
        spawn_wait(reader);
    return good;
}

static void measure_bpftrace(const struct bench *bench)
{
    static const char title[] = "bpftrace, tracepoints";
    const char *const bare[] = {bench->load, "churn", NULL};
    struct spawn spawn = {.command = bare, .cpu = bench->cpu};
    struct load_side loads[2];
    struct attached_side with = {.side.run = attached_run, .load = &loads[1]};
    if (!spawn_exists("bpftrace")) {
        table_note(title, "cannot run: bpftrace is not installed");
        return;
    }
    if (geteuid() != 0) {
        table_note(title, "cannot run: bpftrace needs root");
        return;
    }
    bool good = load_side_open(&loads[0], &spawn);
    if (load_side_open(&loads[1], &spawn) && good)
        measure(title, loads, &with.side);
}

void bench_tracer(const struct bench *bench)
{
    static struct series series;
    static const struct bench_load churn = {.name = "churn", .pinned = true};
    table_part("churn, one CPU", "without", "with");
    if (bench_pair(bench, &churn, &bench->memory, &series, NULL, NULL)) {
        struct summary summary = pair_summary(series.wall[0], series.wall[1], series.size);
        table_pair("sockatlas", "wall", &summary);
    }
    for (size_t i = 0; i < sizeof(tracers) / sizeof(tracers[0]); i++)
        measure_tracer(bench, &tracers[i]);
    measure_bpftrace(bench);
}
