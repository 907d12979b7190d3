/* SPDX-License-Identifier: MIT
 *
 * Interleaves the slices of two sides and sums the ratios up.
 */
#include "tests/bench/pair.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_COUNT = 16, MOST_OPERATIONS = 1 << 22 };

/* How many operations fill a slice, found by doing some. 0: the side failed. */
static uint64_t calibrate(struct side *side, uint64_t slice_ns)
{
    struct reading reading;
    uint64_t count = FIRST_COUNT;
    for (int round = 0; round < 3; round++) {
        if (!side->run(side, count, &reading))
            return 0;
        if (reading.wall_ns >= slice_ns / 2)
            break;
        uint64_t next = count * slice_ns / (reading.wall_ns + 1);
        count = next < count * 64 ? next : count * 64;
        count = count < MOST_OPERATIONS ? count : MOST_OPERATIONS;
    }
    return count ? count : 1;
}

static bool slice(struct side *side, uint64_t count, double *cpu, double *wall)
{
    struct reading reading;
    if (!side->run(side, count, &reading) || reading.operations == 0)
        return false;
    *cpu = (double)reading.cpu_ns / (double)reading.operations;
    *wall = (double)reading.wall_ns / (double)reading.operations;
    return true;
}

bool pair_measure(struct side *sides[2], const struct plan *plan, struct series *out)
{
    uint64_t counts[2] = {1, 1};
    double cpu, wall;
    out->size = 0;
    for (int s = 0; s < 2; s++) {
        if (plan->slice_ns && !(counts[s] = calibrate(sides[s], plan->slice_ns)))
            return false;
        for (unsigned i = 0; i < plan->warm_up; i++)
            if (!slice(sides[s], counts[s], &cpu, &wall))
                return false;
    }
    for (unsigned i = 0; i < plan->slices && i < SLICES_MAX; i++) {
        for (unsigned turn = 0; turn < 2; turn++) {
            unsigned s = (i + turn) % 2;
            if (!slice(sides[s], counts[s], &out->cpu[s][i], &out->wall[s][i]))
                return false;
        }
        out->size = i + 1;
    }
    return true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double pair_quantile(const double *values, unsigned n, double q)
{
    double sorted[SLICES_MAX];
    if (n == 0)
        return 0;
    memcpy(sorted, values, n * sizeof(*values));
    qsort(sorted, n, sizeof(*sorted), ascending);
    double at = q * (n - 1);
    unsigned below = (unsigned)at, above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

struct summary pair_summary(const double *without, const double *with, unsigned n)
{
    double ratio[SLICES_MAX], added[SLICES_MAX];
    for (unsigned i = 0; i < n; i++) {
        ratio[i] = without[i] > 0 ? with[i] / without[i] : 0;
        added[i] = with[i] - without[i];
    }
    return (struct summary){
        .without = pair_quantile(without, n, 0.5),
        .with = pair_quantile(with, n, 0.5),
        .ratio = pair_quantile(ratio, n, 0.5),
        .q1 = pair_quantile(ratio, n, 0.25),
        .q3 = pair_quantile(ratio, n, 0.75),
        .least = pair_quantile(ratio, n, 0),
        .added = pair_quantile(added, n, 0.5),
        .added_q1 = pair_quantile(added, n, 0.25),
        .added_q3 = pair_quantile(added, n, 0.75),
    };
}
