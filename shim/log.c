/* SPDX-License-Identifier: MIT
 *
 * The mapped slot log's hot half: taking slots and making space ahead of the writer. log_file.c makes and trims the
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
#include "shim/log_follow.h"
#include "shim/memory.h"
#include "shim/process.h"
#include "shim/sandbox.h"
#include "shim/section.h"
#include "shim/sys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

HOT struct sockatlas_header *log_mapped;
HOT uint64_t log_open;
HOT uint64_t log_mask;
HOT uint32_t log_shift;
HOT bool log_failing;
HOT bool log_due;
HOT uint64_t log_look_ns;
static uint64_t log_ready; /* slots from the ring's start on that this process may touch */
static uint64_t capacity;  /* slots in the mapped range */
static unsigned extending; /* threads that may be about to open up more of the range */
static unsigned within;    /* threads that use several of these: none while another log takes its place */
static bool replacing;
static bool took_over;

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
    capacity = file->header->ring_slots;
    log_ready = file->header->made;
    log_mask = file->header->ring_slots - 1;
    log_shift = (uint32_t)__builtin_ctz(file->header->section_slots);
    if (!__atomic_compare_exchange_n(&log_mapped, &none, file->header, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
        log_file_discard(file);
        return;
    }
    log_file_adopt(file);
    log_follow_seen();
    process_page()->told = 1; /* the header tells of it */
    settle_losses(file->header);
    __atomic_store_n(&log_look_ns, clock_now() + LOG_FOLLOW_WAIT_NS, __ATOMIC_RELAXED);
}

/* ---- A log in place of one that is gone ---- */

static bool come_in(void)
{
    __atomic_fetch_add(&within, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&replacing, __ATOMIC_SEQ_CST))
        return true;
    __atomic_fetch_sub(&within, 1, __ATOMIC_SEQ_CST);
    return false;
}

static void go_out(void)
{
    __atomic_fetch_sub(&within, 1, __ATOMIC_SEQ_CST);
}

/* A log takes another's place within microseconds, unless the thread that sees to it is not let run meanwhile: others
 * let it. Not for good: what waits here may be a signal handler of that very thread. */
static bool come_in_later(void)
{
    enum { TRIES = 64 };
    for (int left = TRIES; left && !sandbox_inside(); left--) {
        sys(SYS_sched_yield);
        if (come_in())
            return true;
    }
    return false;
}

static uint64_t bytes_of(uint64_t slots)
{
    return SOCKATLAS_HEADER_SIZE + slots * SOCKATLAS_SLOT_SIZE;
}

/* Positions go on behind those of the old log, at the ring's beginning: what a thread has read of the one is never
 * valid in the other. Who has taken slots in the old one fills them in there. */
static bool replace(struct sockatlas_header *old, const struct log_file *file)
{
    struct sockatlas_header *fresh = file->header;
    uint64_t ring = log_mask + 1;
    if (fresh->ring_slots != ring || fresh->section_slots != 1u << log_shift || !log_follow_leave(old))
        return false;
    uint64_t begin = ((log_open >> 4) / ring + 2) * ring;
    log_follow_left(old, bytes_of(log_ready), bytes_of(capacity));
    __atomic_store_n(&fresh->cursor, begin, __ATOMIC_RELAXED);
    capacity = ring;
    log_ready = fresh->made;
    process_page()->touched = process_page()->told = 0;
    log_failing = false;
    __atomic_store_n(&log_mapped, fresh, __ATOMIC_RELEASE);
    log_file_adopt(file);
    took_over = true;
    return true;
}

static __attribute__((noinline)) void take_its_place(struct sockatlas_header *old)
{
    struct log_file file = {.follows = old->boottime_ns};
    if (!log_file_make(&file))
        return;
    __atomic_store_n(&replacing, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&within, __ATOMIC_SEQ_CST) || !replace(old, &file))
        log_file_discard(&file);
    __atomic_store_n(&replacing, false, __ATOMIC_SEQ_CST);
}

