/* SPDX-License-Identifier: MIT
 *
 * The mapped slot log: makes the file, gives out slots, keeps count of what was lost. No lock, no write(2), no
 * descriptor kept. Callable from anywhere, except log_finish(): at the process's end only.
 */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include "shim/process.h"
#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>

/* For log.c and the inline functions here alone. */
extern struct sockatlas_header *log_mapped;
/* Up to which position this process may take slots with no more ado, << 4 | the present section's `use`: one variable,
 * so that the two belong together. A forked child has its own copy. */
extern uint64_t log_open;
extern uint64_t log_mask;  /* slots of the ring - 1 */
extern uint32_t log_shift; /* 1 << this: slots of a section */

/* The latest record that needed more space was lost: what is asked of the kernel only to be recorded need not be. */
extern bool log_failing;
static inline bool log_is_failing(void)
{
    return __builtin_expect(__atomic_load_n(&log_failing, __ATOMIC_RELAXED), 0);
}

/* Slots that were taken. */
struct log_slots {
    struct sockatlas_common *at; /* NULL: none, the record is lost and counted */
    uint32_t section;            /* low bits of its sequence number */
    uint32_t use;
};

static inline struct log_slots log_slots(struct sockatlas_header *header, uint64_t first, uint64_t open)
{
    return (struct log_slots){
        .at = (struct sockatlas_common *)((unsigned char *)(header + 1) + (first & log_mask) * SOCKATLAS_SLOT_SIZE),
        .section = (uint32_t)(first >> log_shift),
        .use = open & 15};
}

/* Has the kernel map the page of the slot at `first` before it is taken: a process that is killed while it waits for
 * that leaves nothing taken. Whoever may be writing there is not disturbed. */
static inline void log_touch(struct sockatlas_header *header, uint64_t first)
{
    enum { SLOTS = 4096 / SOCKATLAS_SLOT_SIZE };
    struct process_wiped *page = process_page();
    uint32_t which = (uint32_t)((first & log_mask) / SLOTS) + 1;
    if (__builtin_expect(!page || page->touched == which, 1))
        return;
    page->touched = which;
    unsigned char *slot = (unsigned char *)(header + 1) + (first & log_mask) * SOCKATLAS_SLOT_SIZE;
    uint32_t word = 0; /* a write, whether it is that or not, of what was there */
    __atomic_compare_exchange_n((uint32_t *)(void *)slot, &word, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
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
extern bool log_due;
static inline void log_prepare(void)
{
    if (__builtin_expect(!log_is_open() || __atomic_load_n(&log_due, __ATOMIC_RELAXED), 0))
        log_prepare_slowly();
}

/* It is time to see whether the log is still there under its name: the next log_prepare() does, and goes on in a new
 * log if not. */
extern uint64_t log_look_ns; /* when */
static inline void log_look_if_due(uint64_t time_ns)
{
    if (__builtin_expect(time_ns >= __atomic_load_n(&log_look_ns, __ATOMIC_RELAXED), 0))
        __atomic_store_n(&log_due, true, __ATOMIC_RELAXED);
}
/* The same now: a process that has recorded something ends. */
void log_look_now(void);
/* Whether this is a new log in place of one that was gone; true once. */
bool log_took_over(void);

/* The next call tries, whatever became of those before. */
void log_try_again(void);

/* Takes `count` neighbouring slots, which hold what they held before. `open` is read before the cursor: what it says is
 * true of every position from there on. */
struct log_slots log_take_slowly(unsigned count);
struct log_slots log_take_beyond(unsigned count);
static inline struct log_slots log_take(unsigned count)
{
    struct sockatlas_header *header = log_header();
    if (__builtin_expect(!header, 0))
        return log_take_slowly(count);
    uint64_t open = __atomic_load_n(&log_open, __ATOMIC_ACQUIRE);
    uint64_t first = __atomic_load_n(&header->cursor, __ATOMIC_RELAXED);
    do {
        if (__builtin_expect(first + count > open >> 4, 0))
            return log_take_beyond(count);
        log_touch(header, first);
    } while (
        !__atomic_compare_exchange_n(&header->cursor, &first, first + count, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return log_slots(header, first, open);
}

/* The same for what the program did not ask for: nothing is counted. */
struct log_slots log_take_uncounted(unsigned count);

/* The section that this process wrote to last, as struct record has it; 0: none. */
static inline uint32_t log_section(void)
{
    uint64_t open = __atomic_load_n(&log_open, __ATOMIC_RELAXED) >> 4;
    return open ? (uint32_t)((open - 1) >> log_shift) + 1 : 0;
}

/* The position of slots that were taken. */
static inline uint64_t log_position(struct log_slots slots)
{
    uint64_t index = ((uintptr_t)slots.at - (uintptr_t)log_header() - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE;
    return (uint64_t)slots.section << log_shift | (index & ((1u << log_shift) - 1));
}

/* Gives up slots that were taken and not written to: nothing stands there. */
void log_pad(struct log_slots slots, uint32_t count);

/* One record could not be made for `reason`. */
void log_lose(enum sockatlas_loss reason);

/* Gives back the range beyond `bytes` and beyond what is in use already. What then does not fit is lost, and counted.
 */
void log_shrink(uint64_t bytes);

/* After mlockall(): unlocks the range beyond what is in use, which counts against RLIMIT_MEMLOCK. */
void log_unlock(void);

/* A thread is about to enter a sandbox, where no more of the ring can be opened up: enough of it for all to use in
 * turns is, now, and all writers keep to what this one can reach. Returns what log_unconfine() takes if it did not
 * enter. */
uint64_t log_confine(void);
void log_unconfine(uint64_t was);

/* At a process's exit. The process that made the log trims the file if no other process has it mapped; if one had, the
 * last of those that go on in it does. Records made later go nowhere. */
void log_finish(void);

#endif
