/* SPDX-License-Identifier: MIT
 *
 * Files of /proc, proc(5). Each function reads a stream that the caller opened, so that any bytes can be given to it: a
 * process chooses its name and what it maps, and so decides about part of what stands there. Opens nothing, keeps at
 * most a line.
 */
#ifndef ANALYZER_CMD_PROC_H
#define ANALYZER_CMD_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* /proc/PID/stat. */
struct proc_stat {
    char state;           /* R, S, D, Z, ... */
    uint64_t start_ticks; /* field 22, in ticks of 10 ms since the boot that the reader's time namespace has */
};

/* False: it has another form. */
bool proc_read_stat(FILE *in, struct proc_stat *stat);
/* /proc/stat: how many processes and threads this kernel has started; 0 unknown. */
uint64_t proc_read_started(FILE *in);
/* /proc/PID/status: how many seccomp filters the process is under. Kernels before 5.9 say whether there are any, not
 * how many: 1. */
int proc_read_filters(FILE *in);
/* /proc/PID/timens_offsets: of the boot time clock, nanoseconds; 0 where it is not told. */
int64_t proc_read_boottime_offset(FILE *in);
/* /proc/PID/maps: whether a mapped file's path has "/NAME" in it. */
bool proc_read_mapped(FILE *in, const char *name);
/* What a link of /proc/PID/fd leads to: a socket's inode, 0 for anything else. */
uint32_t proc_socket_inode(const char *target);

#endif
