/* SPDX-License-Identifier: MIT
 *
 * The parts of `sockatlas collect`: one log is brought from its ring into segments (collect_log.c); the logs of a
 * folder are found, looked at in time and dropped when they are old (collect_folder.c). `run` has the same done for its
 * folder (collect_thread.c). What is collected is told by the segments alone: there is no other state on disk.
 */
#ifndef ANALYZER_CMD_COLLECT_H
#define ANALYZER_CMD_COLLECT_H

#include "analyzer/trace/hash.h"
#include "analyzer/trace/missing.h"
#include "analyzer/trace/segment.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct collect_rules {
    uint64_t keep_ms, keep_bytes; /* 0: all */
    bool thorough; /* brings in also what fills the ring slowly, and ended programs' logs, which it cuts */
    bool quiet;
};

/* Milliseconds of CLOCK_BOOTTIME. */
int64_t collect_now(void);

/* ---- collect_log.c ---- */

/* The folder is the owner's. All zero but `name`: nothing is known yet. */
struct collect_log {
    char name[NAME_MAX + 1], segment[NAME_MAX + 1]; /* the newest, "" none */
    bool begun, finished;                           /* it was looked at; nothing more will come of it */
    bool said;                                      /* what is wrong with it, until it goes well again */
    bool seen;                                      /* by the owner, at its latest look for logs */
    bool gap;                                       /* something was overwritten since a copy of the header was made */
    uint64_t end;                                   /* positions before it are in segments */
    uint64_t cursor;                                /* at the latest look */
    uint64_t segment_size;
    struct missing *missing;                       /* what is in segments, and what is not */
    struct segment_counts counts;                  /* collected so far */
    int64_t looked, moved, drained, rotated, held; /* when; 0 never */
    int64_t trim_after, next;                      /* ms; when */
    UT_hash_handle hh;                             /* the owner's, by name */
};

struct collect_place {
    int folder;
    const char *path; /* for messages */
    const struct collect_rules *rules;
};

void collect_log_free(struct collect_log *log);
/* Looks at the log and collects what is due; `last`: all whole sections. Sets log->next. */
void collect_log_look(const struct collect_place *place, struct collect_log *log, bool last);

/* ---- collect_folder.c ---- */

struct collect_folder;
/* Takes the folder open on `fd`, which stays the caller's. */
struct collect_folder *collect_folder_new(int fd, const char *path, const struct collect_rules *rules);
/* Does what is due; returns when to be called again. */
int64_t collect_folder_step(struct collect_folder *folder, bool last);
void collect_folder_free(struct collect_folder *folder);

/* ---- collect_thread.c ---- */

/* Collects in the folder open on `fd` from another thread, which ends when told to. NULL with errno; NULL ends too. To
 * be called with the signals held. */
struct collect_thread;
struct collect_thread *collect_thread_start(int fd, const char *path);
void collect_thread_end(struct collect_thread *thread);

#endif
