/* SPDX-License-Identifier: MIT
 *
 * Sections of the ring whose writers were killed, or only sleep, in the middle of a record. The shim's source is
 * compiled here with a kernel of its own, which knows which threads there are.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#define SHIM_SYS_H
#define sys(...) told(__VA_ARGS__)

static unsigned gone; /* the thread that is gone; all others are there */

static long told(long number, unsigned pid, unsigned tid, int signal)
{
    (void)pid;
    return number != SYS_tgkill || signal != 0 ? -EINVAL : tid == gone ? -ESRCH : 0;
}

#include "shim/section.c" /* NOLINT(bugprone-suspicious-include): with a kernel of its own */

uint64_t clock_now(void)
{
    return 1;
}

enum { SLOTS = 128, USE = 5, TAKEN = 3 };

static struct {
    struct sockatlas_header header;
    _Alignas(64) unsigned char slots[SLOTS][SOCKATLAS_SLOT_SIZE];
} log_file;

static struct sockatlas_common *slot_at(unsigned at)
{
    return (struct sockatlas_common *)(void *)log_file.slots[at];
}

/* A section full of records, of which one at `at`, of TAKEN slots, is not published. */
static struct section begin(unsigned at)
{
    struct section section = {(struct sockatlas_section *)(void *)log_file.slots[0], SLOTS, SLOTS};
    memset(&log_file, 0, sizeof log_file);
    log_file.header.pidns_inode = 1;
    section.first->state = 1 << SOCKATLAS_USES_BITS | USE;
    for (unsigned i = 1; i < SLOTS; i++)
        *slot_at(i) = (struct sockatlas_common){
            .kind = SOCKATLAS_SHUTDOWN, .use = USE, .pid = 10, .tid = 11, .slots = 1, .time_ns = 1000};
    *slot_at(at) = (struct sockatlas_common){.use = USE, .pid = 20, .tid = 21, .slots = TAKEN};
    for (unsigned i = 1; i < TAKEN; i++)
        memset(slot_at(at + i), 0, SOCKATLAS_SLOT_SIZE);
    gone = 21;
    cr_assert(!section_complete(&section));
    return section;
}

Test(section, is_used_again_when_the_writer_of_an_unfinished_record_is_gone)
{
    struct section section = begin(40);
    cr_expect(section_release(&log_file.header, &section));
    cr_expect(section_complete(&section));
    cr_expect_eq(content_of(&section).records, SLOTS - 1 - TAKEN);
    cr_expect_eq(slot_at(40)->kind, SOCKATLAS_PADDING);
    cr_expect_eq(slot_at(40)->fd, TAKEN);
}

Test(section, stays_out_of_use_while_the_writer_lives)
{
    struct section section = begin(40);
    gone = 11;
    cr_expect(!section_release(&log_file.header, &section));
    cr_expect_eq(slot_at(40)->kind, 0);
}

Test(section, stays_out_of_use_where_nobody_knows_who_writes)
{
    struct section section = begin(40);
    slot_at(40)->use = USE - 1; /* taken, and not begun: what stands there is of a former use */
    cr_expect(!section_release(&log_file.header, &section));
    section = begin(40);
    slot_at(40)->pid = 0; /* in a sandbox */
    cr_expect(!section_release(&log_file.header, &section));
    section = begin(40);
    log_file.header.other_pids = 1;
    cr_expect(!section_release(&log_file.header, &section));
    section = begin(40);
    log_file.header.pidns_inode = 0;
    cr_expect(!section_release(&log_file.header, &section));
}

Test(section, is_never_written_beyond_what_may_be_touched)
{
    struct section section = begin(SLOTS - TAKEN);
    slot_at(SLOTS - TAKEN)->slots = TAKEN + 1; /* says who may write to the log, too */
    cr_expect(!section_release(&log_file.header, &section));
    section = begin(40);
    section.reachable = 40 + TAKEN - 1;
    cr_expect(!section_release(&log_file.header, &section));
    cr_expect_eq(slot_at(40)->kind, 0);
}
