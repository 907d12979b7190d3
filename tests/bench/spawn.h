/* SPDX-License-Identifier: MIT
 *
 * Starts the processes that are measured, and ends them by pid.
 */
#ifndef TESTS_BENCH_SPAWN_H
#define TESTS_BENCH_SPAWN_H

#include "tests/bench/pair.h"

#include <sys/types.h>

/* How a process is started. */
struct spawn {
    const char *const *command;
    const char *preload; /* NULL: none */
    const char *trace;   /* SOCKATLAS_DIR */
    int cpu;             /* the only one it may use, -1 any */
    bool ptraced;        /* its parent traces it: it stops at exec */
    bool quiet;          /* stdout and stderr to /dev/null (unless they are pipes of ours) */
};

/* Starts a process with `in` and `out` as its stdin and stdout (-1: /dev/null, and as `quiet` says). -1: failed. */
pid_t spawn_start(const struct spawn *spawn, int in, int out);
/* Waits; returns the wait status. */
int spawn_wait(pid_t pid);
/* Sends SIGTERM, waits two seconds, sends SIGKILL. */
void spawn_end(pid_t pid);

/* Runs a command to its end, its stdout into `out` (cut at `size`, NUL-terminated). The wait status, -1: not started.
 */
int spawn_output(const struct spawn *spawn, char *out, size_t size);

/* True when PATH (or /usr/sbin) has `program`. */
bool spawn_exists(const char *program);

/* A side that is a load in a process of its own, behind two pipes. */
struct load_side {
    struct side side; /* first: a struct side * is one of these */
    pid_t pid;
    int to, from;
};
bool load_side_open(struct load_side *out, const struct spawn *spawn);
void load_side_close(struct load_side *side);

#endif
