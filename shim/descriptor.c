/* SPDX-License-Identifier: MIT
 *
 * The descriptor table: chunks of 512 entries, the first in .bss, the others mapped when first needed and never given
 * back. Callable from anywhere.
 */
#include "shim/descriptor.h"

#include "shim/sys.h"

#include <stddef.h>
#include <sys/mman.h>

enum { CHUNK = DESCRIPTOR_FIRST, CHUNKS = 8192 };

struct descriptor descriptor_first[DESCRIPTOR_FIRST] LARGE;
static struct descriptor *chunks[CHUNKS] LARGE;
uint8_t descriptor_marks[CHUNKS] LARGE;
HOT int descriptor_end;

struct descriptor *descriptor_find_far(int fd)
{
    if ((unsigned)fd >= CHUNK * CHUNKS)
        return NULL;
    struct descriptor *chunk = __atomic_load_n(&chunks[(unsigned)fd / CHUNK], __ATOMIC_ACQUIRE);
    return chunk ? &chunk[(unsigned)fd % CHUNK] : NULL;
}

struct descriptor *descriptor_make(int fd)
{
    struct descriptor *entry = descriptor_find(fd);
    if (entry || (unsigned)fd >= CHUNK * CHUNKS)
        return entry;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    long chunk = sys_mmap(NULL, CHUNK * sizeof(struct descriptor), PROT_READ | PROT_WRITE, flags, -1);
    if (sys_is_error(chunk))
        return NULL;
    struct descriptor *none = NULL;
    if (!__atomic_compare_exchange_n(&chunks[(unsigned)fd / CHUNK], &none, (struct descriptor *)chunk, false,
                                     __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
        sys(SYS_munmap, chunk, CHUNK * sizeof(struct descriptor));
    return descriptor_find(fd);
}

void descriptor_reach(int fd)
{
    int seen = __atomic_load_n(&descriptor_end, __ATOMIC_RELAXED);
    while (seen <= fd &&
           !__atomic_compare_exchange_n(&descriptor_end, &seen, fd + 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

/* The lowest number from `fd` on in its chunk that is a socket's, -1 none. */
static int next_in_chunk(int fd)
{
    int last = __atomic_load_n(&descriptor_end, __ATOMIC_ACQUIRE), end = (fd / CHUNK + 1) * CHUNK;
    const struct descriptor *entry = descriptor_find(fd);
    for (; entry && fd < end && fd < last; fd++, entry++)
        if (__atomic_load_n(&entry->state, __ATOMIC_RELAXED) == DESCRIPTOR_SOCKET)
            return fd;
    return -1;
}

/* Takes the mark from a chunk that held no socket a moment ago. Who makes a socket marks its chunk last: if his mark
 * was lost to ours being stored, the look that follows reaches his number and sees his entry. */
static void unmark(int chunk)
{
    __atomic_store_n(&descriptor_marks[chunk], 0, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (next_in_chunk(chunk * CHUNK) >= 0)
        __atomic_store_n(&descriptor_marks[chunk], 1, __ATOMIC_RELEASE);
}

int descriptor_next(int from)
{
    int last = __atomic_load_n(&descriptor_end, __ATOMIC_RELAXED);
    for (int fd = from < 0 ? 0 : from; fd < last; fd = (fd / CHUNK + 1) * CHUNK) {
        if (!__atomic_load_n(&descriptor_marks[fd / CHUNK], __ATOMIC_ACQUIRE))
            continue;
        int found = next_in_chunk(fd);
        if (found >= 0)
            return found;
        if (fd % CHUNK == 0)
            unmark(fd / CHUNK);
    }
    return -1;
}
