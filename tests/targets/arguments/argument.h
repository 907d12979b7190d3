/* SPDX-License-Identifier: MIT
 *
 * What a call can be given: kinds of arguments, each with a number of choices of which the first is a good one.
 */
#ifndef TESTS_TARGETS_ARGUMENTS_ARGUMENT_H
#define TESTS_TARGETS_ARGUMENTS_ARGUMENT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum kind {
    NOTHING, /* no argument: ends a call's list */
#define VALUES(name, ...)            name,
#define MEMORY(name, hashed, list)   name,
#define DESCRIPTOR(name, make)       name,
#define SPECIAL(name, choices, make) name,
#include "tests/targets/arguments/kinds.def"
#undef VALUES
#undef MEMORY
#undef DESCRIPTOR
#undef SPECIAL
    KINDS
};

/* Once, before anything else: `port` is one that nobody else on this machine was given. */
void argument_begin(unsigned port);
unsigned argument_choices(enum kind kind);
/* Whether a choice is tried together with those of another argument: what is like others is tried alone. */
int argument_combines(enum kind kind, unsigned choice);
/* Whether it is a pointer. */
int argument_points(enum kind kind);
/* What stands in the table for a choice. */
void argument_describe(enum kind kind, unsigned choice, char *out, size_t size);
/* The argument itself, made for this call: `place` is its index there. Before the last one. */
long argument_make(enum kind kind, unsigned choice, unsigned place);
/* A sum of all bytes that calls may have written to, of those kinds whose bytes are the same in each run. */
uint64_t argument_sum(const enum kind *kinds);

/* ---- descriptor.c ---- */

/* Where everything listens and is bound, so that it is the same in each run. */
struct sockaddr_in argument_address(unsigned number);

int make_stream(void);
int make_unix(void);
int make_listener(void);
int make_datagram(void);
int make_new_stream(void);
int make_new_datagram(void);
int make_pipe_in(void);
int make_pipe_out(void);
int make_file(void);
int make_epoll(void);
int make_process(void);

#endif
