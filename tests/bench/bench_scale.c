/* SPDX-License-Identifier: MIT
 *
 * What the shim's cost grows with: the same call, with more and more of something else there.
 */
#include "tests/bench/bench.h"
#include "tests/bench/table.h"

#include <stdio.h>

enum { SLICE_NS = 20000000, AMOUNTS = 4 };

static const struct {
    const char *title, *load;
    const char *amounts[AMOUNTS];
} rows[] = {
    {"socket+setsockopt+close, %s open", "held", {"10", "1000", "10000", "100000"}},
    {"close_range, %s were open", "once_held", {"10", "1000", "10000", "100000"}},
    {"socket.., %s threads", "threads", {"1", "2", "8", "64"}},
    {"socket.., %s processes", "processes", {"1", "2", "8", "64"}},
    {"sendto, %s peers", "peers", {"1", "16", "256", "1024"}},
};

void bench_scale(const struct bench *bench)
{
    static struct series series;
    table_calls("what the cost grows with");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t j = 0; j < AMOUNTS && rows[i].amounts[j]; j++) {
            char title[64];
            snprintf(title, sizeof(title), rows[i].title, rows[i].amounts[j]);
            if (!bench_wanted(bench, title))
                continue;
            struct bench_load load = {
                .name = rows[i].load, .argument = rows[i].amounts[j], .pinned = true, .slice_ns = SLICE_NS};
            if (!bench_pair(bench, &load, &bench->memory, &series, NULL, NULL)) {
                table_note(title, " cannot run: the load ended early");
                continue;
            }
            struct summary summary = pair_summary(series.cpu[0], series.cpu[1], series.size);
            table_call(title, &summary, "");
        }
}
