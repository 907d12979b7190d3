/* SPDX-License-Identifier: MIT
 *
 * What reading a trace may cost: memory and work in proportion to its bytes and records. Whoever makes a trace can
 * have a process with a thousand sockets fork ten thousand times; what such a product would take is not given. A stream
 * watches the budget as it hands out events, and leaves the log that took most.
 */
#ifndef ANALYZER_TRACE_BUDGET_H
#define ANALYZER_TRACE_BUDGET_H

#include <stddef.h>
#include <stdint.h>

/* Bytes in use, for all sources together: so many, and so many for each byte that was read. What is reported later
 * (graphs, trees) and the program itself fit between these and what the manual promises, 64 MiB and 64 bytes a byte. */
#define BUDGET_MEMORY      ((size_t)40 << 20)
#define BUDGET_MEMORY_BYTE 56
/* Steps: entries of tables that were looked at, for all sources together: so many, and so many for each record. */
#define BUDGET_WORK        ((uint64_t)1 << 28)
#define BUDGET_WORK_RECORD 4096

/* Steps of this thread so far. */
extern _Thread_local uint64_t budget_steps;

/* To be told by every loop whose length the input decides: so many entries of a table were looked at or copied. */
static inline void budget_work(uint64_t steps)
{
    budget_steps += steps;
}

/* Bytes of memory that the program has in use. Takes a time that grows with how scattered the free memory is. */
size_t budget_memory(void);

#endif
