/* SPDX-License-Identifier: MIT
 *
 * The sections of the log's ring, as trace_format.h describes them: may one be used again, and making it the present
 * one. Works on the mapping alone, and makes no system call but for the time and whether a thread is there. Callable
 * from anywhere; several threads and processes may be in here for the same section. How large the ring and its sections
 * are is the caller's to say: others who have the log mapped, a worker that gave up its rights among them, can change
 * what the header says.
 */
#ifndef SHIM_SECTION_H
#define SHIM_SECTION_H

#include "shim/trace_format.h"

#include <stdbool.h>

static inline uint64_t section_state(const struct sockatlas_section *section)
{
    return __atomic_load_n(&section->state, __ATOMIC_ACQUIRE);
}

/* Whether the section holds this sequence number; then `use` is what its records bear. */
static inline bool section_is_open(const struct sockatlas_section *section, uint64_t sequence, uint32_t *use)
{
    uint64_t state = section_state(section);
    *use = state & 15;
    return state >> SOCKATLAS_USES_BITS == sequence + 1;
}

/* How many slots a section has, in a ring of so many. */
uint32_t section_slots_for(uint64_t ring_slots);
/* A section whose first slot is reachable. */
struct section {
    struct sockatlas_section *first;
    uint32_t slots;     /* how many it has */
    uint32_t reachable; /* how many of them this process may touch; at most `slots` */
};
/* Whether all that was taken in its present use was published. Reads the whole section. */
bool section_complete(const struct section *section);
/* Puts padding in the place of records whose writers were killed before they published them. False: something else is
 * not published. A system call for each. */
bool section_release(const struct sockatlas_header *header, const struct section *section);
/* Makes `count` slots from `slot` on padding, of which so many may be written to. */
void section_pad(struct sockatlas_common *slot, uint32_t count, uint32_t there, uint32_t use);
/* Makes it hold `sequence`, which the cursor has reached. May be called by many, before or after it is done. Reads the
 * whole section, where it was used before. */
void section_open(struct sockatlas_header *header, const struct section *section, uint64_t sequence);

#endif
