/* SPDX-License-Identifier: MIT
 *
 * A log whose records are in a file in memory, because the trace's own file system cannot keep space that was promised
 * (file_system.def). The log in the trace holds the header alone, which names that file. So the records are there after
 * SIGKILL, any reader finds them, and no write to the mapping needs a block of a disk. They come to the trace when
 * nobody has them mapped any more. Both halves use this. Callable from anywhere; at most three descriptors for a
 * moment.
 */
#ifndef SHIM_MEMORY_LOG_H
#define SHIM_MEMORY_LOG_H

#include "shim/trace_format.h"

#include <stdbool.h>

/* Makes the file in memory for the log that will be named `log` and says which it is, for header.memory_file, and how
 * large it may become: a part of what is free of the memory that all programs share, bytes. The descriptor, or a
 * negative errno. */
long memory_log_make(const char *log, char memory_file[SOCKATLAS_MEMORY_NAME_SIZE], uint64_t *allowed);
/* Whether there may be such logs: the folder for them is memory, and may be written to. */
bool memory_log_possible(void);
/* Whether it may grow from `from` to `to` bytes: the other programs keep half of that memory. */
bool memory_log_may_grow(uint64_t from, uint64_t to);
/* Removes a file in memory, by its name, if it is the user's. */
void memory_log_unlink(const char memory_file[SOCKATLAS_MEMORY_NAME_SIZE], uint32_t user);

/* Opens the file in memory that holds the records of the log `log`, with openat(2)'s `flags`. The descriptor, or a
 * negative errno; ENODATA: the log is none of these; ESTALE: what stands under that name is another file, or another
 * user's. */
long memory_log_open(int log, int flags);

/* Moves the records to the log at `path` (as in openat(2)) if no process has them mapped. False: it is no such log, or
 * all stays where it is, and nothing is lost. */
bool memory_log_settle(int dirfd, const char *path);
/* Which file in memory it is. */
struct memory_log_file {
    uint64_t device, inode;
};
/* The same for the log `name` by a process that had its file in memory mapped, in fewer system calls: a log without a
 * record is removed. */
bool memory_log_settle_own(int dirfd, const char *name, const struct memory_log_file *file);
/* Removes the file in memory of the log at `path`, which is about to be removed. */
void memory_log_remove(int dirfd, const char *path);

#endif
