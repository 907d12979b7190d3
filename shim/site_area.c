/* SPDX-License-Identifier: MIT
 *
 * Areas: what each thread has, in the piece its variables and, where the program's stacks are small, a stack. They are
 * taken from one mapping, of which a thread that makes no watched call costs nothing. An area is its thread's for good:
 * a thread that ends leaves it to the next one with the same thread pointer.
 */
#include "shim/site_area.h"

#include "shim/sandbox.h"
#include "shim/sys.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    ENTRIES_BITS = 12,
    ENTRIES = 1 << ENTRIES_BITS,
    AREAS = 2048,
    BLOCK = 4 << 10,  /* an area without a stack */
    STACK = 64 << 10, /* with one: the handlers of the program's signals do not run on it */
};

/* For site_entry.c's assembly. */
__attribute__((used)) struct area_entry *area_table, *area_table_end;

static char *areas;
static size_t area_size;
static bool with_stacks;
static unsigned count;

bool area_prepare(bool stacks)
{
    with_stacks = stacks;
    area_size = with_stacks ? STACK : BLOCK;
    size_t table = ENTRIES * sizeof(struct area_entry), size = table + AREAS * area_size;
    long memory = sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_is_error(memory))
        return false;
    area_table = (struct area_entry *)memory;
    area_table_end = area_table + ENTRIES;
    areas = (char *)memory + table;
    return true;
}

struct area *area_make(uint64_t key)
{
    if (count == AREAS)
        return NULL;
    char *memory = areas + count++ * area_size;
    struct area *area = (struct area *)(void *)memory;
    area->stack = with_stacks ? memory + area_size : NULL;
    /* As site_entry.c's assembly looks for it. */
    struct area_entry *entry = area_table + ((uint32_t)key * 0x9e3779b1u >> (32 - ENTRIES_BITS));
    while (entry->key)
        entry = entry + 1 == area_table_end ? area_table : entry + 1;
    entry->area = area;
    __atomic_store_n(&entry->key, key, __ATOMIC_RELEASE);
    return area;
}

/* One that waits for its peer to read is not waited for. */
void area_await_sends(void)
{
    struct timespec moment = {.tv_nsec = 50000};
    unsigned tries = 40;
    for (struct area_entry *entry = area_table; entry < area_table_end; entry++) {
        if (!__atomic_load_n(&entry->key, __ATOMIC_ACQUIRE))
            continue;
        while ((__atomic_load_n(&entry->area->busy, __ATOMIC_SEQ_CST) & AREA_SENDS) && tries > 0 && !sandbox_inside()) {
            sys(SYS_nanosleep, &moment, NULL);
            tries--;
        }
    }
}

void area_leave(void)
{
#if defined(SOCKATLAS_PIECE)
    memset(thread_block, 0, (size_t)(__stop_thread_image - __start_thread_image));
#endif
}
