/* SPDX-License-Identifier: MIT
 *
 * What the actor's files share: calls that take more than a line. actor*.c only. Results as those of system calls: -1
 * and errno where they fail.
 */
#ifndef TESTS_GROUND_ACTOR_H
#define TESTS_GROUND_ACTOR_H

#include "tests/ground/order.h"

/* ---- actor_transfer.c ---- */

/* So many bytes, by the call of enum way. */
long actor_send(int fd, int bytes, int way, bool raw);
/* Until so many are there. */
long actor_receive(int fd, int bytes, int way, bool raw);
/* Waits until the kernel knows of an error on fd: the other end is gone. */
long actor_gone(int fd);
/* Into a stdio stream on fd, which is flushed when the process ends by exit(). */
long actor_buffer(int fd, int bytes);
/* A thread sends more than there is space for; while it does, the descriptor is closed and another socket gets its
 * number. Returns the new one. */
long actor_cross(int fd, int bytes);
/* What the thread's call returned. */
long actor_join(void);

/* ---- actor_connect.c ---- */

/* connect() to where nobody answers, left by siglongjmp(). */
int actor_leap(int fd, const struct sockaddr *address, socklen_t size);

#endif
