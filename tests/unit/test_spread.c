/* SPDX-License-Identifier: MIT
 *
 * Percentiles: exact for few and small values, within 0.8 % for all others, whatever is merged with what.
 */
#include "analyzer/model/spread.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { VALUES = 20000 };

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

Test(spread, has_none_at_first)
{
    struct spread spread = {.count = 0};
    cr_expect_eq(spread_percentile(&spread, 50), 0);
}

Test(spread, is_exact_for_small_values)
{
    struct spread spread = {.count = 0};
    for (unsigned i = 1; i <= 100; i++)
        spread_add(&spread, 101 - i);
    cr_expect_eq(spread.total, 100);
    cr_expect_eq(spread_percentile(&spread, 50), 50);
    cr_expect_eq(spread_percentile(&spread, 90), 90);
    cr_expect_eq(spread_percentile(&spread, 99), 99);
    cr_expect_eq(spread_percentile(&spread, 100), 100);
    cr_expect_eq(spread_above(&spread, 91), 10);
    cr_expect_eq(spread_above(&spread, 101), 0);
    spread_free(&spread);
    spread_add(&spread, 7);
    cr_expect_eq(spread_percentile(&spread, 50), 7);
    cr_expect_eq(spread_percentile(&spread, 99), 7);
    spread_free(&spread);
    spread_add(&spread, 150300);
    cr_expect_eq(spread_percentile(&spread, 50), 150300);
    spread_add(&spread, 150301);
    cr_expect_leq(spread_percentile(&spread, 99), 150301);
    spread_free(&spread);
}

Test(spread, is_within_a_hundredth_of_sorting)
{
    static uint64_t values[VALUES];
    struct spread all = {.count = 0}, parts[2] = {{.count = 0}};
    uint64_t state = 88172645463325252u;
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = next(&state) >> (next(&state) % 64); /* of every size */
        spread_add(&parts[i % 2], values[i]);
    }
    spread_merge(&all, &parts[0]);
    spread_merge(&all, &parts[1]);
    qsort(values, VALUES, sizeof *values, by_value);
    cr_assert_eq(all.total, VALUES);
    for (unsigned percent = 1; percent <= 100; percent++) {
        uint64_t right = values[VALUES / 100 * percent - 1], told = spread_percentile(&all, percent);
        double off = right > told ? (double)(right - told) : (double)(told - right);
        cr_expect_leq(off, 0.008 * (double)right, "%u %%: %lu for %lu", percent, told, right);
    }
    cr_expect_lt(all.count, 4000);
    spread_add(&all, UINT64_MAX);
    cr_expect_geq(spread_percentile(&all, 100), UINT64_MAX / 1000 * 992);
    for (unsigned i = 0; i < 2; i++)
        spread_free(&parts[i]);
    spread_free(&all);
}
