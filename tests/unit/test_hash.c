/* SPDX-License-Identifier: MIT
 *
 * The hash of numbers: no key lets numbers in even steps, as pids, slots and descriptors are, share a few buckets.
 */
#include "analyzer/trace/hash.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

enum { KEYS = 2000, NUMBERS = 4096, LONGEST = 16 };

/* How many of NUMBERS multiples of `step` fall into the fullest of NUMBERS buckets. */
static unsigned longest(uint64_t step)
{
    static unsigned buckets[NUMBERS];
    unsigned most = 0;
    memset(buckets, 0, sizeof buckets);
    for (uint64_t i = 0; i < NUMBERS; i++) {
        unsigned count = ++buckets[hash_numbers(i * step, 7) % NUMBERS];
        most = count > most ? count : most;
    }
    return most;
}

Test(hash, spreads_even_steps_whatever_the_key)
{
    const struct hash_key drawn = hash_key;
    static const uint64_t steps[] = {1, 2, 64, 4096};
    for (unsigned key = 0; key < KEYS; key++) {
        randombytes_buf(&hash_key, sizeof hash_key);
        for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            unsigned most = longest(steps[i]);
            cr_assert_leq(most, LONGEST, "%u of %u in one bucket, in steps of %llu", most, (unsigned)NUMBERS,
                          (unsigned long long)steps[i]);
        }
    }
    hash_key = drawn;
}
