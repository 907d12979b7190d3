/* SPDX-License-Identifier: MIT
 *
 * The format's structures, where 32-bit writers put them: trace_format.h asserts each size and offset, so it is enough
 * that it compiles for them.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(layout, is_the_same_for_32_bit_writers)
{
    /* -ffreestanding: no libc of that word size is needed. */
    static const char can[] = "echo 'int x;' | cc -m32 -ffreestanding -x c -c -o /dev/null - 2>/dev/null";
    static const char compile[] = "cc -m32 -ffreestanding -std=gnu11 -Wall -Werror -I. -x c -c -o /dev/null "
                                  "shim/trace_format.h";
    if (system(can) != 0)
        cr_skip_test("this compiler makes no 32-bit code");
    cr_expect_eq(system(compile), 0);
}
