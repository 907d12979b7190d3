/* SPDX-License-Identifier: MIT
 *
 * Bringing the shim into a process that runs, and making it let go. attach.c is the whole of it, for cmd/; the other
 * files are its parts: look.c what must hold before anything is touched, memory.c and symbols.c reading the process,
 * stop.c finding a thread at a place where a call can be made, call.c making it, carry.c bringing the shim and a log to
 * a process that sees other files than we do, worker.c outliving us, arch_*.c what depends on the processor. Nothing is
 * changed in a process that is refused.
 */
#ifndef ANALYZER_ATTACH_ATTACH_H
#define ANALYZER_ATTACH_ATTACH_H

#include <stdbool.h>
#include <sys/types.h>

enum { ATTACH_WHY_MAX = 512 };

struct attach_answer {
    char why[ATTACH_WHY_MAX]; /* one line, where it was refused */
    int sockets;              /* that were open when the recording began */
};

/* What a process is to do. */
struct attach_plan {
    const char *shim;            /* absolute path */
    const char *shim_musl;       /* the same of the one for processes of musl's; NULL: there is none */
    const char *folder;          /* the trace folder, the same; NULL: not made yet, attach_look() alone */
    int folder_fd;               /* that, open: for the log of a process that does not see it */
    const char *const *settings; /* NAME=VALUE as the shim reads them from an environment; NULL at the end */
};

/* Whether the process can be attached to, as far as that is known without stopping it. False with `why`. */
bool attach_look(pid_t pid, const struct attach_plan *plan, struct attach_answer *answer);
/* Makes the process record. False with `why`. It is done in a process and session of its own, so that it is
 * brought to its end also where this process is killed in the middle of it. */
bool attach_begin(pid_t pid, const struct attach_plan *plan, struct attach_answer *answer);
/* Makes it stop. */
bool attach_end(pid_t pid, struct attach_answer *answer);

#endif
