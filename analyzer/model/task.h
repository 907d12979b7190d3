/* SPDX-License-Identifier: MIT
 *
 * What the files of processes share; nothing else includes it.
 *
 *   task.c        a process as a record
 *   task_state.c  its states
 *   task_exec.c   exec
 *   task_life.c   fork, spawn, exit
 */
#ifndef ANALYZER_MODEL_TASK_H
#define ANALYZER_MODEL_TASK_H

#include "analyzer/model/internal.h"

#define TICK_NS 10000000ull

/* ---- task.c ---- */

/* Of the image's file; no pid yet. */
struct task *task_new(struct model *model, const struct image *image);
/* The same, as thread `tid` of `parent` forked it; 0: any thread. */
struct task *task_child(struct model *model, const struct image *image, const struct task *parent, uint32_t tid);
/* task_find() finds it by this pid from now on; it must be found by none. */
void task_file(struct model *model, struct task *task, uint32_t pid);
void task_describe(struct model *model, struct task *task, const struct sockatlas_header *header);
/* The image is now `path`, of which nothing else is known. */
void task_describe_path(struct model *model, struct task *task, const char *path);

/* ---- task_state.c ---- */

enum task_change {
    TASK_LOGS,      /* a record of its own, in whatever log */
    TASK_OPENS_LOG, /* its image has a log of its own */
    TASK_IS_SPAWNED,
    TASK_BEGINS_EXEC,
    TASK_FAILS_EXEC,
    TASK_HAS_EXECUTED,
    TASK_ENDS,
    TASK_VANISHES,
    TASK_IS_REPLACED,
    TASK_CHANGES
};

/* Its descriptors become weak or strong with it. False: nothing changes. */
bool task_change(struct model *model, struct task *task, enum task_change change);

/* ---- task_exec.c ---- */

/* The image that it runs from now on is said not to be traceable, for `why`. Takes `path`. */
void task_claim(struct model *model, struct task *task, char *path, uint8_t why);
/* A log appeared, of an image in that process to which the kernel gave the name `comm`: if it is the one that was said
 * to be statically linked, it loads programs as valgrind does, and is traced. */
void task_claim_refute(struct task *task, const char *comm);

/* The path in the tail of a record whose body has `body_size` bytes; the caller frees it. */
char *task_event_path(const struct event *event, size_t body_size, size_t size);
/* It has happened, if there was one. */
void task_exec_commit(struct model *model, struct task *task);

#endif
