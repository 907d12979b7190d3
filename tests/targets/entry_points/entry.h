/* SPDX-License-Identifier: MIT
 *
 * What the groups of entry points share. Each is a function that calls a few names of libc, in a way that succeeds and,
 * where that is cheap, in a way that fails; what does not do what it does without the shim is told by MUST. To cover
 * one more entry point, add a function and its line in entries.def.
 */
#ifndef TESTS_TARGETS_ENTRY_POINTS_ENTRY_H
#define TESTS_TARGETS_ENTRY_POINTS_ENTRY_H

#include "tests/targets/target.h"

#define ENTRY(name) void try_##name(void);
#include "tests/targets/entry_points/entries.def"
#undef ENTRY

/* The run fails, with a line on stderr, where `condition` does not hold; it goes on. */
#define MUST(condition) entry_must((condition), #condition, __LINE__)
void entry_must(int held, const char *what, int line);

/* A socket at a free port of 127.0.0.1, which listens if it is a stream's; where, in `address`. */
int entry_listener(int type, struct sockaddr_in *address);

struct connection {
    int server, client, accepted;
};
struct connection entry_connection(void);
void entry_close(const struct connection *made);

#endif
