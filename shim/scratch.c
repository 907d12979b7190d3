/* SPDX-License-Identifier: MIT
 *
 * Private mappings, and for sandboxes, where none can be made, one block for whoever comes first. Callable from
 * anywhere.
 */
#include "shim/scratch.h"

#include "shim/process.h"
#include "shim/sandbox.h"
#include "shim/sys.h"

#include <stdalign.h>
#include <stdint.h>
#include <sys/mman.h>

enum { BLOCK = 64 << 10 };
static alignas(16) unsigned char block[BLOCK] LARGE;
/* The thread that has it. One that had it in a vfork child which then executed a program has it still, and may take it
 * again: the child shares the thread's variables. */
static uintptr_t block_owner;

static struct scratch take_block(size_t size)
{
    uintptr_t nobody = 0, thread = (uintptr_t)&process_thread;
    bool ours = __atomic_compare_exchange_n(&block_owner, &nobody, thread, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) ||
                nobody == thread;
    return ours ? (struct scratch){.memory = block, .size = size} : (struct scratch){0};
}

struct scratch scratch_take(size_t size)
{
    struct scratch none = {0};
    if (!size)
        return none;
    if (sandbox_inside())
        return size <= BLOCK ? take_block(size) : none;
    long memory = sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (sys_is_error(memory))
        return none;
    if (process_in_vfork())
        process_leave((void *)memory, size);
    return (struct scratch){.memory = (void *)memory, .size = size};
}

void scratch_give(const struct scratch *scratch)
{
    if (scratch->memory == block) {
        __atomic_store_n(&block_owner, 0, __ATOMIC_RELEASE);
    } else if (scratch->memory) {
        sys(SYS_munmap, scratch->memory, scratch->size);
        if (process_in_vfork())
            process_leave(NULL, 0);
    }
}
