/* SPDX-License-Identifier: MIT
 *
 * Memory that a reader of traces cannot go on without.
 */
#ifndef ANALYZER_TRACE_MEMORY_H
#define ANALYZER_TRACE_MEMORY_H

/* Returns what malloc() and the like gave; where that is NULL, says so on stderr and ends the program. */
__attribute__((returns_nonnull)) void *memory_must(void *memory);

#endif
