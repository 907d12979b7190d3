/* SPDX-License-Identifier: MIT
 *
 * What the shim's cost grows with: the same call, with more and more of something else there.
 */
#include "tests/bench/bench.h"
#include "tests/bench/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { SLICE_NS = 20000000, AMOUNTS = 4, SPARE_DESCRIPTORS = 256 };

static const struct row {
    const char *title, *load;
    const char *amounts[AMOUNTS];
    unsigned descriptors; /* how many numbers each of the amount takes */
} rows[] = {
    {"socket+setsockopt+close, %s open", "held", {"10", "1000", "10000", "100000"}, 1},
    {"fork+_exit+wait, %s open", "fork_held", {"10", "1000", "10000", "100000"}, 1},
    {"close_range, %s were open", "once_held", {"10", "1000", "10000", "100000"}, 1},
    {"dup2+setsockopt+close, number %s", "far", {"10", "1000", "10000", "150000"}, 1},
    {"dup2+..+close_range, number %s", "far_range", {"10", "1000", "10000", "150000"}, 1},
    {"socket.., %s threads", "threads", {"1", "2", "8", "64"}, 0},
    {"socket.., %s processes", "processes", {"1", "2", "8", "64"}, 0},
    {"sendto, %s peers", "peers", {"1", "16", "256", "1024"}, 0},
    {"churn, 100 kept alive, %s idle", "churn_beside", {"10", "1000", "9000"}, 2},
};

/* Lets what is started from now on have descriptor numbers up to `highest`. False: the system does not, errno says why.
 */
static bool allow_descriptors(rlim_t highest, const struct rlimit *usual)
{
    struct rlimit wanted = *usual;
    if (wanted.rlim_cur < highest)
        wanted.rlim_cur = highest;
    if (wanted.rlim_max < wanted.rlim_cur)
        wanted.rlim_max = wanted.rlim_cur;
    return setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

static void measure(const struct bench *bench, const struct row *row, const char *amount, const char *title)
{
    static struct series series;
    struct bench_load load = {.name = row->load, .argument = amount, .pinned = true, .slice_ns = SLICE_NS};
    if (!bench_pair(bench, &load, &bench->memory, &series, NULL, NULL)) {
        table_note(title, " cannot run: the load ended early");
        return;
    }
    struct summary summary = pair_summary(series.cpu[0], series.cpu[1], series.size);
    table_call(title, &summary, "");
}

void bench_scale(const struct bench *bench)
{
    struct rlimit usual;
    getrlimit(RLIMIT_NOFILE, &usual);
    table_calls("what the cost grows with");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t j = 0; j < AMOUNTS && rows[i].amounts[j]; j++) {
            const char *amount = rows[i].amounts[j];
            char title[64];
            snprintf(title, sizeof(title), rows[i].title, amount);
            if (!bench_wanted(bench, title))
                continue;
            rlim_t highest = rows[i].descriptors * strtoul(amount, NULL, 10) + SPARE_DESCRIPTORS;
            if (rows[i].descriptors && !allow_descriptors(highest, &usual))
                table_note(title, "  cannot be measured: RLIMIT_NOFILE may not be raised over %" PRIuMAX " here (%s)",
                           (uintmax_t)usual.rlim_max, strerror(errno));
            else
                measure(bench, &rows[i], amount, title);
            setrlimit(RLIMIT_NOFILE, &usual);
        }
}
