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
static uint32_t sockets[CHUNKS] LARGE; /* in each chunk, or more: never fewer than there are */
HOT static int end;                    /* one past the highest number that ever was a socket here */

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
    long chunk = sys(SYS_mmap, NULL, CHUNK * sizeof(struct descriptor), PROT_READ | PROT_WRITE, flags, -1, 0);
    if (chunk < 0 && chunk > -4096)
        return NULL;
    struct descriptor *none = NULL;
    if (!__atomic_compare_exchange_n(&chunks[(unsigned)fd / CHUNK], &none, (struct descriptor *)chunk, false,
                                     __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
        sys(SYS_munmap, chunk, CHUNK * sizeof(struct descriptor));
    return descriptor_find(fd);
}

void descriptor_come(int fd)
{
    int seen = __atomic_load_n(&end, __ATOMIC_RELAXED);
    __atomic_fetch_add(&sockets[(unsigned)fd / CHUNK], 1, __ATOMIC_RELAXED);
    while (seen <= fd && !__atomic_compare_exchange_n(&end, &seen, fd + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

void descriptor_go(int fd)
{
    __atomic_fetch_sub(&sockets[(unsigned)fd / CHUNK], 1, __ATOMIC_RELAXED);
}

int descriptor_next(int from)
{
    int fd = from < 0 ? 0 : from, last = __atomic_load_n(&end, __ATOMIC_RELAXED);
    while (fd < last) {
        if (__atomic_load_n(&sockets[(unsigned)fd / CHUNK], __ATOMIC_RELAXED) == 0) {
            fd = (fd / CHUNK + 1) * CHUNK;
            continue;
        }
        struct descriptor *entry = descriptor_find(fd);
        if (entry && entry->state == DESCRIPTOR_SOCKET)
            return fd;
        fd++;
    }
    return -1;
}
