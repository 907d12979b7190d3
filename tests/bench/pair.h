/* SPDX-License-Identifier: MIT
 *
 * Paired measurement: two sides do the same work in short slices that alternate (A B, B A, ...), so that what the
 * machine does besides hits both. What is reported is the median of the ratios of neighbouring slices.
 */
#ifndef TESTS_BENCH_PAIR_H
#define TESTS_BENCH_PAIR_H

#include "tests/bench/load.h"

#include <stdbool.h>

/* One side: run() does `count` operations, or about as many as it sees fit, and tells what they took. */
struct side {
    bool (*run)(struct side *side, uint64_t count, struct reading *out);
};

struct plan {
    unsigned slices;   /* of each side, at most SLICES_MAX */
    unsigned warm_up;  /* slices of each side before, not counted */
    uint64_t slice_ns; /* wall time that a slice shall take; 0: run() is called with count 1 */
};
enum { SLICES_MAX = 400 };

/* Nanoseconds an operation, slice by slice. */
struct series {
    unsigned size;
    double cpu[2][SLICES_MAX];
    double wall[2][SLICES_MAX];
};

/* sides[0] without, sides[1] with what is measured. False: a side failed (it has said why). */
bool pair_measure(struct side *sides[2], const struct plan *plan, struct series *out);

/* Of n values: the q-quantile (0 least, 0.5 median, 1 greatest). */
double pair_quantile(const double *values, unsigned n, double q);

/* The distribution of b/a (or b-a), pair by pair. */
struct summary {
    double without, with; /* medians, ns */
    double ratio, q1, q3, least;
    double added, added_q1, added_q3; /* ns */
};
struct summary pair_summary(const double *without, const double *with, unsigned n);

#endif
