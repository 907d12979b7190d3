/* SPDX-License-Identifier: MIT
 *
 * Process identity. A page that the kernel wipes in every forked child (MADV_WIPEONFORK) holds the pid, so that even a
 * fork made by a raw system call is noticed at the child's first event. A vfork child shares the page; its thread is
 * marked before the vfork instead. Callable from anywhere; changes nothing but its own page and thread variables.
 */
#include "shim/process.h"

#include "shim/image.h"
#include "shim/sys.h"

#include <stddef.h>
#include <sys/mman.h>
#include <time.h>

enum { PROCESS_YOUNG = 4 };

HOT struct process_wiped *process_wiped;
__thread struct process_newborn process_newborn;
HOT static bool shared;
HOT static bool netns_changed;
HOT static bool confined;
HOT static int64_t clock_offset;
HOT static bool clock_changes; /* in children */
/* The kernel has no MADV_WIPEONFORK (before 4.14): ask every time. */
HOT static bool unwiped;

static __thread struct {
    uint32_t pid; /* the process that `tid` was read in */
    uint32_t tid;
    uint32_t child; /* the vfork child that was seen last */
    bool vforking;
    uint64_t fork_slot; /* index + 1, 0 none */
} thread;

void process_prepare(void)
{
    if (__atomic_load_n(&process_wiped, __ATOMIC_ACQUIRE))
        return;
    long page = sys(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static struct process_wiped spare;
    struct process_wiped *fresh = page < 0 && page > -4096 ? &spare : (struct process_wiped *)page;
    if (fresh == &spare || sys(SYS_madvise, fresh, 4096, MADV_WIPEONFORK) < 0)
        unwiped = true;
    fresh->pid = (uint32_t)sys(SYS_getpid);
    fresh->clock_reads = PROCESS_YOUNG;
    struct process_wiped *expected = NULL;
    if (!__atomic_compare_exchange_n(&process_wiped, &expected, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
        fresh != &spare)
        sys(SYS_munmap, fresh, 4096);
}

/* A forked child's first readings go by system call: what would spare it lies in two pages that the child has to fault
 * in first, and many a child does not live to see that pay. */
uint64_t process_now(void)
{
    struct timespec now;
    struct process_wiped *page = __atomic_load_n(&process_wiped, __ATOMIC_ACQUIRE);
    if (__builtin_expect(clock_changes && page && !page->pid, 0))
        process_identity();
    if (__builtin_expect(page && page->clock_reads < PROCESS_YOUNG && !confined, 0)) {
        page->clock_reads++;
        sys(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
    } else {
        clock_gettime(CLOCK_BOOTTIME, &now);
    }
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec -
           (uint64_t)__atomic_load_n(&clock_offset, __ATOMIC_RELAXED);
}

void process_clock_read(void)
{
    __atomic_store_n(&clock_offset, image_clock_offset(), __ATOMIC_RELAXED);
}

int64_t process_clock_offset(void)
{
    return __atomic_load_n(&clock_offset, __ATOMIC_RELAXED);
}

void process_clock_change(void)
{
    clock_changes = true;
}
void process_confine(void)
{
    process_identity();
    confined = true;
}

bool process_confined(void)
{
    return confined;
}

void process_release(void)
{
    confined = false;
}

void process_netns_change(void)
{
    netns_changed = true;
}

bool process_netns_changed(void)
{
    return netns_changed;
}

void process_forking(uint64_t slot)
{
    process_prepare();
    __atomic_fetch_add(&process_wiped->forks, 1, __ATOMIC_RELAXED);
    thread.fork_slot = slot + 1;
}

void process_vforking(uint64_t slot)
{
    process_prepare();
    __atomic_fetch_add(&process_wiped->forks, 1, __ATOMIC_RELAXED);
    thread.fork_slot = slot + 1;
    thread.child = 0;
    thread.vforking = true;
}

void process_shared(uint64_t slot)
{
    process_prepare();
    __atomic_fetch_add(&process_wiped->forks, 1, __ATOMIC_RELAXED);
    thread.fork_slot = slot + 1;
    shared = true;
}

/* A child by fork: its memory is its own, only the pid page is blank. */
static void forked(uint32_t pid)
{
    enum { CHILDREN = 0x80000000u, FORKS_BITS = 8 }; /* a pid has 22 bits at most */
    process_wiped->pid = pid;
    process_wiped->forks = CHILDREN | pid << FORKS_BITS;
    thread.pid = pid;
    thread.tid = (uint32_t)sys(SYS_gettid);
    thread.vforking = false;
    if (clock_changes && !confined)
        process_clock_read();
    process_newborn = (struct process_newborn){.pid = pid, .fork_slot = thread.fork_slot - 1};
    thread.fork_slot = 0;
}

/* In a vfork child nothing of the parent's may change for good: only the thread's marks of who was born. */
static struct identity vforked(uint32_t pid)
{
    struct identity identity = {.pid = pid, .tid = (uint32_t)sys(SYS_gettid), .vforked = true};
    if (thread.child != pid) {
        thread.child = pid;
        process_newborn = (struct process_newborn){.pid = pid, .fork_slot = thread.fork_slot - 1};
    }
    return identity;
}

static __attribute__((noinline)) struct identity identity_slowly(void)
{
    process_prepare();
    if (process_wiped->pid == 0)
        forked((uint32_t)sys(SYS_getpid));
    if (thread.vforking || shared || unwiped) {
        uint32_t pid = (uint32_t)sys(SYS_getpid);
        if (pid != process_wiped->pid && (thread.vforking || shared))
            return vforked(pid);
        if (pid != process_wiped->pid)
            forked(pid);
        thread.vforking = false;
    }
    if (thread.pid != process_wiped->pid) {
        thread.tid = (uint32_t)sys(SYS_gettid);
        thread.pid = process_wiped->pid;
    }
    return (struct identity){.pid = thread.pid, .tid = thread.tid};
}

void process_forked(void)
{
    uint32_t pid = unwiped ? 0 : (uint32_t)sys(SYS_getpid);
    if (pid && thread.pid != pid) /* else a handler of pthread_atfork() has been here already */
        forked(pid);
}

struct identity process_identity(void)
{
    uint32_t owner = process_owner();
    if (__builtin_expect(owner == 0 || thread.pid != owner || thread.vforking || shared || unwiped, 0))
        return identity_slowly();
    return (struct identity){.pid = owner, .tid = thread.tid};
}

bool process_in_vfork(void)
{
    return __builtin_expect(thread.vforking || shared, 0) && process_identity().vforked;
}
