/* SPDX-License-Identifier: MIT
 *
 * Numbers for people are what printf makes of them, also where they lie right between two.
 */
#include "analyzer/view/words.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void printed(double value, const char *const *units, unsigned count, char *out)
{
    unsigned unit = 0;
    while (value >= 1000 * 0.9995 && unit + 1 < count) {
        value /= 1000;
        unit++;
    }
    snprintf(out, WORD_MAX, unit && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void check(uint64_t number)
{
    static const char *const sizes[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    static const char *const times[] = {"ns", "us", "ms", "s"};
    char expected[WORD_MAX], written[WORD_MAX];
    printed((double)number, sizes, 7, expected);
    cr_assert_str_eq(word_bytes(number, written), expected);
    printed((double)number, times, 4, expected);
    cr_assert_str_eq(word_duration(number, written), expected);
}

Test(words, round_as_printf_does)
{
    for (uint64_t number = 0; number < 20000; number++)
        check(number);
    for (uint64_t unit = 1; unit <= 1000000000000000000; unit = unit < 1000000000000000000 ? unit * 10 : UINT64_MAX)
        for (uint64_t part = 0; part < 1000; part++)
            for (uint64_t near = 0; near < 3; near++) {
                check(part * unit + near - 1);
                check(part * unit + unit / 2 + near - 1);
            }
    check(UINT64_MAX);
}
