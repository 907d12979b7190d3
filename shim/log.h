/* SPDX-License-Identifier: MIT
 *
 * The mapped slot log: makes the file, gives out slots, keeps count of what was lost. No lock, no write(2), no
 * descriptor kept. Callable from anywhere, except log_finish(): at the process's end only.
 */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>

/* For log.c and the inline functions here alone. */
extern struct sockatlas_header *log_mapped;
extern uint64_t log_ready; /* slots that this process may write to; a forked child has its own copy */
static inline struct sockatlas_common *log_slot(struct sockatlas_header *header, uint64_t index)
{
    return (struct sockatlas_common *)((unsigned char *)(header + 1) + index * SOCKATLAS_SLOT_SIZE);
}

/* The header of the open log (netns fields may be filled in late), NULL when there is none. */
static inline struct sockatlas_header *log_header(void)
{
    return __atomic_load_n(&log_mapped, __ATOMIC_ACQUIRE);
}

static inline bool log_is_open(void)
{
    return log_header() != NULL;
}

/* Makes this image's log unless there is one. Wrappers call it before a real call that may take the last free
 * descriptor, since making the log needs one for a moment. A failure is tried again at later calls, more and more
 * rarely. */
void log_prepare_slowly(void);
static inline void log_prepare(void)
{
    if (__builtin_expect(!log_is_open(), 0))
        log_prepare_slowly();
}

/* Takes `count` neighbouring slots. NULL: they are lost, and counted. */
struct sockatlas_common *log_take_slowly(unsigned count);
struct sockatlas_common *log_take_beyond(uint64_t first, unsigned count);
static inline struct sockatlas_common *log_take(unsigned count)
{
    struct sockatlas_header *header = log_header();
    if (__builtin_expect(!header, 0))
        return log_take_slowly(count);
    uint64_t first = __atomic_fetch_add(&header->cursor, count, __ATOMIC_RELAXED);
    if (__builtin_expect(first + count > __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE), 0))
        return log_take_beyond(first, count);
    return log_slot(header, first);
}

/* Which one `slot` is. */
static inline uint64_t log_index(const struct sockatlas_common *slot)
{
    uintptr_t start = (uintptr_t)log_header() + SOCKATLAS_HEADER_SIZE;
    return ((uintptr_t)slot - start) / SOCKATLAS_SLOT_SIZE;
}

/* One record could not be made for `reason`. */
void log_lose(enum sockatlas_loss reason);

/* Gives back the range beyond `bytes` and beyond what is in use already. What then does not fit is lost, and counted.
 */
void log_shrink(uint64_t bytes);

/* After mlockall(): unlocks the range beyond what is in use, which counts against RLIMIT_MEMLOCK. */
void log_unlock(void);

/* Makes room for the next `slots` slots now, because later it may not be possible. */
void log_ahead(uint64_t slots);

/* At a process's exit. The process that made the log trims the file if no other process has it mapped; if one had, the
 * last of those that go on in it does. Records made later go nowhere. */
void log_finish(void);

#endif
