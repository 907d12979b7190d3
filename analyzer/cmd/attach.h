/* SPDX-License-Identifier: MIT
 *
 * What `attach` and `detach` share: the processes that a command line names. Only attach*.c and detach.c include this.
 */
#ifndef ANALYZER_CMD_ATTACH_H
#define ANALYZER_CMD_ATTACH_H

#include <argp.h>
#include <stdbool.h>
#include <sys/types.h>

struct attach_pids {
    pid_t *pids;
    unsigned count, capacity;
    bool children; /* all that descend from them are meant, too */
};

/* A child of both commands' argp: --children, and the processes. Its input is a struct attach_pids, zeroed. */
extern const struct argp attach_pids_argp;
#define ATTACH_PIDS_CHILD                                                                                              \
    {                                                                                                                  \
        &attach_pids_argp, 0, NULL, 0                                                                                  \
    }
/* Adds all that descend from those, as /proc has it now, each behind its parent. */
void attach_pids_descend(struct attach_pids *pids);
void attach_pids_free(struct attach_pids *pids);
/* Its name, "?" unknown; escaped for a terminal. */
const char *attach_pids_comm(pid_t pid);

/* Signals that would end this program wait until a process is let go, and what was held back takes effect then. */
void attach_signals_hold(void);
void attach_signals_release(void);

#endif
