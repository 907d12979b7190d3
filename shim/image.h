/* SPDX-License-Identifier: MIT
 *
 * What a log's header says of the process image it belongs to. Called when a log is made; some twenty system calls.
 */
#ifndef SHIM_IMAGE_H
#define SHIM_IMAGE_H

#include "shim/trace_format.h"

#include <stddef.h>

enum { IMAGE_CGROUP = sizeof(((struct sockatlas_header *)0)->cgroup) };

/* Fills every field of a zeroed header but the magic, which goes in last. What /proc does not tell (chroot, no /proc)
 * stays 0 or "". header->pid, comm and boottime_ns are the caller's choice, clock_offset is clock_offset(). */
void image_describe(struct sockatlas_header *header, uint64_t size_limit, int64_t clock_offset);
/* The image's process (in a vfork child: the parent, whose image it is) and its name. */
uint32_t image_pid(void);
void image_comm(char comm[16]);
/* By how much CLOCK_BOOTTIME is ahead in this process's time namespace, nanoseconds; 0 where /proc does not tell. */
int64_t image_clock_offset(void);
/* What the kernel takes the time from, "" unknown. */
void image_clock_source(char source[32]);
/* The process's pid namespace: inode of /proc/self/ns/pid, 0 unknown. */
uint64_t image_pidns(void);
/* The calling thread's network namespace: inode of /proc/thread-self/ns/net, 0 unknown. */
uint64_t image_thread_netns(void);
/* The calling process's cgroup, as header.cgroup has it, with `text` of `capacity` bytes to read it into; "" unknown.
 * Has a descriptor for a moment. */
void image_cgroup(char out[IMAGE_CGROUP], char *text, size_t capacity);
/* Reads a small file of /proc or the like, up to `capacity` bytes, a page at most: those come whole by one read(2).
 * Returns its size, 0 when it cannot be read. */
size_t image_read_file(const char *path, char *out, size_t capacity);

#endif
