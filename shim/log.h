/* SPDX-License-Identifier: MIT
 *
 * The mapped slot log: makes the file, gives out slots, keeps count of what was lost. No lock, no write(2), no
 * descriptor kept. Callable from anywhere, except log_finish(): at the process's end only.
 */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include "shim/trace_format.h"

#include <stdbool.h>

/* Makes this image's log unless there is one. Wrappers call it before a real call that may take the last free
 * descriptor, since making the log needs one for a moment. A failure is tried again at later calls, more and more
 * rarely. */
void log_prepare(void);
bool log_is_open(void);

/* Takes `count` neighbouring slots; *index becomes the first one's. NULL: they are lost, and counted. */
void *log_take(unsigned count, uint64_t *index);

/* The header of the open log (netns fields may be filled in late), NULL when there is none. */
struct sockatlas_header *log_header(void);

/* One record could not be made for `reason`. */
void log_lose(enum sockatlas_loss reason);

/* Gives back the range beyond `bytes` and beyond what is in use already. What then does not fit is lost, and counted.
 */
void log_shrink(uint64_t bytes);

/* Makes room for the next `slots` slots now, because later it may not be possible. */
void log_ahead(uint64_t slots);

/* At the exit of the process that made the log: trims the file if no other process has it mapped. Records made later go
 * nowhere. */
void log_finish(void);

#endif
