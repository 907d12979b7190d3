/* SPDX-License-Identifier: MIT
 *
 * Which log it is, and which of its slots were handed out.
 */
#include "analyzer/trace/identity.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct trace_image image(void)
{
    return (struct trace_image){
        .header = {
            .pid = 42, .boottime_ns = 1000, .start_ticks = 7, .pidns_inode = 9, .boot_id = "one", .host = "web"}};
}

Test(identity, of_one_log)
{
    struct trace_image a = image(), b = image();
    b.header.host[0] = 'x';
    b.header.cursor = 5;
    b.id = 3;
    cr_expect(identity_equal(&a, &b));
}

Test(identity, of_others)
{
    struct trace_image a = image(), b = image();
    b.header.boottime_ns++; /* the same process, after exec */
    cr_expect_not(identity_equal(&a, &b));
    b = image();
    b.header.pidns_inode++; /* the same number in another namespace */
    cr_expect_not(identity_equal(&a, &b));
    b = image();
    b.foreign = true; /* what another user says is not mixed with what the owner says */
    cr_expect_not(identity_equal(&a, &b));
    b = image();
    a.header.boot_id[0] = b.header.boot_id[0] = '\0';
    cr_expect(identity_equal(&a, &b));
    b.header.host[0] = 'x';
    cr_expect_not(identity_equal(&a, &b));
}

/* However the slots come, each is new once. */
Test(identity, slots_in_any_order)
{
    enum { SLOTS = 3000 };
    static unsigned char taken[SLOTS + 8];
    struct identity_told told = {.count = 0};
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned slot = i < 1000 ? i : (unsigned)rand() % SLOTS, slots = 1;
        bool fresh = !taken[slot];
        for (; fresh && slots < 3 && !taken[slot + slots] && rand() % 2; slots++)
            ;
        cr_assert_eq(identity_tell(&told, slot, slots), fresh, "slot %u", slot);
        memset(taken + slot, 1, fresh ? slots : 0);
    }
    identity_forget(&told);
}

Test(identity, slots_in_order_take_no_capacity)
{
    struct identity_told told = {.count = 0};
    for (unsigned i = 0; i < 100000; i++)
        cr_assert(identity_tell(&told, 2 * i, 2));
    cr_expect_eq(told.count, 1);
    for (unsigned i = 0; i < 100000; i++)
        cr_assert_not(identity_tell(&told, 2 * i, 2));
    identity_forget(&told);
}
