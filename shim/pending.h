/* SPDX-License-Identifier: MIT
 *
 * The connects under way in this process, so that the return of a waiting call can tell when one ended. Up to
 * PENDING_MAX of them: the end of one more is found at its next use. No lock. Callable from anywhere; a vfork child
 * leaves it alone.
 */
#ifndef SHIM_PENDING_H
#define SHIM_PENDING_H

enum { PENDING_MAX = 64 };

int pending_count(void);
void pending_add(int fd);
void pending_remove(int fd);
/* Lists their descriptors; returns how many. */
unsigned pending_list(int fds[PENDING_MAX]);

#endif
