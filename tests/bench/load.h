/* SPDX-License-Identifier: MIT
 *
 * What a load is: a small piece of socket work that is repeated and timed, in a process of its own that knows nothing
 * of the shim. `load NAME [ARGUMENT]` reads counts from stdin and answers each with a struct reading on stdout.
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* What a slice of work took. */
struct reading {
    uint64_t cpu_ns; /* of the process and of its children that were waited for */
    uint64_t wall_ns;
    uint64_t operations;
};

/* Adds the time between start and stop to `total`; may be started again. */
struct stopwatch {
    struct reading total;
    uint64_t cpu_from, wall_from;
};
void stopwatch_start(struct stopwatch *watch);
void stopwatch_stop(struct stopwatch *watch);

/* A load's two functions, named NAME_prepare and NAME_run. run does `count` operations between start and stop. */
#define LOAD(name)                                                                                                     \
    void name##_prepare(const char *argument);                                                                         \
    void name##_run(unsigned long count, struct stopwatch *watch);
#include "tests/bench/loads.def"
#undef LOAD

/* Ends the process with a line on stderr: what failed, and errno. */
noreturn void load_die(const char *what);

/* Ends the process when `failed`; for calls that have no reason to fail. */
static inline void load_must(int succeeded, const char *what)
{
    if (!succeeded)
        load_die(what);
}

/* A socket on 127.0.0.1, at a port that the kernel chose (a stream socket listens); its address in `out`. */
int load_listener(int type, struct sockaddr_in *out);
/* A connected TCP socket that is reset, not lingering in TIME_WAIT, when it is closed. */
int load_connect(const struct sockaddr_in *address);
void load_option(int fd, int level, int name, int value);
/* socket, setsockopt, close, so many times. */
void load_open_and_close(unsigned long count);

/* A child that runs serve(fd) and ends with its parent. Called from prepare; the parent keeps nothing open. */
void load_server(void (*serve)(int fd), int fd);

#endif
