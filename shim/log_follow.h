/* SPDX-License-Identifier: MIT
 *
 * Whether the log still has its name: somebody may remove it, or give it another, while it is in use (logrotate, rm).
 * For log.c, which goes on in a new log then. Callable from anywhere but a sandbox and a vfork child; uses three
 * descriptors at a time and keeps none.
 */
#ifndef SHIM_LOG_FOLLOW_H
#define SHIM_LOG_FOLLOW_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <stdint.h>

/* How long after a log was made, or seen in its place, it is looked for again. One that was removed meanwhile is in a
 * folder that has changed since, and not yet replaced. */
#define LOG_FOLLOW_WAIT_NS 250000000ull
/* It was made just now, or seen. */
void log_follow_seen(void);
/* Whether that was so short a time ago that a process which ends now need not look again. */
bool log_follow_fresh(void);

/* True: no log has the name of this process's any more, in the folder that it was made in, wherever that stands now,
 * and a new one may be made there. Where that cannot be told, as after chroot(2), and where the folder is gone too, it
 * is false. `last`: the process ends, and cannot wait for the folder to be still; where others' files are in it, it is
 * taken for one that stays. `*wait_ns`: how long not to ask again. */
bool log_follow_gone(const struct sockatlas_header *header, bool last, uint64_t *wait_ns);

/* The cursor of a header that was left: beyond what any process may take. */
#define LOG_FOLLOW_LEFT (1ull << 62)
/* Puts a private copy of the header, with that cursor, in its place in this process, so that no thread of its takes
 * slots there any more. Those that have taken some fill them in where they are. False: nothing was changed. */
bool log_follow_leave(struct sockatlas_header *header);
/* The log that was left, before another one is adopted: `ready` of `mapped` bytes may have been touched. */
void log_follow_left(struct sockatlas_header *header, uint64_t ready, uint64_t mapped);
/* Gives up its mapping: at the next look, when all who were in it are through. Returns how many records were lost there
 * since. */
uint64_t log_follow_drop(void);

#endif
