/* SPDX-License-Identifier: MIT
 *
 * The kernel's notices of ended sockets, written into logs of their own beside the traced programs': a thread reads
 * them, and looks now and then who has the sockets that are open, as a notice does not say. For `run` and `collect`.
 */
#ifndef ANALYZER_CMD_NOTICE_LOG_H
#define ANALYZER_CMD_NOTICE_LOG_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct notice_rules {
    const char *dir; /* of the trace; must live until notice_log_end() */
    enum sockatlas_notices why;
    size_t buffer;  /* bytes that the kernel may keep for the reader; 0 the usual */
    uint64_t id[2]; /* the run's, 0 none */
    bool no_cmdline;
    /* Whether an open socket's holder is to be named; NULL: each is. */
    bool (*named)(void *context, pid_t pid);
    void *context;
};

struct notice_counts {
    uint64_t ended; /* notices that were recorded */
    uint64_t lost;  /* that found no space in the buffer, or could not be written */
    bool late;      /* the kernel had not sent all when the reading ended: there may be more of both */
};

struct notice_log;
/* From now on the kernel keeps notices, as many as the buffer holds. NULL with errno. */
struct notice_log *notice_log_open(const struct notice_rules *rules);
/* They are read from now on. To be called with the signals held. False with errno. */
bool notice_log_begin(struct notice_log *log);
/* Reads what is there still. NULL ends too, and one that never began. */
struct notice_counts notice_log_end(struct notice_log *log);
/* The size of a buffer as the user gave it (as 64K), 0 where it is none. */
size_t notice_log_buffer(const char *text);

#endif
