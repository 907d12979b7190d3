/* SPDX-License-Identifier: MIT
 *
 * Counting values by class, see spread.h.
 */
#include "analyzer/model/spread.h"

#include <stdlib.h>
#include <string.h>

/* Values of one class share their leading binary digits. */
enum { DIGITS = 7, STEPS = 1 << (DIGITS - 1) };

struct spread_class {
    uint32_t number;
    uint64_t count;
};

static uint32_t class_of(uint64_t value)
{
    if (value < 2 * STEPS)
        return (uint32_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - (DIGITS - 1);
    return (uint32_t)(shift * STEPS + (value >> shift));
}

/* The middle of a class. */
static uint64_t value_of(uint32_t number)
{
    if (number < 2 * STEPS)
        return number;
    unsigned shift = number / STEPS - 1;
    uint64_t low = (uint64_t)(number - shift * STEPS) << shift;
    return low + (((UINT64_C(1) << shift) - 1) >> 1);
}

/* Where it stands, or belongs. */
static unsigned place(const struct spread *spread, uint32_t number)
{
    unsigned low = 0, high = spread->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (spread->classes[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void spread_count(struct spread *spread, uint32_t number, uint64_t count)
{
    unsigned at = place(spread, number);
    spread->total += count;
    if (at < spread->count && spread->classes[at].number == number) {
        spread->classes[at].count += count;
        return;
    }
    if (spread->count == spread->capacity) {
        spread->capacity = spread->capacity ? 2 * spread->capacity : 2;
        spread->classes = realloc(spread->classes, spread->capacity * sizeof *spread->classes);
        if (!spread->classes)
            abort();
    }
    memmove(spread->classes + at + 1, spread->classes + at, (spread->count++ - at) * sizeof *spread->classes);
    spread->classes[at] = (struct spread_class){number, count};
}

void spread_bound(struct spread *spread, uint64_t least, uint64_t most)
{
    if (!spread->total || least < spread->least)
        spread->least = least;
    if (!spread->total || most > spread->most)
        spread->most = most;
}

void spread_add(struct spread *spread, uint64_t value)
{
    spread_bound(spread, value, value);
    spread_count(spread, class_of(value), 1);
}

void spread_merge(struct spread *to, const struct spread *from)
{
    if (from->total)
        spread_bound(to, from->least, from->most);
    for (unsigned i = 0; i < from->count; i++)
        spread_count(to, from->classes[i].number, from->classes[i].count);
}

uint64_t spread_percentile(const struct spread *spread, unsigned percent)
{
    uint64_t rank = spread->total / 100 * percent + (spread->total % 100 * percent + 99) / 100, seen = 0;
    unsigned i;
    for (i = 0; i < spread->count; i++)
        if ((seen += spread->classes[i].count) >= rank)
            break;
    if (i == spread->count)
        return 0;
    uint64_t value = value_of(spread->classes[i].number); /* which none need have */
    return value < spread->least ? spread->least : value > spread->most ? spread->most : value;
}

uint64_t spread_above(const struct spread *spread, uint64_t value)
{
    uint64_t above = 0;
    for (unsigned i = place(spread, class_of(value)); i < spread->count; i++)
        above += spread->classes[i].count;
    return above;
}

void spread_free(struct spread *spread)
{
    free(spread->classes);
    *spread = (struct spread){.classes = NULL};
}
