/* SPDX-License-Identifier: MIT
 *
 * Memory of the program's that a call was given: may it be read? The kernel answers a bad pointer with EFAULT, so the
 * shim must not follow one. What a call that succeeded has read or written may be read afterwards without asking; all
 * else is asked about here first. Callable from anywhere. In a sandbox nothing can be asked: then only what is known
 * without a question counts as readable.
 */
#ifndef SHIM_MEMORY_H
#define SHIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every page size that Linux has is a multiple of this. */
enum { MEMORY_PAGE = 4096 };

/* The page size of this kernel: what it maps, protects and gives back begins at multiples of this (AArch64 has kernels
 * with 4, 16 and 64 KiB). */
uintptr_t memory_page_size(void);

/* The page that was found readable last, so that a walk over neighbouring bytes asks once a page. {0}: none yet. */
struct memory_walk {
    uintptr_t page; /* | 1 */
    bool sure;      /* there is no doubt: nothing is asked */
};

static inline uintptr_t memory_page(const void *address)
{
    return (uintptr_t)address & ~(uintptr_t)(MEMORY_PAGE - 1);
}

/* One system call where `at` is in another page than the one before. */
bool memory_walk_slowly(struct memory_walk *walk, const void *at);
static inline bool memory_walk(struct memory_walk *walk, const void *at)
{
    return walk->page == (memory_page(at) | 1) || walk->sure || memory_walk_slowly(walk, at);
}

/* How many of `size` bytes can be read, from the first on. A system call a page; none where all of them are in the page
 * that our own stack is in at this moment, as the local variables of whoever called us mostly are. */
size_t memory_readable_slowly(const void *address, size_t size);
static inline size_t memory_readable(const void *address, size_t size)
{
    uintptr_t ours = memory_page(__builtin_frame_address(0));
    if (memory_page(address) == ours && memory_page((const char *)address + size - 1) == ours && size <= MEMORY_PAGE)
        return size;
    return memory_readable_slowly(address, size);
}

/* The length of a text, at most `most`; MEMORY_UNREADABLE where it cannot be read that far or to its end. */
#define MEMORY_UNREADABLE SIZE_MAX
size_t memory_text(struct memory_walk *walk, const char *text, size_t most);

#endif
