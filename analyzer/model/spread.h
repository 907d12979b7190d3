/* SPDX-License-Identifier: MIT
 *
 * How values are spread: percentiles of any number of them in little memory. Each is counted under its seven leading
 * binary digits: below 128 exactly, above within 0.8 %. Memory is what differs, at most some 30 kB.
 */
#ifndef ANALYZER_MODEL_SPREAD_H
#define ANALYZER_MODEL_SPREAD_H

#include <stdint.h>

/* Zero-initialised: none. */
struct spread {
    struct spread_class *classes; /* sorted */
    unsigned count, capacity;
    uint64_t total; /* of the values */
    uint64_t least, most;
};

void spread_add(struct spread *spread, uint64_t value);
/* What somebody else counted: the bounds of all that follow, then so many of a class. */
void spread_bound(struct spread *spread, uint64_t least, uint64_t most);
void spread_count(struct spread *spread, uint32_t number, uint64_t count);
void spread_merge(struct spread *to, const struct spread *from);
/* The least value that so many per cent of all are not above; 0 where there are none. */
uint64_t spread_percentile(const struct spread *spread, unsigned percent);
/* How many are `value` or above. */
uint64_t spread_above(const struct spread *spread, uint64_t value);
void spread_free(struct spread *spread);

#endif