/* Is the log still there? Else another one takes its place. */
static void look(bool last)
{
    static bool busy;
    struct sockatlas_header *header = log_header();
    uint64_t wait;
    log_due = false;
    if (!header || !config.on || sandbox_inside() || process_in_vfork() ||
        __atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return;
    __atomic_fetch_add(&header->lost, log_follow_drop(), __ATOMIC_RELAXED);
    if (log_follow_gone(header, last, &wait))
        take_its_place(header);
    __atomic_store_n(&log_look_ns, clock_now() + wait, __ATOMIC_RELAXED);
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

void log_look_now(void)
{
    struct process_wiped *page = process_page();
    if (page && page->told && !log_follow_fresh())
        look(true);
}

bool log_took_over(void)
{
    return __builtin_expect(took_over, 0) && __atomic_exchange_n(&took_over, false, __ATOMIC_RELAXED);
}

void log_prepare_slowly(void)
{
    if (log_is_open())
        look(false);
    if (log_is_open() || !config.on || sandbox_inside())
        return;
    if (__atomic_add_fetch(&attempts, 1, __ATOMIC_RELAXED) <= __atomic_load_n(&next_attempt, __ATOMIC_RELAXED))
        return;
    process_prepare();
    if (!process_in_vfork())
        config_check();
    if (!config.on)
        return;
    struct log_file file = {.follows = 0};
    if (log_file_make(&file)) {
        publish(&file);
        return;
    }
    next_attempt = attempts * 2;
    open_ledger();
}

void log_try_again(void)
{
    __atomic_store_n(&next_attempt, 0, __ATOMIC_RELAXED);
}

static bool make_real(uint64_t from, uint64_t to)
{
    long result = log_file_make_real(log_mapped, from, to);
    return result == 0 || result == -EINVAL;
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
    uint64_t made = __atomic_load_n(&log_mapped->made, __ATOMIC_RELAXED);
    while (made < reached &&
           !__atomic_compare_exchange_n(&log_mapped->made, &made, reached, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return true;
}

/* The range is given back only while nobody is in here, so what extend_to() opens up is ours. */
static bool extend(uint64_t need)
{
    if (sandbox_inside())
        return false;
    __atomic_fetch_add(&extending, 1, __ATOMIC_SEQ_CST);
    uint64_t limit = __atomic_load_n(&capacity, __ATOMIC_SEQ_CST), most = slots_of(log_file_most(log_mapped));
    bool done = extend_to(need, limit < most ? limit : most);
    __atomic_fetch_sub(&extending, 1, __ATOMIC_SEQ_CST);
    return done;
}

static void shrink(uint64_t bytes)
{
    struct sockatlas_header *header = log_header();
    uint64_t before = __atomic_load_n(&capacity, __ATOMIC_SEQ_CST),
             used = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    uint64_t keep = bytes & ~(uint64_t)(PAGE - 1), page = memory_page_size();
    if (keep < bytes_of(used))
        keep = bytes_of(used);
    if (!header || keep >= bytes_of(before))
        return;
    uint64_t beyond = (keep + page - 1) & ~(page - 1);
    __atomic_store_n(&capacity, slots_of(keep), __ATOMIC_SEQ_CST);
    bool idle = __atomic_load_n(&extending, __ATOMIC_SEQ_CST) == 0;
    if (!idle || __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE) != used) {
        __atomic_store_n(&capacity, before, __ATOMIC_SEQ_CST);
        return;
    }
    if (beyond < bytes_of(before))
        sys(SYS_munmap, (unsigned char *)header + beyond, bytes_of(before) - beyond);
}

static void unlock(void)
{
    unsigned char *header = (unsigned char *)log_header();
    uint64_t from = bytes_of(__atomic_load_n(&log_ready, __ATOMIC_ACQUIRE)),
             end = bytes_of(__atomic_load_n(&capacity, __ATOMIC_SEQ_CST));
    if (header && from < end && !sandbox_inside())
        sys(SYS_munlock, header + from, end - from);
}

void log_shrink(uint64_t bytes)
{
    if (!come_in())
        return;
    shrink(bytes);
    go_out();
}

void log_unlock(void)
{
    if (!come_in())
        return;
    unlock();
    go_out();
}

struct log_slots log_take_slowly(unsigned count)
{
    log_prepare();
    if (log_is_open())
        return log_take(count);
    log_lose(SOCKATLAS_LOSS_OPEN);
    return (struct log_slots){.at = NULL};
}

/* ---- Going on to the next section ---- */

static uint64_t section_slots(void)
{
    return 1ull << log_shift;
}

/* Where the section begins, as a slot of the ring. */
static uint64_t section_start(uint64_t sequence)
{
    return sequence << log_shift & log_mask;
}

/* The section, of which what this process may touch is known by now. */
static struct section section_at(struct sockatlas_header *header, uint64_t sequence)
{
    uint64_t start = section_start(sequence), ready = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    uint64_t reachable = ready > start ? ready - start : 0;
    return (struct section){
        .first = (void *)((unsigned char *)(header + 1) + start * SOCKATLAS_SLOT_SIZE),
        .slots = (uint32_t)section_slots(),
        .reachable = (uint32_t)(reachable < section_slots() ? reachable : section_slots()),
    };
}

/* Whether this process may touch the ring's slots before `end`. Where that failed it is tried again now and then only:
 * each time costs several system calls. */
static bool reachable(uint64_t end)
{
    enum { TRY_EACH = 32 };
    static unsigned asked;
    if (end <= __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE))
        return true;
    return (!log_is_failing() || __atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED) % TRY_EACH == 0) && extend(end);
}

static bool move(struct sockatlas_header *header, uint64_t from, uint64_t to)
{
    return __atomic_compare_exchange_n(&header->cursor, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void log_pad(struct log_slots slots, uint32_t count)
{
    section_pad(slots.at, count, count, slots.use);
}

/* Takes all that is left of the section that `first` is in. */
static void leave_section(struct sockatlas_header *header, uint64_t first, uint32_t use)
{
    uint64_t end = ((first >> log_shift) + 1) << log_shift;
    if (!move(header, first, end))
        return;
    uint64_t start = first & log_mask, ready = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    struct log_slots slots = log_slots(header, first, use);
    uint64_t count = end - first, there = start < ready ? ready - start : 1;
    section_pad(slots.at, (uint32_t)count, (uint32_t)(there < count ? there : count), use);
}

/* Slots from the ring's start on that all writers can reach. What the header says is anybody's word: it may be less. */
static uint64_t confined_to(const struct sockatlas_header *header)
{
    uint64_t slots = __atomic_load_n(&header->confined, __ATOMIC_ACQUIRE);
    return slots < 2 * section_slots() ? log_mask + 1 : slots;
}

/* The cursor stands at a section that this process cannot use, since the disk is full or the process is sandboxed, or
 * that another one cannot. It begins anew with the ring's first sections, if it has enough of them. */
static bool wrap(struct sockatlas_header *header, uint64_t sequence)
{
    uint64_t sections = (log_mask + 1) >> log_shift, next = (sequence / sections + 1) * sections;
    if (!reachable(2 * section_slots()))
        return false;
    move(header, sequence << log_shift, next << log_shift);
    return true;
}

/* The cursor stands at the beginning of the section `sequence`: moves it behind its first slot, or to another section.
 * False: there is none. */
static bool begin_section(struct sockatlas_header *header, uint64_t sequence)
{
    uint64_t start = section_start(sequence), position = sequence << log_shift;
    if (start + section_slots() > confined_to(header) || !reachable(start + 2) ||
        (section_state(section_at(header, sequence).first) && !reachable(start + section_slots())))
        return wrap(header, sequence);
    struct section section = section_at(header, sequence);
    if (section_complete(&section) || section_release(header, &section))
        move(header, position, position + 1);
    else if (move(header, position, position + section_slots()))
        __atomic_fetch_add(&header->skipped, 1, __ATOMIC_RELAXED);
    return true;
}

/* Up to which position this process may take slots in a section of which it needs those before `need`; 0: not so far.
 * Where the section goes on beyond, one slot is kept back for leave_section(). */
static uint64_t limit_for(uint64_t sequence, uint64_t need)
{
    uint64_t position = sequence << log_shift, start = section_start(sequence), end = start + section_slots();
    uint64_t want = start + (need - position) + 1;
    reachable(want < end ? want : end);
    uint64_t ready = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    uint64_t limit = ready >= end ? end : ready > start ? ready - 1 : start;
    return position + (limit - start) >= need ? position + (limit - start) : 0;
}

/* `limit` and use are this process's for the present section. */
static void enter(uint64_t limit, uint32_t use)
{
    uint64_t open = limit << 4 | use, now = __atomic_load_n(&log_open, __ATOMIC_RELAXED);
    while (now < open && !__atomic_compare_exchange_n(&log_open, &now, open, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

/* Takes slots in the section that `first` is in. */
static bool take_here(struct sockatlas_header *header, uint64_t first, unsigned count, struct log_slots *taken)
{
    uint64_t sequence = first >> log_shift;
    const struct sockatlas_section *first_slot = section_at(header, sequence).first;
    uint32_t use;
    /* Another process may have come further than this one can. */
    uint64_t limit = limit_for(sequence, first);
    if (!limit || (section_state(first_slot) && !section_is_open(first_slot, sequence, &use) &&
                   !reachable(section_start(sequence) + section_slots())))
        return false;
    struct section section = section_at(header, sequence);
    section_open(header, &section, sequence);
    section_is_open(first_slot, sequence, &use);
    bool fits = (first & (section_slots() - 1)) + count <= section_slots();
    limit = fits ? limit_for(sequence, first + count) : 0;
    if (limit) {
        enter(limit, use);
        log_touch(header, first);
        if (move(header, first, first + count))
            *taken = log_slots(header, first, use);
        return true;
    }
    if (!fits || __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE) >= 2 * section_slots()) {
        leave_section(header, first, use);
        return true;
    }
    return false;
}

/* Takes slots wherever there are some; `why` is set where there are none. */
static struct log_slots take_anywhere(struct sockatlas_header *header, unsigned count, enum sockatlas_loss *why)
{
    struct log_slots taken = {.at = NULL};
    uint64_t first = 0;
    /* Each round moves the cursor, or finds it moved by others. */
    enum { ROUNDS_MORE = 64 };
    bool good = count < section_slots();
    for (uint64_t rounds = ((log_mask + 1) >> log_shift) + ROUNDS_MORE; good && rounds && !taken.at; rounds--) {
        first = __atomic_load_n(&header->cursor, __ATOMIC_ACQUIRE);
        good = first & (section_slots() - 1) ? take_here(header, first, count, &taken)
                                             : begin_section(header, first >> log_shift);
    }
    if (log_failing != !taken.at)
        __atomic_store_n(&log_failing, !taken.at, __ATOMIC_RELAXED);
    uint64_t start = section_start(first >> log_shift);
    *why = good                                                       ? SOCKATLAS_LOSS_HELD
           : start + 2 > __atomic_load_n(&capacity, __ATOMIC_RELAXED) ? SOCKATLAS_LOSS_LIMIT
           : sandbox_inside()                                         ? SOCKATLAS_LOSS_SANDBOX
                                                                      : SOCKATLAS_LOSS_SPACE;
    return taken;
}

struct log_slots log_take_beyond(unsigned count)
{
    enum sockatlas_loss why = SOCKATLAS_LOSS_MOVED;
    struct log_slots taken = {.at = NULL};
    if (come_in() || come_in_later()) {
        taken = take_anywhere(log_header(), count, &why);
        go_out();
    }
    if (!taken.at)
        count_loss(log_header(), why, 1, clock_now());
    return taken;
}

struct log_slots log_take_uncounted(unsigned count)
{
    enum sockatlas_loss why;
    struct log_slots taken = {.at = NULL};
    if (log_is_open() && come_in()) {
        taken = take_anywhere(log_header(), count, &why);
        go_out();
    }
    return taken;
}

/* Opens up what other processes have made of the ring, at most `most` slots. That they have is their word, in memory
 * that they can write to: so it is made real here as well, which takes no space where it is. */
static void reach_made(const struct sockatlas_header *header, uint64_t most)
{
    uint64_t made = __atomic_load_n(&header->made, __ATOMIC_ACQUIRE),
             limit = __atomic_load_n(&capacity, __ATOMIC_SEQ_CST), now;
    limit = made < limit ? made : limit;
    limit = most < limit ? most : limit;
    do
        now = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    while (now < limit && extend_to(now + 1, limit));
}

/* How much of the ring, behind the cursor, a process takes along into a sandbox: four sections at least. */
static uint64_t slots_ahead(void)
{
    enum { LEAST = 8192, MOST = 65536, PART = 128 };
    uint64_t slots = (log_mask + 1) / PART;
    return slots < LEAST ? LEAST : slots > MOST ? MOST : slots;
}

static void open_ahead(const struct sockatlas_header *header)
{
    /* Past the ring's end, all of it will be used again. */
    uint64_t cursor = __atomic_load_n(&header->cursor, __ATOMIC_RELAXED), slots = slots_ahead();
    uint64_t need = (cursor & log_mask) + slots;
    __atomic_fetch_add(&extending, 1, __ATOMIC_SEQ_CST);
    reach_made(header, cursor + slots);
    __atomic_fetch_sub(&extending, 1, __ATOMIC_SEQ_CST);
    extend(need <= log_mask ? need : log_mask + 1);
}

uint64_t log_confine(void)
{
    struct sockatlas_header *header = log_header();
    if (!header || sandbox_inside() || !come_in())
        return 0;
    open_ahead(header);
    uint64_t was = __atomic_load_n(&header->confined, __ATOMIC_ACQUIRE), ready = log_ready;
    while (ready <= log_mask && (was == 0 || was > ready) &&
           !__atomic_compare_exchange_n(&header->confined, &was, ready, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        ;
    go_out();
    return was;
}

/* Unless somebody has changed it since: then it stays. */
void log_unconfine(uint64_t was)
{
    struct sockatlas_header *header = log_header();
    uint64_t own = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    if (header)
        __atomic_compare_exchange_n(&header->confined, &own, was, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Whether this process may be the last that has the log: its maker, or a forked child once the maker has exited, and
 * not while the process lives that forked it and so has the log too. */
static bool may_be_last(struct sockatlas_header *header)
{
    if (header->pid == process_owner()) {
        __atomic_store_n(&header->maker_left, 1, __ATOMIC_RELEASE);
        return true;
    }
    return __atomic_load_n(&header->maker_left, __ATOMIC_ACQUIRE) && process_orphaned();
}

void log_finish(void)
{
    struct sockatlas_header *header = log_header();
    if (!header || sandbox_inside() || !may_be_last(header) || !log_file_trimmable() || !come_in())
        return;
    shrink(0); /* after that nobody makes more of it real */
    uint64_t ready = __atomic_load_n(&log_ready, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&capacity, __ATOMIC_SEQ_CST) == ready)
        log_file_trim(header, bytes_of(ready));
    go_out();
}
