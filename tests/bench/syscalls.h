/* SPDX-License-Identifier: MIT
 *
 * Counts the system calls that a load makes per operation, by ptrace.
 */
#ifndef TESTS_BENCH_SYSCALLS_H
#define TESTS_BENCH_SYSCALLS_H

#include "tests/bench/spawn.h"

/* How often each call is made; a getsockopt counts by the option it asks for. */
struct syscalls {
    unsigned size;
    bool inside; /* between the stopwatch's start and stop */
    struct syscalls_entry {
        long number;
        int level, option; /* of getsockopt, else 0 */
        double count;
    } entries[64];
};

/* Counts what `spawn` (a load) makes for each operation, between the stopwatch's start and stop. False: it can't be
 * traced. */
bool syscalls_count(struct syscalls *out, const struct spawn *spawn);

/* The calls that `with` makes more often than `without`, as text: "SO_COOKIE getsockname", "TCP_INFO 0.5", "-". */
void syscalls_added(char *out, size_t size, const struct syscalls *without, const struct syscalls *with);

#endif
