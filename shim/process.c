/* SPDX-License-Identifier: MIT
 *
 * Process identity. A page that the kernel wipes in every forked child (MADV_WIPEONFORK) holds the pid, so that even a
 * fork made by a raw system call is noticed at the child's first event. A vfork child shares the page; its thread is
 * marked before the vfork instead. Callable from anywhere; changes nothing but its own page and thread variables.
 */
#include "shim/process.h"

#include "shim/config.h"
#include "shim/sandbox.h"
#include "shim/sys.h"

#include <stddef.h>
#include <sys/mman.h>

HOT struct process_wiped *process_wiped;
THREAD struct newborn process_newborn_of;
HOT static bool shared;
HOT static bool netns_changed;
/* The kernel has no MADV_WIPEONFORK (before 4.14): ask every time. */
HOT static bool unwiped;

THREAD struct thread_self process_thread_of;

void process_prepare(void)
{
    if (process_page() || sandbox_inside())
        return;
    long page = sys_mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    static struct process_wiped spare;
    struct process_wiped *fresh = sys_is_error(page) ? &spare : (struct process_wiped *)page;
    if (fresh == &spare || sys(SYS_madvise, fresh, 4096, MADV_WIPEONFORK) < 0)
        unwiped = true;
    fresh->pid = (uint32_t)sys(SYS_getpid);
    fresh->clock_reads = PROCESS_YOUNG;
    struct process_wiped *expected = NULL;
    if (!__atomic_compare_exchange_n(&process_wiped, &expected, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
        fresh != &spare)
        sys(SYS_munmap, fresh, 4096);
}

void process_netns_change(void)
{
    netns_changed = true;
}

bool process_netns_changed(void)
{
    return netns_changed;
}

/* False: there is nothing to recognise forks by, nor any need to. */
static bool announce(uint64_t slot)
{
    if (!config.on)
        return false;
    process_prepare();
    struct process_wiped *page = process_page();
    if (page)
        __atomic_fetch_add(&page->forks, 1, __ATOMIC_RELAXED);
    process_thread.fork_slot = slot + 1;
    process_thread.forker = page ? page->pid : 0;
    return page;
}

void process_forking(uint64_t slot)
{
    announce(slot);
}

bool process_orphaned(void)
{
    return (uint32_t)sys(SYS_getppid) != process_thread.forker;
}

void process_spawning(void)
{
    announce(UINT64_MAX);
}

void process_leave(void *memory, size_t size)
{
    if (memory && process_thread.left)
        sys(SYS_munmap, process_thread.left, process_thread.left_size);
    process_thread.left = memory;
    process_thread.left_size = size;
}

/* The parent runs, so the child has executed its program. */
static void take_down_left(void)
{
    if (process_thread.left && sys(SYS_munmap, process_thread.left, process_thread.left_size) == 0)
        process_thread.left = NULL;
}

void process_vforking(uint64_t slot)
{
    take_down_left();
    if (!announce(slot))
        return;
    process_thread.child = 0;
    process_thread.vforking = true;
    process_thread.settled = 0;
}

void process_shared(uint64_t slot)
{
    if (!announce(slot))
        return;
    __atomic_store_n(&shared, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&process_wiped->settled, 0, __ATOMIC_SEQ_CST);
}

/* A child by fork: its memory is its own, only the pid page is blank. */
static void forked(uint32_t pid, uint32_t tid)
{
    enum { CHILDREN = 0x80000000u, FORKS_BITS = 8 }; /* a pid has 22 bits at most */
    process_wiped->pid = pid;
    process_wiped->forks = CHILDREN | pid << FORKS_BITS;
    process_thread.pid = pid;
    process_thread.tid = tid;
    process_thread.vforking = false;
    process_thread.settled = 0;
    process_newborn = (struct newborn){.pid = pid, .fork_slot = process_thread.fork_slot - 1};
    process_thread.fork_slot = 0;
}

/* In a vfork child nothing of the parent's may change for good: only the thread's marks of who was born. */
static struct identity vforked(uint32_t pid)
{
    struct identity identity = {.pid = pid, .tid = (uint32_t)sys(SYS_gettid), .vforked = true};
    if (process_thread.child != pid) {
        process_thread.child = pid;
        process_newborn = (struct newborn){.pid = pid, .fork_slot = process_thread.fork_slot - 1};
    }
    return identity;
}

/* In a sandbox nobody can be asked: a forked child has a blank page, and a vfork child may be its parent. One that
 * entered itself is known from before. */
static struct identity identify_inside(void)
{
    uint32_t owner = process_owner();
    bool vforked = process_thread.vforking || shared;
    if (vforked)
        return (struct identity){.pid = process_thread.child, .tid = process_thread.child, .vforked = true};
    return (struct identity){.pid = owner, .tid = owner == process_thread.pid ? process_thread.tid : 0};
}

static struct identity identify(void)
{
    if (process_wiped->pid == 0)
        forked((uint32_t)sys(SYS_getpid), (uint32_t)sys(SYS_gettid));
    if (process_thread.vforking || shared || unwiped) {
        uint32_t pid = (uint32_t)sys(SYS_getpid);
        if (pid != process_wiped->pid && (process_thread.vforking || shared))
            return vforked(pid);
        if (pid != process_wiped->pid)
            forked(pid, (uint32_t)sys(SYS_gettid));
        process_thread.vforking = false;
        take_down_left();
    }
    if (process_thread.pid != process_wiped->pid) {
        process_thread.tid = (uint32_t)sys(SYS_gettid);
        process_thread.pid = process_wiped->pid;
        sandbox_outside();
    }
    return (struct identity){.pid = process_thread.pid, .tid = process_thread.tid};
}

void process_forked(void)
{
    sandbox_forked();
    if (sandbox_inside() && process_page()) {
        process_wiped->pid = 0; /* as the kernel has left it, if it can */
        return;
    }
    uint32_t pid = unwiped ? 0 : (uint32_t)sys(SYS_getpid);
    if (pid && process_thread.pid != pid) /* else a handler of pthread_atfork() has been here already */
        forked(pid, pid);                 /* its only thread is its first one */
}

unsigned process_goes(void)
{
    if (!sandbox_inside() || !process_thread.vforking)
        return 0;
    process_thread.vforking = false;
    return 1u | (sandbox_goes() ? 2u : 0u);
}

void process_stays(unsigned was)
{
    if (was)
        process_thread.vforking = true;
    sandbox_stays(was & 2u);
}

struct identity process_identity_slowly(void)
{
    uint32_t owner = process_owner();
    if (owner && process_thread.pid == owner && !process_thread.vforking && !shared && !unwiped)
        return (struct identity){.pid = owner, .tid = process_thread.tid};
    if (sandbox_inside())
        return identify_inside();
    process_prepare();
    return identify();
}

/* `shared` may become true meanwhile: whoever makes it so clears `settled` after it. */
void process_settle(void)
{
    struct process_wiped *page = process_page();
    if (!page || !page->pid || process_thread.pid != page->pid || process_thread.vforking || unwiped)
        return;
    process_thread.settled = page->pid;
    __atomic_store_n(&page->settled, page->pid, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&shared, __ATOMIC_SEQ_CST))
        __atomic_store_n(&page->settled, 0, __ATOMIC_SEQ_CST);
}

bool process_in_vfork_slowly(void)
{
    return (process_thread.vforking || shared) && process_identity().vforked;
}
