/* SPDX-License-Identifier: MIT
 *
 * The groups of measurements. Each prints its own part of the table.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include "tests/bench/folder.h"
#include "tests/bench/spawn.h"

#include <stdbool.h>

struct bench {
    char build[4096]; /* the folder of the next ones, absolute */
    char shim[4200], load[4200], empty[4200], analyzer[4200], generate[4200]; /* programs and objects */
    const char *against;        /* what the side without the shim preloads, NULL nothing */
    const char *row;            /* only lines whose title has this in it, NULL all */
    struct folder memory, disk; /* where traces go: on tmpfs (the same as disk if there is none) and on a disk */
    unsigned slices;            /* of each side, of the loads' pairs */
    int cpu;                    /* where pinned loads run */
    bool big;                   /* also what takes gigabytes */
};

void bench_shim(const struct bench *bench);
void bench_call(const struct bench *bench);
void bench_scale(const struct bench *bench);
void bench_server(const struct bench *bench);
void bench_tracer(const struct bench *bench);
void bench_patch(const struct bench *bench);
void bench_analyzer(const struct bench *bench);

/* Measures one load without and with the shim. The trace goes to `folder`, which is empty afterwards; what it held is
 * in `content`, if asked for, and `operations` are those it recorded. */
struct bench_load {
    const char *name, *argument; /* argument may be NULL */
    bool pinned;
    bool both_bare;    /* no shim on either side: what the noise is */
    uint64_t slice_ns; /* 0: the usual */
};
bool bench_pair(const struct bench *bench, const struct bench_load *load, const struct folder *folder,
                struct series *series, struct folder_content *content, uint64_t *operations);

/* Is a line wanted? */
bool bench_wanted(const struct bench *bench, const char *title);

/* The plan that loads are measured by. */
struct plan bench_plan(const struct bench *bench);

#endif
