/* SPDX-License-Identifier: MIT
 *
 * What the files of attach/ share. All functions that return bool fill `why` (ATTACH_WHY_MAX bytes) where they return
 * false.
 */
#ifndef ANALYZER_ATTACH_INTERNAL_H
#define ANALYZER_ATTACH_INTERNAL_H

#include "analyzer/attach/arch.h"
#include "analyzer/attach/attach.h"

#include <stddef.h>
#include <stdint.h>

/* False, always. */
bool refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- look.c ---- */

/* Whether what can be read of the process lets it be attached to. `plan` NULL: it is to be let go. */
bool look_at_process(pid_t pid, const struct attach_plan *plan, char *why);
/* Why ptrace(2) or a file of /proc refused, by `error`. */
bool look_refused(pid_t pid, int error, char *why);
/* Whether the process finds the shim and the trace folder by their paths, and may load and write there. */
bool look_reaches(pid_t pid, const struct attach_plan *plan);
/* Whether no thread of it is under a seccomp filter. */
bool look_at_filters(pid_t pid, char *why);
/* Whether a thread of the process is making a child that runs in its memory. */
bool look_forking(pid_t pid);

/* ---- memory.c ---- */

struct memory {
    int fd; /* /proc/PID/mem */
};
bool memory_open(struct memory *memory, pid_t pid, char *why);
void memory_close(struct memory *memory);
/* All of it, or false. These two say no reason. */
bool memory_get(const struct memory *memory, uint64_t address, void *out, size_t size);
bool memory_put(const struct memory *memory, uint64_t address, const void *from, size_t size);
/* As much as can be read. */
size_t memory_part(const struct memory *memory, uint64_t address, void *out, size_t size);

/* ---- symbols.c ---- */

struct symbols {
    uint64_t list;   /* the loader's list of objects (struct r_debug) */
    uint64_t loader; /* where the loader's own object begins, 0 unknown */
    uint64_t loader_end;
};
/* Finds the loader's list. */
bool symbols_open(struct symbols *symbols, pid_t pid, const struct memory *memory, char *why);
/* Whether the list is being changed. */
bool symbols_loading(const struct symbols *symbols, const struct memory *memory);
/* The address of a function in the first object whose file is called `prefix`..., 0 none. */
uint64_t symbols_find(const struct symbols *symbols, const struct memory *memory, const char *prefix, const char *name);

/* ---- stop.c ---- */

/* A process of which one thread stands still. */
struct target {
    pid_t pid, tid; /* tid 0: none does */
    struct memory memory;
    struct symbols symbols;
    struct arch_state state; /* of that thread, as it is to go on */
    uint64_t mask;           /* its signal mask */
    bool masked;             /* and was changed */
    int error;               /* why ptrace(2) refuses, 0: it does not */
};
/* Stops a thread where it waits in a system call, or is about to. */
bool stop_thread(struct target *target, char *why);
/* Lets it go on as if nothing had happened. */
void stop_end(struct target *target);
/* Waits until the thread stops; its wait status, -1 when it is gone. `patience_ms`: 0 when it has not stopped by then;
 * negative: as long as it takes. */
int stop_wait(pid_t tid, int patience_ms);

/* ---- call.c ---- */

/* Calls a function in the stopped thread, on the stack that ends at `stack`. */
bool call_function(struct target *target, uint64_t function, const uint64_t arguments[CALL_ARGUMENTS], uint64_t stack,
                   uint64_t *result, char *why);

/* ---- A call in the making ---- */

/* Where things lie in the memory that the process gives us for the time of a call. The stack is above. */
enum { AREA_SIZE = 256 << 10, AREA_SHIM_PATH = 0, AREA_WHY = 4096, AREA_SETTINGS = 8192, AREA_CARRY = 64 << 10 };

/* Functions of the process's C library, 0 where it has none. */
struct library {
    uint64_t map, unmap, errno_place, load, error, pair, receive, close;
};

/* What was brought to a process that sees other files. */
struct carried {
    int shim, log; /* descriptors of the process, -1 none */
    int own_log;   /* ours */
    char log_name[64];
    int copy_folder; /* of the process's, where a copy of the shim lies until it is loaded; -1 none */
    char copy_name[64];
};

struct session {
    struct target target;
    struct library library;
    uint64_t area; /* AREA_SIZE bytes in the process. 0 none */
    int saved_errno;
    uint64_t errno_at;
    bool musl; /* its C library */
    bool carries;
    struct carried carried;
    char *why;
};

/* call.c: calls a function with three arguments on the area's stack. */
bool session_call(struct session *session, uint64_t function, uint64_t a, uint64_t b, uint64_t c, uint64_t *result);

/* ---- carry.c ---- */

/* Whether a process that sees other files can be reached all the same; before anything is touched. */
bool carry_possible(pid_t pid, const struct attach_plan *plan, char *why);
/* Gives the stopped process a new log, and the shim if `load`: the path for its loader is put into `path` then. */
bool carry_begin(struct session *session, const struct attach_plan *plan, bool load, char path[256]);
/* Takes back what was lent. `good`: the log is in use, and gets its name. */
void carry_end(struct session *session, const struct attach_plan *plan, bool good);

/* ---- worker.c ---- */

typedef bool worker_job(pid_t pid, const struct attach_plan *plan, struct attach_answer *answer);
/* Does the job in a process of its own, which goes on if this one is killed. */
bool worker_do(worker_job *job, pid_t pid, const struct attach_plan *plan, struct attach_answer *answer);

#endif
