/* SPDX-License-Identifier: MIT
 *
 * The actors as the coordinator sees them: starting, ordering, watching and killing them. What it looks up of their
 * sockets it asks the kernel from outside, through pidfd_getfd(2), so that looking leaves no mark in the trace. Any
 * failure here ends the coordinator, and all actors with it.
 */
#ifndef TESTS_GROUND_CAST_H
#define TESTS_GROUND_CAST_H

#include "tests/ground/order.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cast_stage {
    const char *actor; /* path of the program */
    const char *shim;
    const char *trace; /* folder */
    const char *told;  /* file: what was ordered and answered, a line each */
    bool (*raw)(void); /* whether the next order is to be a raw system call */
};

void cast_open(const struct cast_stage *stage);
/* Ends with a line that says why the scenario cannot go on. */
__attribute__((noreturn, format(printf, 1, 2))) void cast_fail(const char *format, ...);

/* A line of one's own among what was ordered and answered. */
void cast_tell(const char *line);

/* Starts an actor on a channel (`alone`: in a pid namespace of its own, whose pid is returned), or waits for one that
 * an actor made (ORDER_FORK, ORDER_EXEC) to be there. */
pid_t cast_start(int channel, bool alone);
/* One whose descriptor 0 is `input`. */
pid_t cast_start_with(int channel, int input);
pid_t cast_expect(int channel);
/* The same of one whose pid is `pid` here, and another in its own namespace, which is returned. */
pid_t cast_expect_as(int channel, pid_t pid);

/* Orders and waits for the answer; or one after the other, so that a blocking call can be under way meanwhile. */
struct answer cast_do(int channel, const struct order *order);
void cast_send(int channel, const struct order *order);
struct answer cast_answer(int channel);
/* From when the latest order was given there to when it was answered, or the process was gone: microseconds since the
 * Unix epoch. */
struct cast_span {
    uint64_t from, to;
};
struct cast_span cast_span(int channel);
uint64_t cast_now(void);

/* A pidfd of the process there. */
int cast_process(int channel);

/* Until the process is no more, its descriptors with it. */
void cast_kill(int channel);
void cast_gone(int channel);
void cast_kill_all(void);

/* A socket as the kernel has it. Sizes 0: it has no such name. */
struct cast_look {
    uint64_t cookie;
    struct sockaddr_storage local, peer;
    socklen_t local_size, peer_size;
    bool readable;   /* a listener: a connection waits */
    bool connecting; /* TCP: nobody has answered */
};
struct cast_look cast_look(int channel, int fd);

#endif
