/* SPDX-License-Identifier: MIT
 *
 * Logs as the fuzz targets change them: slot by slot, so that most of what comes out is still a log.
 */
#ifndef TESTS_FUZZ_SLOTS_H
#define TESTS_FUZZ_SLOTS_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t capacity);

/* Several logs may lie one behind another: how long the first one is, which ends where another header's magic stands.
 */
size_t slots_log_size(const uint8_t *bytes, size_t size);
/* Mutates the slots of one log rather than its mostly empty header, and keeps the cursor behind the last of them.
 * Returns the new size, `capacity` at the most. */
size_t slots_mutate(uint8_t *bytes, size_t size, size_t capacity, unsigned seed);

#endif
