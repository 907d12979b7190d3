/* SPDX-License-Identifier: MIT
 *
 * What a log's file is called. Linked into the shim and into the analyzer, which names the logs that it makes for
 * processes that it attaches to. Callable from anywhere; no system calls.
 */
#ifndef SHIM_LOG_NAME_H
#define SHIM_LOG_NAME_H

#include <stdint.h>

enum { LOG_NAME_MAX = 80 };

/* What a file is named after; kept in its header. */
struct log_name {
    char comm[16];
    uint32_t pid;
    uint64_t boottime_ns;
};

/* COMM.PID.TIME.atlas; with a leading dot and without suffix while it is being made. */
void log_name_build(char out[LOG_NAME_MAX], const struct log_name *name, const char *before, const char *after);

#endif
