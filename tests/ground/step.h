/* SPDX-License-Identifier: MIT
 *
 * The steps of a scenario: each orders a few calls and keeps the world true. A step that finds nothing to do on does
 * nothing.
 */
#ifndef TESTS_GROUND_STEP_H
#define TESTS_GROUND_STEP_H

#include <stdbool.h>

/* name, weight */
#define STEPS(X)                                                                                                       \
    X(start, 4)                                                                                                        \
    X(fork, 6)                                                                                                         \
    X(exec, 3)                                                                                                         \
    X(listen, 8)                                                                                                       \
    X(group, 2)                                                                                                        \
    X(connect, 30)                                                                                                     \
    X(accept, 12)                                                                                                      \
    X(transfer, 24)                                                                                                    \
    X(close, 24)                                                                                                       \
    X(spawn, 3)                                                                                                        \
    X(getfd, 3)                                                                                                        \
    X(unshare, 2)                                                                                                      \
    X(both, 2)                                                                                                         \
    X(refuse, 5)                                                                                                       \
    X(fail, 3)                                                                                                         \
    X(abandon, 2)                                                                                                      \
    X(leap, 2)                                                                                                         \
    X(strike, 2)                                                                                                       \
    X(broken, 2)                                                                                                       \
    X(flush, 2)                                                                                                        \
    X(cross, 2)                                                                                                        \
    X(again, 3)                                                                                                        \
    X(share, 2)                                                                                                        \
    X(mptcp, 2)                                                                                                        \
    X(inetd, 2)                                                                                                        \
    X(service, 2)                                                                                                      \
    X(announce, 3)                                                                                                     \
    X(self, 2)                                                                                                         \
    X(pair, 6)                                                                                                         \
    X(pass, 8)                                                                                                         \
    X(dup, 4)                                                                                                          \
    X(datagram, 16)                                                                                                    \
    X(shutdown, 3)                                                                                                     \
    X(alone, 1)                                                                                                        \
    X(range, 1)                                                                                                        \
    X(twins, 3)                                                                                                        \
    X(wild, 2)                                                                                                         \
    X(repeat, 2)                                                                                                       \
    X(sandbox, 1)                                                                                                      \
    X(kill, 3)                                                                                                         \
    X(leave, 3)

/* All randomness comes from the seed. */
void step_seed(unsigned long seed);
unsigned step_random(unsigned below); /* less than `below`; 0 where that is 0 */
bool step_raw(void);                  /* an order by syscall(2)? */
void step_any(void);
/* One kind of step is taken more often than its weight says; NULL: none is. */
void step_prefer(const char *name);
/* `processes` fresh actors; the folder is where unix sockets are bound. */
void step_begin(unsigned processes, const char *folder);
/* Every actor ends, by exit or, some, by SIGKILL. */
void step_end(void);

#endif
