/* SPDX-License-Identifier: MIT
 *
 * Rooms: what each thread has in the piece, its variables and, where the program's stacks are small, a stack. They are
 * taken from one mapping, of which a thread that makes no watched call costs nothing. A room is its thread's for good:
 * a thread that ends leaves it to the next one with the same thread pointer.
 */
#include "shim/piece/internal.h"
#include "shim/sys.h"

#include <string.h>
#include <sys/mman.h>

enum {
    ENTRIES_BITS = 12,
    ENTRIES = 1 << ENTRIES_BITS,
    ROOMS = 2048,
    BLOCK = 4 << 10,  /* a room without a stack */
    STACK = 64 << 10, /* with one: the handlers of the program's signals do not run on it */
};

/* For enter.c's assembly. */
__attribute__((used)) struct room_entry *room_table, *room_table_end;

static char *rooms;
static size_t room_size;
static bool with_stacks;
static unsigned count;

int room_prepare(unsigned flags)
{
    with_stacks = flags & PIECE_OWN_STACKS;
    room_size = with_stacks ? STACK : BLOCK;
    size_t table = ENTRIES * sizeof(struct room_entry), size = table + ROOMS * room_size;
    long memory = sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_is_error(memory))
        return 0;
    room_table = (struct room_entry *)memory;
    room_table_end = room_table + ENTRIES;
    rooms = (char *)memory + table;
    return 1;
}

struct room *room_make(uint64_t key)
{
    if (count == ROOMS)
        return NULL;
    char *memory = rooms + count++ * room_size;
    struct room *room = (struct room *)(void *)memory;
    room->stack = with_stacks ? memory + room_size : NULL;
    /* As enter.c's assembly looks for it. */
    struct room_entry *entry = room_table + ((uint32_t)key * 0x9e3779b1u >> (32 - ENTRIES_BITS));
    while (entry->key)
        entry = entry + 1 == room_table_end ? room_table : entry + 1;
    entry->room = room;
    __atomic_store_n(&entry->key, key, __ATOMIC_RELEASE);
    return room;
}

void room_leave(void)
{
    memset(thread_block, 0, (size_t)(__stop_thread_image - __start_thread_image));
}
