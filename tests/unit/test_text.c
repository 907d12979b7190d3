/* SPDX-License-Identifier: MIT
 *
 * Numbers as text are what printf makes of them.
 */
#include "analyzer/trace/text.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static void check(uint64_t number)
{
    char expected[64], written[TEXT_INTEGER_MAX + 1];
    snprintf(expected, sizeof expected, "%" PRIu64, number);
    *text_unsigned(number, written) = '\0';
    cr_assert_str_eq(written, expected);
    snprintf(expected, sizeof expected, "%" PRIx64, number);
    *text_unsigned_hex(number, written) = '\0';
    cr_assert_str_eq(written, expected);
    snprintf(expected, sizeof expected, "%" PRId64, (int64_t)number);
    *text_signed((int64_t)number, written) = '\0';
    cr_assert_str_eq(written, expected);
}

Test(text, numbers_around_every_power)
{
    for (uint64_t power = 1; power; power = power <= UINT64_MAX / 10 ? power * 10 : 0)
        for (uint64_t offset = 0; offset < 4; offset++) {
            check(power + offset - 2);
            check(-(power + offset - 2));
        }
    for (unsigned shift = 0; shift < 64; shift++)
        for (uint64_t offset = 0; offset < 4; offset++)
            check((UINT64_C(1) << shift) + offset - 2);
    for (uint64_t number = 0; number < 100000; number++)
        check(number);
}
