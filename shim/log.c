/* SPDX-License-Identifier: MIT
 *
 * The mapped slot log's hot half: taking slots and making room ahead of the writer. log_file.c makes and trims the
 * file. Callable from anywhere; must never block, allocate or keep a descriptor.
 *
 * The whole range is mapped at once but without access; each process opens it up in growing steps, making the space
 * real as it goes (MADV_POPULATE_WRITE). So a full disk is an error here instead of a SIGBUS at the write, and
 * mlockall() in the program does not pull in the range.
 */
#include "shim/log.h"

#include "shim/clock.h"
#include "shim/config.h"
#include "shim/log_file.h"
#include "shim/process.h"
#include "shim/sandbox.h"
#include "shim/sys.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

HOT struct sockatlas_header *log_mapped;
HOT static uint64_t capacity; /* slots in the mapped range */
static unsigned extending;    /* threads that may be about to open up more of the range */
HOT uint64_t log_ready;

/* Losses before there is a header to count them in, and when to try again to make one. */
static uint64_t lost_before, lost_before_first, attempts, next_attempt;
static struct sockatlas_header *ledger; /* where they are counted meanwhile, if anywhere */

static uint64_t slots_of(uint64_t bytes)
{
    return (bytes - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE;
}

static void count_loss(struct sockatlas_header *header, enum sockatlas_loss reason, uint64_t count, uint64_t first)
{
    __atomic_fetch_add(&header->lost, count, __ATOMIC_RELAXED);
    uint64_t none = 0;
    __atomic_compare_exchange_n(&header->lost_first, &none, first, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    __atomic_store_n(&header->lost_reason, reason, __ATOMIC_RELAXED);
}

void log_lose(enum sockatlas_loss reason)
{
    struct sockatlas_header *header = log_header();
    if (!header)
        header = __atomic_load_n(&ledger, __ATOMIC_ACQUIRE);
    if (header) {
        count_loss(header, reason, 1, clock_now());
    } else if (__atomic_fetch_add(&lost_before, 1, __ATOMIC_RELAXED) == 0) {
        lost_before_first = clock_now();
    }
}

static void settle_losses(struct sockatlas_header *header)
{
    uint64_t lost = __atomic_exchange_n(&lost_before, 0, __ATOMIC_RELAXED);
    if (lost)
        count_loss(header, SOCKATLAS_LOSS_OPEN, lost, lost_before_first);
}

/* No log can be made: whatever comes of this process, its losses shall be known. */
static void open_ledger(void)
{
    struct sockatlas_header *none = NULL, *fresh = ledger ? NULL : log_file_ledger();
    if (!fresh)
        return;
    if (__atomic_compare_exchange_n(&ledger, &none, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        settle_losses(fresh);
    else
        sys(SYS_munmap, fresh, SOCKATLAS_HEADER_SIZE);
}

/* Whoever is first to publish a mapping wins; a thread, or a signal handler in the middle of this, that comes second
 * drops its own. */
static void publish(const struct log_file *file)
{
    struct sockatlas_header *none = NULL;
    if (__atomic_load_n(&log_mapped, __ATOMIC_ACQUIRE)) {
        log_file_discard(file);
        return;
    }
    capacity = slots_of(file->size);
    log_ready = slots_of(file->ready);
    if (!__atomic_compare_exchange_n(&log_mapped, &none, file->header, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
        log_file_discard(file);
        return;
    }
    log_file_adopt(file);
    settle_losses(file->header);
}

void log_prepare_slowly(void)
{
    if (log_is_open() || !config.on || sandbox_inside())
        return;
    if (__atomic_add_fetch(&attempts, 1, __ATOMIC_RELAXED) <= __atomic_load_n(&next_attempt, __ATOMIC_RELAXED))
        return;
    process_prepare();
    struct log_file file;
    if (log_file_make(&file)) {
        publish(&file);
        return;
    }
    next_attempt = attempts * 2;
    open_ledger();
}

static bool make_real(uint64_t from, uint64_t to)
{
    long result = log_file_make_real(log_mapped, from, to);
    return result == 0 || result == -EINVAL;
}

static uint64_t bytes_of(uint64_t slots)
{
    return SOCKATLAS_HEADER_SIZE + slots * SOCKATLAS_SLOT_SIZE;
}

/* Raises `ready` to at least `need` slots, in a step as large as what there is already. Near the end of the disk the
 * step fails as a whole, so the least that serves is tried too. */
static bool extend_to(uint64_t need, uint64_t limit)
{
    if (need > limit)
        return false;
    uint64_t now = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    uint64_t from = SOCKATLAS_HEADER_SIZE + now * SOCKATLAS_SLOT_SIZE;
    uint64_t step = from < LOG_FILE_STEP_MOST ? from : LOG_FILE_STEP_MOST;
    uint64_t end = bytes_of(limit);
    uint64_t least = (SOCKATLAS_HEADER_SIZE + need * SOCKATLAS_SLOT_SIZE + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    uint64_t to = from + step > least ? from + step : least;
    to = to < end ? to : end;
    if (from < to && !make_real(from, to)) {
        if (to == least || !make_real(from, least))
            return false;
        to = least;
    }
    uint64_t reached = slots_of(to);
    while (now < reached &&
           !__atomic_compare_exchange_n(&log_ready, &now, reached, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
        ;
    return true;
}

/* The range is given back only while nobody is in here, so what extend_to() opens up is ours. */
static bool extend(uint64_t need)
{
    if (sandbox_inside())
        return false;
    __atomic_fetch_add(&extending, 1, __ATOMIC_SEQ_CST);
    bool done = extend_to(need, __atomic_load_n(&capacity, __ATOMIC_SEQ_CST));
    __atomic_fetch_sub(&extending, 1, __ATOMIC_SEQ_CST);
    return done;
}

void log_shrink(uint64_t bytes)
{
    struct sockatlas_header *header = log_header();
    uint64_t before = __atomic_load_n(&capacity, __ATOMIC_SEQ_CST),
             used = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    uint64_t keep = bytes & ~(uint64_t)(PAGE - 1);
    if (keep < bytes_of(used))
        keep = bytes_of(used);
    if (!header || keep >= bytes_of(before))
        return;
    __atomic_store_n(&capacity, slots_of(keep), __ATOMIC_SEQ_CST);
    bool idle = __atomic_load_n(&extending, __ATOMIC_SEQ_CST) == 0;
    if (!idle || __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE) != used) {
        __atomic_store_n(&capacity, before, __ATOMIC_SEQ_CST);
        return;
    }
    sys(SYS_munmap, (unsigned char *)header + keep, bytes_of(before) - keep);
}

void log_unlock(void)
{
    unsigned char *header = (unsigned char *)log_header();
    uint64_t from = bytes_of(__atomic_load_n(&log_ready, __ATOMIC_ACQUIRE)),
             end = bytes_of(__atomic_load_n(&capacity, __ATOMIC_SEQ_CST));
    if (header && from < end && !sandbox_inside())
        sys(SYS_munlock, header + from, end - from);
}

struct sockatlas_common *log_take_slowly(unsigned count)
{
    log_prepare();
    if (log_is_open())
        return log_take(count);
    log_lose(SOCKATLAS_LOSS_OPEN);
    return NULL;
}

struct sockatlas_common *log_take_beyond(uint64_t first, unsigned count)
{
    struct sockatlas_header *header = log_header();
    if (extend(first + count))
        return log_slot(header, first);
    enum sockatlas_loss why = first + count > capacity ? SOCKATLAS_LOSS_LIMIT
                              : sandbox_inside()       ? SOCKATLAS_LOSS_SANDBOX
                                                       : SOCKATLAS_LOSS_SPACE;
    count_loss(header, why, 1, clock_now());
    return NULL;
}

void log_ahead(uint64_t slots)
{
    struct sockatlas_header *header = log_header();
    if (header)
        extend(__atomic_load_n(&header->cursor, __ATOMIC_RELAXED) + slots);
}

void log_finish(void)
{
    struct sockatlas_header *header = log_header();
    if (!header || sandbox_inside())
        return;
    if (header->pid == process_owner())
        __atomic_store_n(&header->maker_left, 1, __ATOMIC_RELEASE);
    else if (!__atomic_load_n(&header->maker_left, __ATOMIC_ACQUIRE))
        return;
    if (!log_file_trimmable())
        return;
    log_shrink(0); /* after that nobody makes more of it real */
    uint64_t ready = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&capacity, __ATOMIC_SEQ_CST) == ready)
        log_file_trim(header, bytes_of(ready));
}
