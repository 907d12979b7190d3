/* SPDX-License-Identifier: MIT
 *
 * What `attach` and `detach` share: the processes that a command line names. Only attach*.c and detach.c include this.
 */
#ifndef ANALYZER_CMD_ATTACH_H
#define ANALYZER_CMD_ATTACH_H

#include <stdbool.h>
#include <sys/types.h>

struct attach_pids {
    pid_t *pids;
    unsigned count, capacity;
};

/* Adds the process that the word names; false: it is no number of one. */
bool attach_pids_add(struct attach_pids *pids, const char *word);
/* Adds all that descend from those, as /proc has it now, each behind its parent. */
void attach_pids_descend(struct attach_pids *pids);
void attach_pids_free(struct attach_pids *pids);
/* Its name, "?" unknown; escaped for a terminal. */
const char *attach_pids_comm(pid_t pid);

/* Signals that would end this program wait until a process is let go, and what was held back takes effect then. */
void attach_signals_hold(void);
void attach_signals_release(void);

#endif
